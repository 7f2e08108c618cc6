#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/nn/loss.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/close.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

Tensor spread_sample(const Shape& shape, std::uint64_t seed, Dtype dtype = float64) {
  return 3.0 * sample(shape, seed, dtype);
}

/// The softmax of row `row` of x: [rows, n], by the definition, in extended precision.
std::vector<double> reference(const Tensor& x, std::int64_t row) {
  const Tensor exact = x.to(float64);
  const auto n = static_cast<std::size_t>(x.size(1));
  const auto values = exact.data<double>().subspan(static_cast<std::size_t>(row) * n, n);
  long double total = 0;
  const long double largest = *std::max_element(values.begin(), values.end());
  for (auto value : values) total += std::exp(value - largest);
  std::vector<double> result;
  for (auto value : values)
    result.push_back(static_cast<double>(std::exp(value - largest) / total));
  return result;
}

/// The gradient of sum(w f(x)), from the raw kernels and from the recorded public ops.
void check_both_gradients(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  const Tensor leaf = x.requires_grad(), y = f(leaf);
  const Tensor w = spread_sample(y.shape(), 77, x.dtype());
  const Tensor raw = grad(y, {leaf}, {.retain_graph = true, .seed = w})[0];
  const Tensor recorded = grad(y, {leaf}, {.create_graph = true, .seed = w})[0];
  CHECK(raw.shape() == x.shape());
  const double eps = x.dtype() == float32 ? 1e-5 : 1e-13;
  CHECK(allclose(raw, recorded, eps, eps));
}

}  // namespace

TEST_CASE(
    "softmax and log_softmax agree with the definition for rows of every length around a "
    "register") {
  for (auto dtype : {float32, float64})
    for (std::int64_t n : {1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 31, 32, 33, 47, 48, 49, 200}) {
      CAPTURE(n);
      const Tensor x = spread_sample({5, n}, static_cast<std::uint64_t>(n), dtype);
      const Tensor p = softmax(x).to(float64), log_p = log_softmax(x).to(float64);
      const double eps = dtype == float32 ? 2e-6 : 1e-14;
      for (std::int64_t row = 0; row < 5; ++row) {
        const auto want = reference(x, row);
        for (std::int64_t k = 0; k < n; ++k) {
          const auto i = static_cast<std::size_t>(row * n + k);
          const double w = want[static_cast<std::size_t>(k)];
          CHECK(std::abs(p.data<double>()[i] - w) <= eps * w);
          CHECK(std::abs(log_p.data<double>()[i] - std::log(w)) <=
                eps * (1 + std::abs(std::log(w))));
        }
      }
    }
}

TEST_CASE("softmax goes along any axis") {
  const Tensor x = spread_sample({3, 4, 5}, 1);
  for (int axis : {0, 1, 2, -1, -2, -3}) {
    CAPTURE(axis);
    const Tensor e = exp(x);
    CHECK(allclose(softmax(x, axis), e / sum(e, axis, {.keepdim = true}), 1e-13));
    CHECK(allclose(log_softmax(x, axis), log(softmax(x, axis)), 1e-12));
  }
  CHECK(softmax(zeros({0, 4})).shape() == Shape{0, 4});
  CHECK(softmax(zeros({4, 0})).shape() == Shape{4, 0});
}

TEST_CASE("softmax neither overflows nor underflows, and masked elements get 0") {
  for (auto dtype : {float32, float64}) {
    const Tensor x = tensor({{1e4, 1e4, -inf}, {-1e4, -1e4, -inf}}, dtype);
    CHECK(array_equal(softmax(x), tensor({{0.5, 0.5, 0.0}, {0.5, 0.5, 0.0}}, dtype)));
    const Tensor log_p = log_softmax(x);
    CHECK(allclose(slice(log_p, 1, 0, 2), full({2, 2}, -std::log(2.0), dtype), 1e-6));
    CHECK(array_equal(slice(log_p, 1, 2), full({2, 1}, -inf, dtype)));
  }
}

