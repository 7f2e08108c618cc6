#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "support/close.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using std::numbers::egamma, std::numbers::ln2, std::numbers::pi;

using Function = Tensor (*)(const Tensor&);

double value(Function f, double x) { return f(full({}, x, float64)).item<double>(); }

/// The derivative of order 1 or 2.
double slope(Function f, double x, int order = 1) {
  const Tensor at = full({}, x, float64).requires_grad();
  Tensor y = f(at);
  for (int k = 0; k < order; ++k) y = grad(y, {at}, {.create_graph = true})[0];
  return y.item<double>();
}

bool near(double got, double want, double tolerance = 1e-13) {
  return std::abs(got - want) <= tolerance * std::abs(want);
}

}  // namespace

TEST_CASE("polygamma has the values of its closed forms") {
  CHECK(near(value(digamma, 1), -egamma));
  CHECK(near(value(digamma, 0.5), -egamma - 2 * ln2));
  CHECK(near(value(digamma, 2.5), -egamma - 2 * ln2 + 2 + 2. / 3));
  CHECK(near(value(digamma, -0.5), -egamma - 2 * ln2 + 2, 1e-12));
  CHECK(near(value(digamma, 1e10), std::log(1e10) - 0.5e-10));
  CHECK(near(value(digamma, -1e9 - 0.5), std::log(1e9 + 1)));
  const auto of = [](int n, double x) { return polygamma(n, full({}, x, float64)).item<double>(); };
  CHECK(of(0, 3.25) == value(digamma, 3.25));
  CHECK(near(of(1, 1), pi * pi / 6));
  CHECK(near(of(1, 0.5), pi * pi / 2));
  CHECK(near(of(1, -0.5), pi * pi / 2 + 4));
  CHECK(near(of(1, 1e-5), 1e10 + pi * pi / 6, 1e-14));
  CHECK(near(of(2, 1), -2 * 1.2020569031595942));
  CHECK(near(of(3, 0.5), std::pow(pi, 4)));
  CHECK(near(of(3, -0.5), std::pow(pi, 4) + 96));
  CHECK(near(of(2, -1.5), of(2, 0.5) + 16 + 16. / 27));
  CHECK(near(of(170, 1e3), -4.642e-206, 1e-3));
  for (int n : {1, 2, 5, 40})  // psi_n(x + 1) - psi_n(x) = (-1)^n n! / x^(n + 1)
    CHECK(near(of(n, 4.7) - of(n, 3.7),
               (n % 2 ? -1 : 1) * std::tgamma(n + 1.) / std::pow(3.7, n + 1), 1e-9));
}

TEST_CASE("the derivatives of lgamma are the polygammas") {
  for (double x : {0.3, 1.7, 12.5, -0.4, -3.3}) {
    CAPTURE(x);
    CHECK(slope(lgamma, x) == value(digamma, x));
    CHECK(slope(lgamma, x, 2) == polygamma(1, full({}, x, float64)).item<double>());
  }
}

TEST_CASE("polygamma takes orders from 0 to 170") {
  CHECK(error<ValueError>([] { (void)polygamma(-1, ones({1})); }) ==
        "polygamma: needs an order from 0 to 170, got -1");
  CHECK(error<ValueError>([] { (void)polygamma(171, ones({1})); }) ==
        "polygamma: needs an order from 0 to 170, got 171");
}

TEST_CASE("erfinv inverts erf to the last digits, in the tails too") {
  CHECK(near(value(erfinv, 0.5), 0.4769362762044699, 1e-15));
  CHECK(near(value(erfinv, -0.5), -0.4769362762044699, 1e-15));
  for (double x : {1e-300, 1e-20, 1e-8, 0.01, 0.3, 0.49999, 0.50001, 0.9, 0.999})
    CHECK(near(std::erf(value(erfinv, x)), x, 4e-16));
  for (double rest : {1e-4, 1e-9, 1e-15, 1.2e-16})
    CHECK(near(std::erfc(value(erfinv, 1 - rest)), 1 - (1 - rest), 1e-14));
  CHECK(near(erfinv(tensor({0.5f})).item<double>(), 0.4769362762044699, 6e-8));
}

TEST_CASE("sinc and its derivatives keep their digits around 0") {
  CHECK(value(sinc, 0) == 1);
  CHECK(near(value(sinc, 0.5), 2 / pi));
  CHECK(near(slope(sinc, 1e-9), -pi * pi / 3 * 1e-9));
  CHECK(near(slope(sinc, 0, 2), -pi * pi / 3));
  CHECK(near(slope(sinc, 0.5), -4 / pi));
  // On both sides of where the slope's formula changes.
  CHECK(near(slope(sinc, 0.29999999), slope(sinc, 0.30000001), 1e-7));
  CHECK(near(slope(sinc, 0.29999999, 2), slope(sinc, 0.30000001, 2), 1e-6));
}

TEST_CASE("logit keeps its digits near 1/2 and near 0") {
  CHECK(near(value(logit, 0.5 + 1e-10), 4 * ((0.5 + 1e-10) - 0.5), 1e-12));
  CHECK(near(value(logit, 1e-300), std::log(1e-300)));
  CHECK(near(value(logit, 0.8), std::log(4)));
}

TEST_CASE("saturated functions keep the digits of their slopes") {
  const double e40 = std::exp(-40);
  CHECK(near(slope(tanh, 20), 4 * e40));
  CHECK(near(slope(tanh, -20), 4 * e40));
  CHECK(near(slope(tanh, 20, 2), -8 * e40));
  CHECK(near(slope(sigmoid, 40), e40));
  CHECK(near(slope(sigmoid, -40), e40));
  CHECK(near(slope(sigmoid, 40, 2), -e40));
  CHECK(near(slope(expm1, -40), e40));
  CHECK(near(slope(softsign, 1e10), 1e-20, 1e-9));
  CHECK(near(slope(asin, 1 - 1e-10), 1 / std::sqrt(2e-10), 1e-6));
  CHECK(near(value(log_sigmoid, 40), -e40));
  CHECK(near(value(erfc, 10), 2.088487583762545e-45));
  CHECK(near(value([](const Tensor& x) { return gelu(x); }, -20), -20 * 2.753624118606234e-89));
  CHECK(near(value([](const Tensor& x) { return elu(x); }, -1e-9), -1e-9 + 0.5e-18, 1e-15));
  CHECK(near(value(tanhshrink, 1e-5), 1e-15 / 3 - 2e-25 / 15));
  CHECK(near(value(tanhshrink, 0.0999), 0.0999 - std::tanh(0.0999), 1e-12));
}

TEST_CASE("nothing overflows that has a finite result") {
  CHECK(near(hypot(tensor({3e200}, float64), tensor({4e200}, float64)).item<double>(), 5e200));
  CHECK(hypot(tensor({3e30f}), tensor({4e30f})).item<double>() == close(5e30, 1e-7));
  const Tensor big = full({}, 1000., float64);
  CHECK(near(logaddexp(big, big).item<double>(), 1000 + ln2));
  CHECK(softplus(big).item<double>() == 1000);
  CHECK(near(logaddexp(full({}, -40., float64), full({}, 0., float64)).item<double>(),
             std::exp(-40)));
}
