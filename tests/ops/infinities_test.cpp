// Reductions, ranks and scans over infinities and over integers too large for their sum.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

Tensor slope(const Tensor& at, Tensor (*f)(const Tensor&), const Tensor& weights) {
  const Tensor x = at.requires_grad("x");
  const Tensor plain = grad(sum(f(x) * weights), {x})[0];
  const Tensor recorded = grad(sum(f(x) * weights), {x}, {.create_graph = true})[0].detach();
  CHECK(allclose(plain, recorded, 1e-6, 0));
  return plain;
}

}  // namespace

TEST_CASE("a quantile between infinities is what lies between them") {
  const auto at = [](const Tensor& x, double q) { return quantile(x, q).item<double>(); };
  CHECK(at(tensor({inf, inf}, float64), 0.5) == inf);
  CHECK(at(tensor({-inf, -inf, 3.0}, float64), 0.25) == -inf);
  CHECK(at(tensor({-inf, 1.0}, float64), 0.25) == -inf);
  CHECK(at(tensor({1.0, inf}, float64), 0.75) == inf);
  CHECK(at(tensor({1.0, inf}, float64), 0.0) == 1);
  CHECK(at(tensor({-inf, 1.0}, float64), 1.0) == 1);
  CHECK(at(tensor({-inf, 1.0, 2.0, inf}, float64), 0.5) == 1.5);
  CHECK(std::isnan(at(tensor({-inf, inf}, float64), 0.5)));  // no number lies between
  // 6e38 is no float32, but what lies half-way is.
  CHECK(quantile(tensor({-3e38, 3e38}, float32), 0.5).item<float>() == 0);
  CHECK(at(tensor({0.1, 0.1}, float64), 0.3) == 0.1);
}

TEST_CASE("a quantile shares its slope between two elements, infinite or not") {
  const auto shares = [](const Tensor& at) {
    const Tensor x = at.requires_grad("x");
    return grad(quantile(x, 0.25), {x})[0];
  };
  CHECK(array_equal(shares(tensor({2, 6}, float64)), tensor({0.75, 0.25}, float64)));
  CHECK(array_equal(shares(tensor({inf, inf}, float64)), tensor({0.75, 0.25}, float64)));
  // The quantile does not move as q does between equal elements.
  const Tensor q = Tensor(0.25).to(float64).requires_grad("q");
  CHECK(grad(quantile(tensor({inf, inf}, float64), q), {q})[0].item<double>() == 0);
  CHECK(grad(quantile(tensor({2, 6}, float64), q), {q})[0].item<double>() == 4);
}

TEST_CASE("logsumexp gives its slope to the elements that make it infinite") {
  const auto of = [](const Tensor& x) { return logsumexp(x, -1); };
  const Tensor x = tensor({{1, inf, 2}, {inf, inf, 0}, {0, 0, -inf}, {-inf, -inf, -inf}}, float64);
  CHECK(array_equal(slope(x, of, ones({4}, float64)),
                    tensor({{0, 1, 0}, {0.5, 0.5, 0}, {0.5, 0.5, 0}, {0, 0, 0}}, float64)));
  const Tensor leaf = x.requires_grad("x");
  const Tensor first = grad(sum(of(leaf)), {leaf}, {.create_graph = true})[0];
  const Tensor second = grad(sum(first * tensor({1, 2, 4}, float64)), {leaf})[0];
  // of softmax (1/2, 1/2, 0) with weights (1, 2, 4): p (w - p.w) = (-1/4, 1/4, 0)
  CHECK(array_equal(second, tensor({{0, 0, 0}, {0, 0, 0}, {-0.25, 0.25, 0}, {0, 0, 0}}, float64)));
}

TEST_CASE("logcumsumexp goes on behind an infinity") {
  const auto of = [](const Tensor& x) { return logcumsumexp(x, 0); };
  CHECK(array_equal(of(tensor({1, inf, 2}, float64)), tensor({1, inf, inf}, float64)));
  CHECK(array_equal(slope(tensor({1, inf, 2}, float64), of, tensor({1, 2, 4}, float64)),
                    tensor({1, 6, 0}, float64)));
  CHECK(array_equal(slope(tensor({-inf, 0, -inf}, float64), of, tensor({1, 2, 4}, float64)),
                    tensor({0, 6, 0}, float64)));
}

TEST_CASE("sums and products of int64 wrap around modulo 2^64, as NumPy's do") {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  const Tensor x = tensor({most, std::int64_t{2}});
  CHECK(sum(x).item<std::int64_t>() == least + 1);
  CHECK(prod(x).item<std::int64_t>() == -2);
  CHECK(array_equal(cumsum(x, 0), tensor({most, least + 1})));
  CHECK(array_equal(cumprod(x, 0), tensor({most, std::int64_t{-2}})));
  CHECK(array_equal(sum(reshape(x, {2, 1}), 0), tensor({least + 1})));
}

TEST_CASE("products and their slopes leave the range only where the result does") {
  const auto of = [](const Tensor& x) { return prod(x, -1); };
  const Tensor x = tensor({{1e20, 1e20, 1e-20, 1e-20}, {1e20, 1e20, 1e20, 0}}, float32);
  CHECK(allclose(of(x), tensor({1, 0}, float32), 1e-6, 0));
  CHECK(allclose(slope(x, of, ones({2})),
                 tensor({{1e-20, 1e-20, 1e20, 1e20}, {0, 0, 0, inf}}, float32), 1e-6, 0));
  const Tensor y = tensor({1e200, 1e-200, 1e200, 1e-200}, float64);
  CHECK(prod(y).item<double>() == doctest::Approx(1));
  CHECK(allclose(slope(y, of, ones({}, float64)), 1.0 / y, 1e-12, 0));
  CHECK(prod(tensor({1e200, 1e200, 0.0}, float64)).item<double>() == 0);
  CHECK(std::isnan(prod(tensor({inf, 0.0, 1.0}, float64)).item<double>()));
  CHECK(prod(tensor({1e-200, 1e-200, inf}, float64)).item<double>() == inf);
}

TEST_CASE("the slope of a norm at infinity is that of the elements that are infinite") {
  const Tensor x = tensor({{1, inf}, {-inf, inf}, {3, 4}}, float64);
  const auto two = [](const Tensor& t) { return norm(t, 2, 1); };
  const auto three = [](const Tensor& t) { return norm(t, 3, 1, {.keepdim = true}); };
  const double half = std::sqrt(0.5), share = std::pow(2, -2.0 / 3);
  CHECK(allclose(slope(x, two, ones({3}, float64)),
                 tensor({{0, 1}, {-half, half}, {0.6, 0.8}}, float64)));
  CHECK(allclose(slope(slice(x, 0, 0, 2), three, ones({2, 1}, float64)),
                 tensor({{0, 1}, {-share, share}}, float64)));
}
