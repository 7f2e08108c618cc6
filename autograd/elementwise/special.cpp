#include "gradtape/autograd/elementwise/special.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace gradtape::detail {

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// B_2k / (2k)! with the Bernoulli numbers B, k = 1, 2, ...
constexpr std::array bernoulli{1. / 12,
                               -1. / 720,
                               1. / 30240,
                               -1. / 1209600,
                               1. / 47900160,
                               -691. / 1307674368000,
                               1. / 74724249600,
                               -3617. / 10670622842880000,
                               43867. / 5109094217170944000,
                               -174611. / 802857662698291200000.};

/// n! / x^(n + 1)
double term(int n, double x) {
  double product = 1 / x;
  for (int k = 1; k <= n; ++k) product *= k / x;
  return product;
}

/// The n-th derivative of cot(t) as a polynomial in c = cot(t): p_0 = c, p_(k+1) = -(1 + c^2) p_k'.
double cot_derivative(int n, double c) {
  std::array<double, 174> p{0, 1};
  for (int k = 0; k < n; ++k) {
    std::array<double, 174> next{};
    for (std::size_t i = 1; i <= static_cast<std::size_t>(k) + 1; ++i) {
      const double slope = static_cast<double>(i) * p[i];
      next[i - 1] -= slope;
      next[i + 1] -= slope;
    }
    p = next;
  }
  double value = 0;
  for (int i = n + 1; i >= 0; --i) value = value * c + p[static_cast<std::size_t>(i)];
  return value;
}

}  // namespace

// S. Winitzki, "A handy approximation for the error function and its inverse" (2008), to 2e-3; then
// Halley's method, which triples the digits: three steps are one more than it takes.
double erfinv(double x) {
  const double size = std::abs(x);
  if (!(size < 1)) return size == 1 ? x * inf : nan;
  if (x == 0) return x;
  const double a = 0.147;
  const double log_rest = size < 0.5 ? std::log1p(-x * x) : std::log((1 - size) * (1 + size));
  const double b = 2 / (std::numbers::pi * a) + log_rest / 2, c = log_rest / a;
  const double root = std::sqrt(b * b - c);
  double y = std::sqrt(b > 0 ? -c / (root + b) : root - b);  // root - b without cancellation
  for (int step = 0; step < 3; ++step) {
    const double error = size < 0.5 ? std::erf(y) - size : (1 - size) - std::erfc(y);
    const double newton = error / (2 * std::numbers::inv_sqrtpi * std::exp(-y * y));
    y -= newton / (1 + y * newton);
  }
  return std::copysign(y, x);
}

// The reflection formula for x < 0, the recurrence up to 10 + n, from there the asymptotic series
// (Abramowitz and Stegun, 6.4.7, 6.4.6 and 6.4.11; for n = 0 6.3.7, 6.3.5 and 6.3.18).
double polygamma(int n, double x) {
  if (std::isnan(x)) return x;
  const double sign = n % 2 ? 1 : -1;
  if (x == 0 && n == 0) return std::copysign(inf, -x);
  if (x <= 0 && x == std::floor(x)) return n == 0 ? nan : sign * inf;  // poles
  if (x < 0) {
    const double angle = std::numbers::pi * (x - std::round(x));
    return -sign * polygamma(n, 1 - x) -
           std::pow(std::numbers::pi, n + 1) * cot_derivative(n, 1 / std::tan(angle));
  }
  if (x == inf) return n == 0 ? inf : 0;
  double sum = 0;
  for (; x < 10 + n; ++x) sum += term(n, x);
  double series = 0.5, factor = (n + 1) / x;
  for (std::size_t k = 0; k < bernoulli.size(); ++k) {
    series += bernoulli[k] * factor;
    const double next = n + 2. * static_cast<double>(k) + 2;
    factor *= next * (next + 1) / (x * x);
  }
  const double last = term(n, x);
  if (n == 0) return std::log(x) - (sum + last * series);
  return sign * (sum + last * (x / n + series));
}

}  // namespace gradtape::detail
