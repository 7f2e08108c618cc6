#include "support/accuracy.hpp"

#include <gradtape/autograd/ops.hpp>

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace gradtape::testing {
namespace {

using Real = long double;
constexpr Real pi = std::numbers::pi_v<Real>, ln2 = std::numbers::ln2_v<Real>,
               inf = std::numeric_limits<Real>::infinity(),
               nan = std::numeric_limits<Real>::quiet_NaN(),
               two_by_root_pi = 2 * std::numbers::inv_sqrtpi_v<Real>;

Real power2(Real x) { return x * x; }
Real zero(Real) { return 0; }
/// x, or a finite number that is as good in a product with what vanishes at infinity.
Real bounded(Real x) { return std::isinf(x) ? std::copysign(Real(1e4), x) : x; }

Real logistic(Real x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
Real logistic_slope(Real x) { return logistic(x) * logistic(-x); }
/// (1 / cosh x)^2
Real sech2(Real x) {
  const Real e = std::exp(-std::abs(x));
  return power2(2 * e / (1 + e * e));
}
Real density(Real x) {
  return std::exp(-x * x / 2) * std::numbers::inv_sqrtpi_v<Real> / std::sqrt(Real(2));
}
/// a b - ab exactly, for ab = a b rounded
Real lost_by_product(Real a, Real b, Real ab) { return std::fma(a, b, -ab); }
Real normal(Real x) {
  const Real root_half = std::sqrt(Real(0.5)), y = -x * root_half;
  if (!(y > 1 && y < 200)) return std::erfc(y) / 2;
  // Far out erfc(y) falls 2 y times as fast as y grows, so that rounding y would show in float64.
  const Real root_half_lost = -lost_by_product(root_half, root_half, 0.5L) * root_half;
  const Real y_lost = lost_by_product(-x, root_half, y) - x * root_half_lost;
  return std::erfc(y) * (1 - 2 * y * y_lost) / 2;
}
/// times x, which vanishes at -inf
Real times(Real x, Real factor) { return x == -inf ? -0. : x * factor; }

/// x - tanh(x) by the continued fraction of tanh
Real x_minus_tanh(Real x) {
  if (std::abs(x) > 2) return x - std::tanh(x);
  Real w = 0;
  for (int k = 30; k >= 1; --k) w = x * x / (2 * k + 1 + w);
  return x * (w / (1 + w));
}
/// sin(pi x) and cos(pi x), x reduced first
Real sin_pi(Real x) {
  const Real n = std::nearbyint(x), y = std::sin(pi * (x - n));
  return std::fmod(n, Real(2)) != 0 ? -y : y;
}
Real cos_pi(Real x) { return sin_pi(Real(0.5) - std::abs(x - 2 * std::nearbyint(x / 2))); }
Real sinc_exact(Real x) { return x == 0 ? 1 : std::isinf(x) ? 0 : sin_pi(x) / (pi * x); }
Real sinc_slope(Real x) {
  if (std::isinf(x)) return 0;
  if (std::abs(x) > Real(0.4)) return (cos_pi(x) - sinc_exact(x)) / x;
  Real sum = 0, term = 1;
  for (int k = 1; k < 25; ++k) {
    term *= -power2(pi * x) / (2 * k * (2 * k + 1));
    sum += 2 * k * term;
  }
  return x == 0 ? 0 : sum / x;
}
/// Newton's method in logarithms of erfc, from the answer in double.
Real erfinv_exact(Real x) {
  const Real size = std::abs(x);
  if (!(size < 1)) return size == 1 ? x * inf : nan;
  if (x == 0) return x;
  Real y = erfinv(full({}, static_cast<double>(size), float64)).item<double>();
  for (int k = 0; k < 3; ++k) {
    const Real error = size < 0.5 ? std::erf(y) - size : (1 - size) - std::erfc(y);
    const Real newton = error / (two_by_root_pi * std::exp(-y * y));
    y -= newton / (1 + y * newton);
  }
  return std::copysign(y, x);
}
/// The recurrence up to 40, there the asymptotic series.
Real digamma_exact(Real x) {
  if (x == 0) return std::copysign(inf, -x);
  if (x < 0) {
    const Real angle = pi * (x - std::nearbyint(x));
    return x == std::floor(x) ? nan : digamma_exact(1 - x) - pi / std::tan(angle);
  }
  if (std::isinf(x)) return x;
  Real sum = 0;
  for (; x < 40; ++x) sum -= 1 / x;
  const Real t = 1 / (x * x);
  return sum + std::log(x) - 1 / (2 * x) -
         t * (1 / Real(12) -
              t * (1 / Real(120) - t * (1 / Real(252) - t * (1 / Real(240) - t / 132))));
}
Real trigamma_exact(Real x) {
  if (x <= 0 && x == std::floor(x)) return inf;
  if (x < 0) return power2(pi / sin_pi(x)) - trigamma_exact(1 - x);
  if (std::isinf(x)) return 0;
  Real sum = 0;
  for (; x < 40; ++x) sum += 1 / (x * x);
  const Real t = 1 / (x * x);
  return sum + (1 + (1 / (2 * x)) +
                t * (1 / Real(6) - t * (1 / Real(30) - t * (1 / Real(42) - t / 30)))) /
                   x;
}
Real logit_exact(Real x) {
  if (x < 0 || x > 1) return nan;
  return std::abs(x - Real(0.5)) < Real(0.25) ? std::log1p((2 * x - 1) / (1 - x))
                                              : std::log(x) - std::log1p(-x);
}
Real mish_factor(Real x) {
  const Real e = std::exp(-std::abs(x)), below = e * (e + 2);
  return x < 0 ? below / (below + 2) : (1 + 2 * e) / (1 + 2 * e * (1 + e));
}
Real mish_slope(Real x) {
  const Real s = logistic(x), r = logistic(-x), d = 1 + r * r;
  return s * ((1 + r) / d + bounded(x) * power2(2 * r / d));
}
constexpr Real gelu_linear = 1.5957691216057307117597842397375L;
Real gelu_angle(Real x) { return gelu_linear * (x + 0.044715L * x * x * x); }
/// x logistic(gelu_angle(x)); far below 0, where rounding the angle would show in float64, with
/// what that takes.
Real gelu_tanh(Real x) {
  if (x == -inf) return -0.L;
  if (!(x < 0 && x > -30)) return x * logistic(gelu_angle(x));
  constexpr Real linear = 0x1.9884533d43651p+0L, linear_lost = -9.969308809110920314577e-17L,
                 cubic = 0x1.2444f2a4d8b4bp-4L, cubic_lost = -6.175149918155315453376e-19L;
  const Real square = x * x, a = cubic * square, sum = linear + a, angle = x * sum;
  const Real a_lost = lost_by_product(cubic, square, a) + cubic * lost_by_product(x, x, square) +
                      cubic_lost * square;
  const Real sum_lost =
      (a < linear ? a - (sum - linear) : linear - (sum - a)) + linear_lost + a_lost;
  const Real lost = lost_by_product(x, sum, angle) + x * sum_lost;
  return x * logistic(angle) * (1 + lost * logistic(-angle));
}
/// sigmoid(u) + x u' sigmoid(u) sigmoid(-u); the size of its terms for sign -1 below 0
Real gelu_tanh_slope(Real x) {
  const Real p = x > 100 ? 100 : x < -100 ? -100 : x, u = gelu_angle(p);
  return logistic(u) * (1 + p * gelu_linear * (1 + 3 * 0.044715L * p * p) * logistic(-u));
}

#define EXACT(expression) []([[maybe_unused]] Real x) -> Real { return expression; }
#define OP(function) [](const Tensor& x) { return function; }

// A row a line, or as few as it takes.
// clang-format off
const std::vector<AccuracyRow> rows{
    {"abs", abs, EXACT(std::abs(x)), EXACT((x > 0) - (x < 0)), zero, 0, 0, 0},
    {"square", square, EXACT(x * x), EXACT(2 * x), EXACT(2), 0.5, 0, 0},
    {"sqrt", sqrt, EXACT(std::sqrt(x)), EXACT(0.5L / std::sqrt(x)), EXACT(-0.25L / (x * std::sqrt(x))), 0.5, 1.5, 5},
    {"cbrt", cbrt, EXACT(std::cbrt(x)), EXACT(1 / (3 * power2(std::cbrt(x)))), EXACT(-2 / (9 * x * power2(std::cbrt(x)))), 2, 6, 20},
    {"rsqrt", rsqrt, EXACT(1 / std::sqrt(x)), EXACT(-0.5L / std::sqrt(x) / std::sqrt(x) / std::sqrt(x)), EXACT(0.75L / (x * x) / std::sqrt(x)), 1.5, 5, 10},
    {"reciprocal", reciprocal, EXACT(1 / x), EXACT(-1 / x / x), EXACT(2 / x / x / x), 0.5, 2, 4},
    {"exp", exp, EXACT(std::exp(x)), EXACT(std::exp(x)), EXACT(std::exp(x)), 1, 1, 1},
    {"exp2", exp2, EXACT(std::exp2(x)), EXACT(ln2 * std::exp2(x)), nullptr, 1.5, 3},
    {"expm1", expm1, EXACT(std::expm1(x)), EXACT(std::exp(x)), EXACT(std::exp(x)), 2, 1, 1},
    {"log", log, EXACT(std::log(x)), EXACT(1 / x), EXACT(-1 / x / x), 1, 0.5, 2},
    {"log2", log2, EXACT(std::log2(x)), EXACT(1 / ln2 / x), nullptr, 1.5, 1},
    {"log10", log10, EXACT(std::log10(x)), EXACT(1 / std::log(10.L) / x), nullptr, 1, 1},
    {"log1p", log1p, EXACT(std::log1p(x)), EXACT(1 / (1 + x)), nullptr, 1, 1.5},
    {"logit", logit, logit_exact, EXACT(1 / (x * (1 - x))), nullptr, 1.5, 2},
    {"sin", sin, EXACT(std::sin(x)), EXACT(std::cos(x)), EXACT(-std::sin(x)), 1.5, 1.5, 1.5},
    {"cos", cos, EXACT(std::cos(x)), EXACT(-std::sin(x)), EXACT(-std::cos(x)), 1.5, 1.5, 1.5},
    {"tan", tan, EXACT(std::tan(x)), EXACT(1 + power2(std::tan(x))), EXACT(2 * std::tan(x) * (1 + power2(std::tan(x)))), 2, 4, 8},
    {"asin", asin, EXACT(std::asin(x)), EXACT(1 / std::sqrt((1 - x) * (1 + x))), EXACT(x / ((1 - x) * (1 + x)) / std::sqrt((1 - x) * (1 + x))), 2, 2, 8},
    {"acos", acos, EXACT(std::acos(x)), EXACT(-1 / std::sqrt((1 - x) * (1 + x))), EXACT(-x / ((1 - x) * (1 + x)) / std::sqrt((1 - x) * (1 + x))), 2, 2, 8},
    {"atan", atan, EXACT(std::atan(x)), EXACT(1 / (1 + x * x)), EXACT(std::isinf(x) ? 0 : -2 * x / power2(1 + x * x)), 2, 2, 6},
    {"sinh", sinh, EXACT(std::sinh(x)), EXACT(std::cosh(x)), EXACT(std::sinh(x)), 2, 2, 2},
    {"cosh", cosh, EXACT(std::cosh(x)), EXACT(std::sinh(x)), EXACT(std::cosh(x)), 2, 2, 2},
    {"tanh", tanh, EXACT(std::tanh(x)), sech2, EXACT(-2 * std::tanh(x) * sech2(x)), 1.5, 4, 12},
    {"asinh", asinh, EXACT(std::asinh(x)), EXACT(1 / std::sqrt(x * x + 1)), EXACT(std::isinf(x) ? 0 : -x / (x * x + 1) / std::sqrt(x * x + 1)), 2, 2, 8},
    {"acosh", acosh, EXACT(std::acosh(x)), EXACT(1 / (std::sqrt(x - 1) * std::sqrt(x + 1))), EXACT(std::isinf(x) ? 0 : -x / ((x - 1) * (x + 1)) / (std::sqrt(x - 1) * std::sqrt(x + 1))), 2, 4, 8},
    {"atanh", atanh, EXACT(std::atanh(x)), EXACT(1 / ((1 - x) * (1 + x))), nullptr, 1.5, 2},
    {"sinc", sinc, sinc_exact, sinc_slope, nullptr, 2, 4, 0, EXACT(x == 0 ? 0 : std::min(1.L, 1 / std::abs(x)))},
    {"erf", erf, EXACT(std::erf(x)), EXACT(two_by_root_pi * std::exp(-x * x)), nullptr, 1.5, 3},
    {"erfc", erfc, EXACT(std::erfc(x)), EXACT(-two_by_root_pi * std::exp(-x * x)), nullptr, 2, 3},
    {"erfinv", erfinv, erfinv_exact, EXACT(std::exp(power2(erfinv_exact(x))) / two_by_root_pi), nullptr, 1.5, 60},
    {"lgamma", lgamma, EXACT(std::lgamma(x)), digamma_exact, nullptr, 1, 1, 0, EXACT(0.01L + 0 * x)},
    {"digamma", digamma, digamma_exact, trigamma_exact, nullptr, 1, 1, 0, EXACT(0.01L + 0 * x), true},
    {"sigmoid", sigmoid, logistic, logistic_slope, EXACT(logistic_slope(x) * (logistic(-x) - logistic(x))), 2, 4, 8, logistic_slope},
    {"softplus", OP(softplus(x)), EXACT(x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x))), logistic, logistic_slope, 2, 2, 4},
    {"log_sigmoid", log_sigmoid, EXACT(x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x))), EXACT(logistic(-x)), nullptr, 2, 2},
    {"softsign", softsign, EXACT(std::isinf(x) ? std::copysign(1.L, x) : x / (1 + std::abs(x))), EXACT(1 / power2(1 + std::abs(x))), nullptr, 1.5, 4},
    {"tanhshrink", tanhshrink, x_minus_tanh, EXACT(power2(std::tanh(x))), nullptr, 2, 4},
    {"silu", silu, EXACT(times(x, logistic(x))), EXACT(logistic(x) * (1 + bounded(x) * logistic(-x))), nullptr, 2, 5, 0, EXACT(logistic(x) * (1 + std::abs(bounded(x)) * logistic(-x)))},
    {"mish", mish, EXACT(times(x, mish_factor(x))), mish_slope, nullptr, 2, 6, 0, EXACT(mish_slope(-std::abs(x)) * 0 + logistic(x) * (2 + 4 * std::abs(bounded(x)) * power2(logistic(-x))))},
    {"gelu", OP(gelu(x)), EXACT(times(x, normal(x))), EXACT(normal(x) + bounded(x) * density(x)), nullptr, 2, 12, 0, EXACT(normal(x) + std::abs(bounded(x)) * density(x))},
    {"gelu, tanh", OP(gelu(x, Gelu::tanh)), gelu_tanh, gelu_tanh_slope, nullptr, 2, 100, 0, EXACT(logistic(gelu_angle(bounded(x))) * (1 + 20 * logistic(-gelu_angle(bounded(x)))))},
    {"elu", OP(elu(x)), EXACT(x > 0 ? x : std::expm1(x)), EXACT(x > 0 ? 1 : std::exp(x)), nullptr, 2, 1},
    {"pow, -3", OP(pow(x, -3.0)), EXACT(1 / x / x / x), EXACT(-3 / x / x / x / x), EXACT(12 / x / x / x / x / x), 2, 3, 8},
    {"pow, -1/2", OP(pow(x, -0.5)), EXACT(std::pow(x, -0.5L)), EXACT(-0.5L * std::pow(x, -1.5L)), EXACT(0.75L * std::pow(x, -2.5L)), 1, 1, 2},
    {"pow, 1/2", OP(pow(x, 0.5)), EXACT(std::pow(x, 0.5L)), EXACT(0.5L * std::pow(x, -0.5L)), EXACT(-0.25L * std::pow(x, -1.5L)), 1, 1, 1},
    {"pow, 3", OP(pow(x, 3.0)), EXACT(x * x * x), EXACT(3 * x * x), EXACT(6 * x), 2, 2, 1},
    {"pow, 7", OP(pow(x, 7.0)), EXACT(std::pow(x, 7.L)), EXACT(7 * std::pow(x, 6.L)), EXACT(42 * std::pow(x, 5.L)), 2, 8, 60},
};
// clang-format on