TEST_CASE("a NaN in a row spoils that row only") {
  std::vector<double> values(2 * 21, 1.0);
  for (std::size_t at : {0, 5, 16, 20}) {
    auto spoilt = values;
    spoilt[at] = std::nan("");
    const Tensor p = softmax(tensor(spoilt, {2, 21}));
    for (std::size_t k = 0; k < 21; ++k) {
      CHECK(std::isnan(p.data<double>()[k]));
      CHECK(p.data<double>()[21 + k] == close(1.0 / 21, 1e-12));
    }
  }
}

TEST_CASE("equal rows have equal results wherever they stand, on any number of threads") {
  const std::int64_t n = 37, rows = 4000;
  const Tensor row = spread_sample({1, n}, 3, float32), x = expand(row, {rows, n});
  const auto one = with_threads(1, [&] { return softmax(x); });
  CHECK(array_equal(one, with_threads(4, [&] { return softmax(x); })));
  CHECK(array_equal(one, expand(softmax(row), {rows, n})));
}

TEST_CASE("the gradients of softmax are right to second order, recorded or not") {
  for (std::int64_t n : {1, 5, 8, 19}) {
    for (auto dtype : {float32, float64}) {
      check_both_gradients([](const Tensor& x) { return softmax(x); },
                           spread_sample({4, n}, 5, dtype));
      check_both_gradients([](const Tensor& x) { return log_softmax(x); },
                           spread_sample({4, n}, 5, dtype));
      check_both_gradients([](const Tensor& x) { return softmax(x, 0); },
                           spread_sample({4, n}, 5, dtype));
    }
  }
  const auto soft = gradcheck([](const Tensor& x) { return softmax(x, 1); },
                              spread_sample({2, 3, 2}, 6), {.order = 2});
  CHECK_MESSAGE(soft, soft.message);
  const auto log_soft = gradcheck([](const Tensor& x) { return log_softmax(x); },
                                  spread_sample({2, 5}, 7), {.order = 2});
  CHECK_MESSAGE(log_soft, log_soft.message);
}

TEST_CASE("a zero cotangent gives a zero gradient, even of rows that are NaN") {
  const Tensor x = tensor({{-inf, -inf, -inf}, {inf, 1.0, 0.0}}, float64).requires_grad();
  for (bool recorded : {false, true})
    for (const Tensor& y : {softmax(x), log_softmax(x)}) {
      const Tensor dx = grad(y, {x}, {.create_graph = recorded, .seed = zeros({2, 3}, float64)})[0];
      CHECK(array_equal(dx, zeros({2, 3}, float64)));
    }
}

TEST_CASE("softmax refuses integers and axes out of range") {
  CHECK_THROWS_AS(softmax(tensor({1, 2})), DtypeError);
  CHECK(error<Error>([] {
          (void)softmax(tensor({1, 2}));
        }) == "softmax: needs float32 or float64, got int64; convert with to(float32)");
  CHECK_THROWS_AS(log_softmax(zeros({2, 3}), 2), ShapeError);
  CHECK(error<Error>([] {
          (void)log_softmax(zeros({2, 3}), 2);
        }) == "log_softmax: axis 2 is out of range for shape [2, 3]");
}

TEST_CASE("a confident softmax keeps the digits of its small losses and slopes, recorded or not") {
  // p = softmax({20, 0, -1}) is {1 - q1 - q2, q1, q2}; mpmath to 50 digits.
  const double loss = 2.8194096612552131e-9, q1 = 2.0611536166273214e-9,
               q2 = 7.5825604065335626e-10, rest = 2.8194096572806777e-9;
  for (const Dtype dtype : {float32, float64}) {
    const double tolerance = dtype == float32 ? 1e-6 : 1e-14;
    const auto agree = [&](const Tensor& got, const NestedList& want) {
      CHECK(allclose(got.detach().to(float64), detail::from_braces(want, float64), tolerance, 0));
    };
    for (const bool create_graph : {false, true}) {
      CAPTURE(create_graph);
      const Tensor x = tensor({{20, 0, -1}}, dtype).requires_grad();
      const auto slope = [&](const Tensor& y, const NestedList& seed) {
        return grad(y, {x},
                    {.create_graph = create_graph, .seed = detail::from_braces(seed, dtype)})[0];
      };
      const Tensor y = log_softmax(x);
      agree(select(reshape(y, {3}), 0, 0), -loss);
      agree(slope(y, {{1, 0, 0}}), {{rest, -q1, -q2}});
      const double p = 1 - rest;
      agree(slope(softmax(x), {{1, 0, 0}}), {{p * rest, -p * q1, -p * q2}});
      agree(nn::cross_entropy(x, tensor({0})), loss);
      agree(slope(nn::cross_entropy(x, tensor({0})), 1), {{-rest, q1, q2}});
      const Tensor one_hot_row = tensor({{1, 0, 0}}, dtype);
      agree(nn::cross_entropy(x, one_hot_row), loss);
      agree(slope(nn::cross_entropy(x, one_hot_row), 1), {{-rest, q1, q2}});
      agree(nn::cross_entropy(x, tensor({{0.75, 0.25, 0}}, dtype)), 5.0000000028194097);
      agree(nn::cross_entropy(x, tensor({1})), 20 + loss);
      agree(slope(nn::cross_entropy(x, tensor({1})), 1), {{1 - rest, q1 - 1, q2}});
    }
  }
}

