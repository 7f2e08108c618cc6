#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

struct Sample {
  Generator generator{3};
  Tensor q = randn({2, 3, 4}, float64, generator), k = randn({2, 3, 4}, float64, generator),
         v = randn({2, 3, 5}, float64, generator);
};

}  // namespace

TEST_CASE("attention is softmax(q k^T / sqrt(d)) v") {
  const auto [generator, q, k, v] = Sample();
  const Tensor weights = softmax(matmul(q, transpose(k)) / 2.0);
  CHECK(allclose(scaled_dot_product_attention(q, k, v), matmul(weights, v), 1e-12));
  CHECK(allclose(scaled_dot_product_attention(q, k, v, {.scale = 0}),
                 expand(mean(v, -2, {.keepdim = true}), v.shape()), 1e-12));
}

TEST_CASE("causal attention of a position does not depend on later ones") {
  auto [generator, q, k, v] = Sample();
  const Tensor before = scaled_dot_product_attention(q, k, v, {.causal = true});
  const Tensor last = reshape(tensor({0, 0, 1}, float64), {3, 1});
  const Tensor after = scaled_dot_product_attention(q, k + last, v + last, {.causal = true});
  CHECK(array_equal(slice(before, 1, 0, 2), slice(after, 1, 0, 2)));
  CHECK_FALSE(allclose(before, after));
  CHECK(allclose(select(before, 1, 0), select(v, 1, 0)));
}

TEST_CASE("a bool mask, the same as -inf added, and the shorter keys agree") {
  const auto [generator, q, k, v] = Sample();
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor seen = tensor({true, true, false});
  const Tensor by_mask = scaled_dot_product_attention(q, k, v, {.mask = seen});
  CHECK(allclose(
      by_mask, scaled_dot_product_attention(q, k, v, {.mask = tensor({0.0, 0.0, -inf}, float64)})));
  CHECK(allclose(by_mask, scaled_dot_product_attention(q, slice(k, 1, 0, 2), slice(v, 1, 0, 2))));
}

TEST_CASE("a query that may see nothing gets 0 and passes no gradient") {
  const auto [generator, q, k, v] = Sample();
  const Tensor x = q.requires_grad();
  const Tensor mask = tensor({{true, true, true}, {false, false, false}, {true, false, true}});
  const Tensor y = scaled_dot_product_attention(x, k, v, {.mask = mask});
  CHECK(array_equal(select(y, 1, 1).detach(), zeros({2, 5}, float64)));
  const Tensor g = grad(sum(y), {x})[0];
  CHECK(array_equal(select(g, 1, 1), zeros({2, 4}, float64)));
  CHECK(amax(abs(select(g, 1, 0))).item<double>() > 0);
}

TEST_CASE("attention drops weights, not values") {
  const Tensor q = zeros({1, 2000, 1}), v = ones({1, 2000, 1});
  Generator generator(7);
  const Tensor y = scaled_dot_product_attention(slice(q, 1, 0, 1), q, v,
                                                {.dropout = 0.25, .generator = generator});
  CHECK(y.item<float>() == close(1, 0.05));
  CHECK(y.item<float>() != 1);
}

TEST_CASE("attention says what is wrong with its arguments") {
  const Tensor q = ones({2, 3}), k = ones({4, 3}), v = ones({4, 2});
  CHECK_THROWS_WITH_AS(scaled_dot_product_attention(q, ones({4, 2}), v),
                       "scaled_dot_product_attention: query [2, 3] and key [4, 2] differ in their "
                       "last extent",
                       ShapeError);
  CHECK_THROWS_WITH_AS(scaled_dot_product_attention(q, k, ones({3, 2})),
                       "scaled_dot_product_attention: key [4, 3] and value [3, 2] differ in their "
                       "number of rows",
                       ShapeError);
  CHECK_THROWS_WITH_AS(scaled_dot_product_attention(q, ones({3}), v),
                       doctest::Contains("needs query"), ShapeError);
  CHECK_THROWS_WITH_AS(scaled_dot_product_attention(q, k, v, {.mask = ones({3, 4}, bool_)}),
                       "scaled_dot_product_attention: mask [3, 4] does not broadcast to the "
                       "scores, [2, 4]",
                       ShapeError);
}
