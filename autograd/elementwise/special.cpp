#include "gradtape/autograd/elementwise/special.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace gradtape::detail {

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr long double pi = std::numbers::pi_v<long double>;

/// B_2k / (2k)! with the Bernoulli numbers B, k = 1, 2, ...
constexpr std::array bernoulli{1.L / 12,
                               -1.L / 720,
                               1.L / 30240,
                               -1.L / 1209600,
                               1.L / 47900160,
                               -691.L / 1307674368000,
                               1.L / 74724249600,
                               -3617.L / 10670622842880000,
                               43867.L / 5109094217170944000,
                               -174611.L / 802857662698291200000.L};

/// n! / x^(n + 1)
long double term(int n, long double x) {
  long double product = 1 / x;
  for (int k = 1; k <= n; ++k) product *= k / x;
  return product;
}

/// The n-th derivative of cot(t) as a polynomial in c = cot(t): p_0 = c, p_(k+1) = -(1 + c^2) p_k'.
long double cot_derivative(int n, long double c) {
  std::array<long double, 174> p{0, 1};
  for (int k = 0; k < n; ++k) {
    std::array<long double, 174> next{};
    for (std::size_t i = 1; i <= static_cast<std::size_t>(k) + 1; ++i) {
      const long double slope = static_cast<long double>(i) * p[i];
      next[i - 1] -= slope;
      next[i + 1] -= slope;
    }
    p = next;
  }
  long double value = 0;
  for (int i = n + 1; i >= 0; --i) value = value * c + p[static_cast<std::size_t>(i)];
  return value;
}

/// The Taylor series of digamma at its positive root.
long double digamma_near_root(long double x) {
  constexpr std::array c{
      -0.001576936771430197259271L, 0.002305126326734927836938L, -0.003369801655439328082793L,
      0.004926781395729853446354L,  -0.00720453438635686824097L, 0.01053879161661217538812L,
      -0.0154247659049489591388L,   0.02259764823221810465962L,  -0.03316112647484735929226L,
      0.04880428816414310722509L,   -0.07219956125645471092612L, 0.1078240506912623657572L,
      -0.1639427054424065275043L,   0.2584997609556510106244L,   -0.4427631689835921060929L,
      0.9676722454476211704274L};
  const long double d =
      (x - 1.4616321449683622) - 9.549995429965697715184e-17L;  // the root in two parts
  long double sum = 0;
  for (long double k : c) sum = sum * d + k;
  return sum * d;
}

// The reflection formula for x < 0, the recurrence up to 10 + n, from there the asymptotic series
// (Abramowitz and Stegun, 6.4.7, 6.4.6 and 6.4.11; for n = 0 6.3.7, 6.3.5 and 6.3.18); digamma near
// its positive root, where these cancel, by its Taylor series there.
long double wide_polygamma(int n, long double x) {
  const long double sign = n % 2 ? 1 : -1, infinity = inf;
  if (x <= 0 && x == std::floor(x)) return n == 0 ? nan : sign * infinity;  // poles
  if (x < 0) {
    const long double angle = pi * (x - std::round(x));
    return -sign * wide_polygamma(n, 1 - x) -
           std::pow(pi, static_cast<long double>(n + 1)) * cot_derivative(n, 1 / std::tan(angle));
  }
  if (x == infinity) return n == 0 ? infinity : 0;
  if (n == 0 && std::abs(x - 1.4616L) < 0.05L) return digamma_near_root(x);
  long double sum = 0;
  for (; x < 10 + n; ++x) sum += term(n, x);
  long double series = 0.5L, factor = (n + 1) / x;
  for (std::size_t k = 0; k < bernoulli.size(); ++k) {
    series += bernoulli[k] * factor;
    const long double next = n + 2 * static_cast<long double>(k) + 2;
    factor *= next * (next + 1) / (x * x);
  }
  const long double last = term(n, x);
  if (n == 0) return std::log(x) - (sum + last * series);
  return sign * (sum + last * (x / n + series));
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

#ifdef __GLIBC__
double log_gamma(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}
long double log_gamma(long double x) {
  int sign;
  return ::lgammal_r(x, &sign);
}
#else
double log_gamma(double x) { return std::lgamma(x); }
long double log_gamma(long double x) { return std::lgamma(x); }
#endif

double polygamma(int n, double x) {
  if (std::isnan(x)) return x;
  if (x == 0 && n == 0) return std::copysign(inf, -x);
  return static_cast<double>(wide_polygamma(n, x));
}

}  // namespace gradtape::detail