TEST_CASE("two elements that are half of a softmax each keep their own slopes") {
  // p = {1/2, 1/2, 0, ...}: the slope of log p_0 is e_0 - p, that of p_0 is p_0 (e_0 - p).
  for (const Dtype dtype : {float32, float64})
    for (const std::int64_t n : {2, 3, 16, 17, 40}) {
      CAPTURE(n);
      std::vector<double> logits(static_cast<std::size_t>(n), -1000);
      logits.front() = logits.back() = 3;
      const Tensor x = reshape(tensor(logits, dtype), {1, n}).requires_grad();
      const Tensor first = one_hot(tensor({0}), n, dtype),
                   both = first + one_hot(tensor({n - 1}), n, dtype);
      const auto slope = [&](const Tensor& y, const Tensor& seed) {
        return grad(y, {x}, {.seed = seed})[0].detach();
      };
      const Tensor want = first - 0.5 * both;
      CHECK(allclose(slope(log_softmax(x), first), want, 1e-6, 1e-7));
      CHECK(allclose(slope(softmax(x), first), 0.5 * want, 1e-6, 1e-7));
      const Tensor one = ones({}, dtype);
      CHECK(allclose(slope(nn::cross_entropy(x, tensor({0})), one), -want, 1e-6, 1e-7));
      CHECK(allclose(slope(nn::cross_entropy(x, first), one), -want, 1e-6, 1e-7));
    }
}

TEST_CASE("softmax and cross_entropy have their limits at infinite logits") {
  for (const Dtype dtype : {float32, float64})
    for (const bool create_graph : {false, true}) {
      const Tensor x = tensor({{inf, 0, -inf}}, dtype).requires_grad();
      const auto slope = [&](const Tensor& y) {
        return grad(y, {x}, {.create_graph = create_graph})[0].detach();
      };
      const auto row = [&](const NestedList& values) { return detail::from_braces(values, dtype); };
      CHECK(array_equal(softmax(x).detach(), row({{1, 0, 0}})));
      CHECK(array_equal(log_softmax(x).detach(), row({{0, -inf, -inf}})));
      CHECK(array_equal(softmax(row({{inf, inf, 0}})), row({{0.5, 0.5, 0}})));
      CHECK(nn::cross_entropy(x, tensor({0})).item<double>() == 0);
      CHECK(array_equal(slope(nn::cross_entropy(x, tensor({0}))), row({{0, 0, 0}})));
      CHECK(nn::cross_entropy(x, tensor({1})).item<double>() == inf);
      CHECK(array_equal(slope(nn::cross_entropy(x, tensor({1}))), row({{1, -1, 0}})));
      const Tensor one_hot_row = row({{1, 0, 0}});
      CHECK(nn::cross_entropy(x, one_hot_row).item<double>() == 0);
      CHECK(array_equal(slope(nn::cross_entropy(x, one_hot_row)), row({{0, 0, 0}})));
    }
  // A row of -inf has no softmax, and none is made up.
  CHECK(all(isnan(softmax(full({3}, -inf)))).item<bool>());
  CHECK(all(isnan(log_softmax(full({3}, -inf)))).item<bool>());
  // Label smoothing wants every class, also one that is impossible.
  CHECK(nn::cross_entropy(tensor({{-inf, 0.0}}), tensor({1}), {.label_smoothing = 0.1})
            .item<double>() == inf);
}