#undef OP
#undef EXACT
#define EXACT(expression) \
  []([[maybe_unused]] Real a, [[maybe_unused]] Real b) -> Real { return expression; }

Real log_sum(Real a, Real b) {
  if (a == b) return a + ln2;
  return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
}
Real turn(Real p, Real q) {
  return p == 0 && q == 0 ? 0 : std::isinf(p) || std::isinf(q) ? 0 : p / (p * p + q * q);
}

// clang-format off
const std::vector<BinaryAccuracyRow> binary_rows{
    {"operator/", operator/, EXACT(a / b), EXACT(1 / b), EXACT(-a / b / b), 0.5, 3},
    {"pow", pow, EXACT(std::pow(a, b)), EXACT(std::pow(a, b - 1) == 0 ? 0 : b * std::pow(a, b - 1)), EXACT(a == 0 && b >= 0 ? 0 : a < 0 ? (std::pow(a, b) == 0 ? 0 : nan) : std::pow(a, b) * std::log(a)), 1, 400},
    {"atan2", atan2, EXACT(std::atan2(a, b)), EXACT(turn(b, a)), EXACT(-turn(a, b)), 1, 16},
    {"hypot", hypot, EXACT(std::hypot(a, b)), EXACT(a / std::hypot(a, b)), EXACT(b / std::hypot(a, b)), 1, 3},
    {"fmod", fmod, EXACT(std::fmod(a, b)), EXACT(1 + 0 * a), nullptr, 0, 0},
    {"logaddexp", logaddexp, log_sum, EXACT(a == b ? 0.5L : logistic(a - b)), EXACT(a == b ? 0.5L : logistic(b - a)), 2, 500, EXACT(std::max(std::abs(a), std::abs(b)))},
    {"xlogy", xlogy, EXACT(a == 0 ? 0 : a * std::log(b)), EXACT(std::log(b)), EXACT(a / b), 2, 2},
};
// clang-format on
#undef EXACT

std::string number(double ulp) { return ulp == 0 ? "exact" : fmt::format("{:.4g}", ulp); }

}  // namespace

const std::vector<AccuracyRow>& accuracy_rows() { return rows; }
const std::vector<BinaryAccuracyRow>& binary_accuracy_rows() { return binary_rows; }

std::string accuracy_table() {
  std::string table =
      "| op | value | first derivative | second derivative |\n| --- | --- | --- | --- |\n";
  for (const auto& row : rows)
    table += fmt::format("| {} | {} | {} | {} |\n", row.name, number(row.value_ulp),
                         number(row.slope_ulp), row.second ? number(row.second_ulp) : "");
  for (const auto& row : binary_rows)
    table +=
        fmt::format("| {} | {} | {} | |\n", row.name, number(row.value_ulp), number(row.slope_ulp));
  return table;
}

}  // namespace gradtape::testing
