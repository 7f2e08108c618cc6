#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// Compares an activation with its definition, on a grid that holds its kinks.
template <class F, class G> void check_activation(const char* name, F f, G definition) {
  CAPTURE(name);
  const Tensor x = linspace(-8, 8, 641, float64), y = f(x);
  for (std::size_t i = 0; i < 641; ++i) {
    const double at = x.data<double>()[i], want = definition(at);
    CAPTURE(at);
    CHECK(std::abs(y.data<double>()[i] - want) <= 1e-14 * (1 + std::abs(want)));
  }
}

}  // namespace

TEST_CASE("activations follow their definitions") {
  const auto s = [](double x) { return 1 / (1 + std::exp(-x)); };
  check_activation("relu6", relu6, [](double x) { return std::min(std::max(x, 0.), 6.); });
  check_activation(
      "celu", [](const Tensor& x) { return celu(x, 1.5); },
      [](double x) { return std::max(x, 0.) + std::min(1.5 * (std::exp(x / 1.5) - 1), 0.); });
  check_activation(
      "gelu", [](const Tensor& x) { return gelu(x); },
      [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2))); });
  check_activation(
      "gelu tanh", [](const Tensor& x) { return gelu(x, Gelu::tanh); },
      [](double x) {
        return x / 2 *
               (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
      });
  check_activation("silu", silu, [=](double x) { return x * s(x); });
  check_activation("mish", mish, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); });
  check_activation(
      "softplus", [](const Tensor& x) { return softplus(x, 2); },
      [](double x) { return std::log1p(std::exp(2 * x)) / 2; });
  check_activation("softsign", softsign, [](double x) { return x / (1 + std::abs(x)); });
  check_activation("tanhshrink", tanhshrink, [](double x) { return x - std::tanh(x); });
  check_activation(
      "hardtanh", [](const Tensor& x) { return hardtanh(x, -0.5, 2); },
      [](double x) { return std::min(std::max(x, -0.5), 2.); });
  check_activation("hardsigmoid", hardsigmoid,
                   [](double x) { return std::min(std::max(x + 3, 0.), 6.) / 6; });
  check_activation("hardswish", hardswish,
                   [](double x) { return x * std::min(std::max(x + 3, 0.), 6.) / 6; });
  check_activation(
      "hardshrink", [](const Tensor& x) { return hardshrink(x, 1.5); },
      [](double x) { return std::abs(x) > 1.5 ? x : 0; });
  check_activation(
      "softshrink", [](const Tensor& x) { return softshrink(x, 1.5); },
      [](double x) { return x > 1.5    ? x - 1.5
                            : x < -1.5 ? x + 1.5
                                       : 0; });
  check_activation(
      "threshold", [](const Tensor& x) { return threshold(x, 1, -2); },
      [](double x) { return x > 1 ? x : -2; });
}

TEST_CASE("prelu takes a slope for each channel of axis 1, or one for all") {
  const Tensor x = full({2, 3, 2}, -1., float64), slopes = tensor({0.1, 0.2, 0.3}, float64);
  const Tensor y = prelu(x, slopes);
  CHECK(array_equal(select(y, 0, 1),
                    tensor(std::vector<double>{-0.1, -0.1, -0.2, -0.2, -0.3, -0.3}, {3, 2})));
  CHECK(array_equal(prelu(x, tensor({0.5}, float64)), x * 0.5));
  CHECK(error<ShapeError>([&] {
          (void)prelu(x, tensor({0.1, 0.2}, float64));
        }) ==
        "prelu: needs one slope, or one for each of the channels on axis 1: x is [2, 3, 2], slope "
        "[2]");
  CHECK(error<ShapeError>([&] { (void)prelu(slopes, slopes); }).find("prelu: needs one slope") ==
        0);
}

TEST_CASE("glu multiplies one half by the sigmoid of the other") {
  const Tensor x = tensor(std::vector<double>{1, 2, 3, 4}, {2, 2});
  CHECK(allclose(
      glu(x), tensor(std::vector<double>{1 / (1 + std::exp(-2.)), 3 / (1 + std::exp(-4.))}, {2, 1}),
      1e-14));
  CHECK(allclose(
      glu(x, 0),
      tensor(std::vector<double>{1 / (1 + std::exp(-3.)), 2 / (1 + std::exp(-4.))}, {1, 2}),
      1e-14));
  CHECK(error<ShapeError>([] {
          (void)glu(zeros({2, 3}));
        }) == "glu: axis 1 of x must have an even extent to be halved: x is [2, 3]");
  CHECK_THROWS_AS(glu(zeros({})), ShapeError);
  CHECK_THROWS_AS(glu(zeros({2}), 1), ShapeError);
}

