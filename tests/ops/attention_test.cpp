#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/runtime/work.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

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

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

/// Output and gradients of query, key, value for a loss that looks at the queries `seen` only.
std::vector<Tensor> output_and_gradients(const Tensor& q, const Tensor& k, const Tensor& v,
                                         const AttentionOptions& options, const Tensor& seen,
                                         bool create_graph) {
  const Tensor x[] = {q.requires_grad(), k.requires_grad(), v.requires_grad()};
  const Tensor y = where(seen, scaled_dot_product_attention(x[0], x[1], x[2], options), 0);
  const auto g = grad(sum(sin(y)), {x[0], x[1], x[2]}, {.create_graph = create_graph});
  return {y.detach(), g[0].detach(), g[1].detach(), g[2].detach()};
}

}  // namespace

TEST_CASE("NaN and infinities in keys and values that a query may not see are as if not there") {
  const Generator generator(5);
  const Tensor q = randn({2, 3, 4}, float64, generator), k = randn({2, 3, 4}, float64, generator),
               v = randn({2, 3, 5}, float64, generator);
  const Tensor all = ones({3, 1}, bool_), but_last = tensor({{true}, {true}, {false}});
  const Tensor last = tensor({{0}, {0}, {1}}, float64) == 1;
  const Tensor open = tensor({true, true, false}), added = tensor({0.5, -0.2, -infinite}, float64);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), infinite, -infinite})
    for (const bool create_graph : {false, true})
      for (const auto& [options, seen] : {std::pair<AttentionOptions, Tensor>{{.mask = open}, all},
                                          {{.mask = added}, all},
                                          {{.causal = true}, but_last},
                                          {{.mask = added, .causal = true}, all}}) {
        CAPTURE(bad);
        const Tensor bad_k = where(last, bad, k), bad_v = where(last, bad, v);
        const auto want = output_and_gradients(q, k, v, options, seen, create_graph);
        for (const auto& [key, value] : {std::pair{bad_k, v}, {k, bad_v}, {bad_k, bad_v}}) {
          const auto got = output_and_gradients(q, key, value, options, seen, create_graph);
          for (std::size_t i = 0; i < want.size(); ++i) CHECK(allclose(got[i], want[i], 1e-12));
        }
      }
  // A query that does see it gets it.
  const Tensor y = scaled_dot_product_attention(q, k, where(last, infinite, v), {.causal = true});
  CHECK(array_equal(isfinite(y), expand(but_last, {2, 3, 5})));
  CHECK(array_equal(slice(y, 1, 2), full({2, 1, 5}, infinite, float64)));
}

TEST_CASE("a query that masks leave nothing gets 0 and has no gradient, however they say so") {
  const Generator generator(6);
  const Tensor q = randn({3, 4}, float64, generator), k = randn({3, 4}, float64, generator),
               v = randn({3, 5}, float64, generator), bias = randn({3, 3}, float64, generator);
  const Tensor none = full({3}, -infinite, float64);
  const Tensor rows = stack({none, select(bias, 0, 1), select(bias, 0, 2)});
  const Tensor left_padding = tensor({-infinite, 0.0, 0.0}, float64);
  for (const AttentionOptions& options :
       {AttentionOptions{.mask = rows}, {.mask = bias + left_padding, .causal = true}}) {
    for (const bool create_graph : {false, true}) {
      const auto got = output_and_gradients(q, k, v, options, ones({3, 1}, bool_), create_graph);
      for (const auto& x : got) CHECK(all(isfinite(x)).item<bool>());
      CHECK(array_equal(slice(got[0], 0, 0, 1), zeros({1, 5}, float64)));
      CHECK(array_equal(slice(got[1], 0, 0, 1), zeros({1, 4}, float64)));
      // The others are what they are without it.
      const auto rest = output_and_gradients(
          slice(q, 0, 1), k, v,
          {.mask = slice(options.causal ? where(tril(ones({3, 3})) > 0, options.mask, -infinite)
                                        : options.mask,
                         0, 1)},
          ones({2, 1}, bool_), create_graph);
      CHECK(allclose(slice(got[0], 0, 1), rest[0], 1e-12));
      CHECK(allclose(got[2], rest[2], 1e-12));
      CHECK(allclose(got[3], rest[3], 1e-12));
    }
  }
  // A bias that is learned gets its gradient where it counts.
  const Tensor learned = rows.requires_grad();
  const Tensor g =
      grad(sum(sin(scaled_dot_product_attention(q, k, v, {.mask = learned}))), {learned})[0];
  CHECK(all(isfinite(g)).item<bool>());
  CHECK(array_equal(slice(g, 0, 0, 1), zeros({1, 3}, float64)));
  CHECK(any(g != 0).item<bool>());
}

TEST_CASE("a mask may be a number; one of integers is refused") {
  const Generator generator(7);
  const Tensor q = randn({3, 4}, float64, generator), k = randn({3, 4}, float64, generator),
               v = randn({3, 5}, float64, generator);
  const auto with = [&](const Tensor& mask) {
    return scaled_dot_product_attention(q, k, v, {.mask = mask});
  };
  const Tensor y = scaled_dot_product_attention(q, k, v);
  CHECK(allclose(with(0.5), y, 1e-12));
  CHECK(allclose(with(full({}, 0.5, float64)), y, 1e-12));
  CHECK(array_equal(with(full({}, -infinite, float64)), zeros({3, 5}, float64)));
  CHECK(array_equal(with(tensor(true)), y));
  CHECK(array_equal(with(tensor(false)), zeros({3, 5}, float64)));
  CHECK_THROWS_WITH_AS(with(zeros({3, 3}, int64)),
                       "scaled_dot_product_attention: dtypes do not mix: [3, 4] is float64, [3, 3] "
                       "is int64; convert one with to(float64) (see docs/errors.md#dtypes)",
                       DtypeError);
}