TEST_CASE("maxout takes the maximum of neighbours") {
  const Tensor x = tensor({1.0, 5.0, 2.0, 3.0, -1.0, -7.0}, float64);
  CHECK(array_equal(maxout(x, 3), tensor({5.0, 3.0}, float64)));
  CHECK(array_equal(maxout(x, 2), tensor({5.0, 3.0, -1.0}, float64)));
  CHECK(array_equal(maxout(x, 1), x));
  CHECK(error<ShapeError>([&] { (void)maxout(x, 4); }) ==
        "maxout: 4 pieces do not divide axis 0: x is [6]");
  CHECK(error<ValueError>([&] { (void)maxout(x, 0); }) == "maxout: needs at least 1 piece, got 0");
}

TEST_CASE("rbf measures the distance to each centre") {
  const Tensor x = tensor(std::vector<double>{1, 2, 0, 0}, {2, 2}),
               centers = tensor(std::vector<double>{1, 2, 1, 0, 3, 4}, {3, 2});
  const Tensor y = rbf(x, centers, tensor({1.0, 2.0, 4.0}, float64));
  const std::vector<double> want{
      1, std::exp(-1.), std::exp(-0.5), std::exp(-5.), std::exp(-1. / 4), std::exp(-25. / 16)};
  CHECK(allclose(y, tensor(want, {2, 3}), 1e-14));
  CHECK(allclose(rbf(x, centers), rbf(x, centers, tensor({1.0}, float64))));
  CHECK(error<ShapeError>([&] {
          (void)rbf(x, zeros({2, 3}, float64));
        }) == "rbf: needs x [..., in] and centers [units, in]: x is [2, 2], centers [2, 3]");
  CHECK(error<ShapeError>([&] { (void)rbf(x, centers, zeros({2}, float64)); }) ==
        "rbf: needs a width for each unit, or one for all: centers is [3, 2], width [2]");
}

TEST_CASE("activations name the option that cannot be") {
  const Tensor x = zeros({2});
  CHECK(error<ValueError>([&] { (void)softplus(x, 0); }) == "softplus: beta must not be 0");
  CHECK(error<ValueError>([&] { (void)celu(x, 0); }) == "celu: alpha must not be 0");
  CHECK(error<ValueError>([&] { (void)hardtanh(x, 1, 0); }) == "hardtanh: low 1 is above high 0");
  CHECK(error<ValueError>([&] { (void)softshrink(x, -1); }) ==
        "softshrink: lambda must not be negative, got -1");
  CHECK(error<ValueError>([&] { (void)round(x, 31); }) ==
        "round: needs decimals from -30 to 30, got 31");
  CHECK(error<DtypeError>([] {
          (void)gelu(tensor({1, 2}));
        }) == "gelu: needs float32 or float64, got int64; convert with to(float32)");
}

TEST_CASE("division with a remainder is exact and follows Python's signs") {
  const auto of = [](Tensor (*f)(const Tensor&, const Tensor&), double a, double b) {
    return f(full({}, a, float64), full({}, b, float64)).item<double>();
  };
  for (double a : {7.0, -7.0, 6.0, -6.0, 0.7, 1e9})
    for (double b : {2.0, -2.0, 0.1, -0.1, 3.0}) {
      CAPTURE(a);
      CAPTURE(b);
      const double rest = of(remainder, a, b);
      CHECK((rest == 0 || (rest < 0) == (b < 0)));
      CHECK(std::abs(rest) < std::abs(b));
      CHECK(of(fmod, a, b) == std::fmod(a, b));
      CHECK(of(floor_divide, a, b) == std::round((a - rest) / b));
    }
  CHECK(of(floor_divide, 6, 0.1) == 59);  // 0.1 is a little more than 1/10
  CHECK(of(remainder, -7, 2) == 1);
  CHECK(of(remainder, 7, -2) == -1);
  CHECK(of(fmod, -7, 2) == -1);
}

TEST_CASE("round takes decimals") {
  const Tensor x = tensor({1.2345, -2.676, 1234.5, 1e300}, float64);
  CHECK(allclose(round(x, 2), tensor({1.23, -2.68, 1234.5, 1e300}, float64), 1e-14));
  CHECK(allclose(round(x, -2), tensor({0.0, 0.0, 1200.0, 1e300}, float64), 1e-14));
  CHECK(array_equal(round(tensor({1.25f, 3e38f}), 1), tensor({1.2f, 3e38f})));
}