namespace {

/// The output and all gradients of attention, or of author::attention, which goes by public ops.
std::vector<Tensor> by(bool blocked, const Tensor& q, const Tensor& k, const Tensor& v,
                       const AttentionOptions& options, bool create_graph = false) {
  const std::vector<Tensor> x{q.requires_grad(), k.requires_grad(), v.requires_grad()};
  const Tensor y = blocked ? scaled_dot_product_attention(x[0], x[1], x[2], options)
                           : author::attention(x[0], x[1], x[2], options).output;
  auto all = grad(sum(sin(y)), x, {.create_graph = create_graph});
  if (create_graph) {
    Tensor loss = zeros({}, q.dtype());
    for (const auto& g : all) loss = loss + sum(square(g));
    all = grad(loss, x);
  }
  all.push_back(y.detach());
  return all;
}

}  // namespace

TEST_CASE("attention in blocks is attention by public ops, and so are its derivatives") {
  // 150 queries are three blocks; 70 keys end within a block of a causal matrix.
  for (const auto& [n, m] : {std::pair<std::int64_t, std::int64_t>{150, 150}, {150, 70}, {3, 90}}) {
    const Generator generator(8);
    const Tensor q = randn({2, 2, n, 5}, float64, generator),
                 k = randn({2, 2, m, 5}, float64, generator),
                 v = randn({2, 2, m, 3}, float64, generator);
    const Tensor keys = rand({2, 1, 1, m}, float64, generator) > 0.3,
                 pairs = rand({n, m}, float64, generator) > 0.5,
                 rows = concat({zeros({2, 1}, bool_), ones({n - 2, 1}, bool_)}),
                 added = randn({2, 1, n, m}, float64, generator);
    for (const AttentionOptions& options : {AttentionOptions{},
                                            {.causal = true},
                                            {.mask = keys, .scale = 0.7},
                                            {.mask = pairs},
                                            {.mask = rows, .causal = true},
                                            {.mask = added, .causal = true},
                                            {.mask = where(pairs, added, -infinite)},
                                            {.mask = tensor(false)}})
      for (const bool create_graph : {false, true}) {
        if (create_graph && n * m > 300) continue;
        const auto got = by(true, q, k, v, options, create_graph);
        const auto want = by(false, q, k, v, options, create_graph);
        for (std::size_t i = 0; i < want.size(); ++i)
          CHECK(allclose(got[i], want[i], 1e-11, 1e-13));
      }
  }
}

TEST_CASE("attention in float32 is as near to float64 as by public ops") {
  const Generator generator(9);
  const Tensor q = 6 * randn({1, 100, 16}, float64, generator),
               k = randn({1, 100, 16}, float64, generator),
               v = randn({1, 100, 16}, float64, generator);
  const auto exact = by(false, q, k, v, {.causal = true});
  const auto error = [&](bool blocked) {
    const auto y = by(blocked, q.to(float32), k.to(float32), v.to(float32), {.causal = true});
    double largest = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
      largest = std::max(largest, amax(abs(y[i].to(float64) - exact[i])).item<double>());
    return largest;
  };
  CHECK(error(true) <= 1.5 * error(false));
}

TEST_CASE("the graph of attention holds its output, not its scores") {
  const Generator generator(10);
  const Tensor q = randn({1, 2, 512, 8}, float32, generator).requires_grad();
  const auto before = detail::held_bytes;
  const Tensor y = scaled_dot_product_attention(q, q, q, {.causal = true});
  CHECK(detail::held_bytes - before < 2 * 512 * 8 * 4 + 1024);  // the output and its header
}

TEST_CASE("one tensor as query, key and value gets the sum of the three gradients") {
  const Generator generator(11);
  const Tensor x = randn({4, 3}, float64, generator);
  const auto attend = [](const Tensor& in) {
    return scaled_dot_product_attention(in, in, in, {.causal = true});
  };
  const auto checked = gradcheck(attend, x, {.order = 2});
  CHECK_MESSAGE(checked, checked.message);
}

TEST_CASE("a cotangent that is not finite reaches what it reaches by public ops") {
  const Generator generator(12);
  const Tensor q = randn({4, 3}, float64, generator), k = randn({4, 3}, float64, generator),
               v = randn({4, 2}, float64, generator);
  const Tensor seed = where(reshape(arange(4), {4, 1}) == 1, infinite, ones({4, 2}, float64));
  const auto run = [&](bool blocked) {
    const std::vector<Tensor> x{q.requires_grad(), k.requires_grad(), v.requires_grad()};
    const AttentionOptions options{.causal = true};
    return grad(blocked ? scaled_dot_product_attention(x[0], x[1], x[2], options)
                        : author::attention(x[0], x[1], x[2], options).output,
                x, {.seed = seed});
  };
  const auto got = run(true), want = run(false);
  for (std::size_t i = 0; i < want.size(); ++i)
    CHECK(array_equal(isfinite(got[i]), isfinite(want[i])));
}
