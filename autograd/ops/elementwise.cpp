#include "gradtape/autograd/ops/elementwise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "gradtape/autograd/formula.hpp"
#include "gradtape/autograd/ops/detail/map.hpp"

namespace gradtape {

using namespace detail;

namespace {
constexpr double inf = std::numeric_limits<double>::infinity();
}

Tensor abs(const Tensor& x) { return unary<primitive::Abs>(x); }
Tensor sign(const Tensor& x) { return unary<primitive::Sign>(x); }
Tensor step(const Tensor& x) { return unary<primitive::Step>(x); }
Tensor floor(const Tensor& x) { return unary<primitive::Floor>(x); }
Tensor ceil(const Tensor& x) { return unary<primitive::Ceil>(x); }
Tensor trunc(const Tensor& x) { return unary<primitive::Trunc>(x); }
Tensor round(const Tensor& x, int decimals) {
  if (decimals == 0) return unary<primitive::Round>(x);
  if (std::abs(decimals) > 30)
    fail<ValueError>("round", fmt::format("needs decimals from -30 to 30, got {}", decimals));
  const double scale = std::pow(10.0, std::abs(decimals));
  if (decimals < 0)
    return formula("round", [=](const auto& x) { return round(x / scale) * scale; })(x);
  return formula("round", [=](const auto& x) {
    const auto scaled = x * scale;  // may overflow, but only that of whole numbers
    return where(abs(scaled) < inf, round(scaled) / scale, trunc(x));
  })(x);
}

Tensor frac(const Tensor& x) {
  static const auto f = formula("frac", [](const auto& x) { return x - trunc(x); });
  return f(x);
}

Tensor square(const Tensor& x) { return unary<primitive::Square>(x); }
Tensor sqrt(const Tensor& x) { return unary<primitive::Sqrt>(x); }
Tensor cbrt(const Tensor& x) { return unary<primitive::Cbrt>(x); }
Tensor rsqrt(const Tensor& x) { return unary<primitive::Rsqrt>(x); }
Tensor reciprocal(const Tensor& x) { return unary<primitive::Reciprocal>(x); }

Tensor exp(const Tensor& x) { return unary<primitive::Exp>(x); }
Tensor exp2(const Tensor& x) { return unary<primitive::Exp2>(x); }
Tensor expm1(const Tensor& x) { return unary<primitive::Expm1>(x); }
Tensor log(const Tensor& x) { return unary<primitive::Log>(x); }
Tensor log2(const Tensor& x) { return unary<primitive::Log2>(x); }
Tensor log10(const Tensor& x) { return unary<primitive::Log10>(x); }
Tensor log1p(const Tensor& x) { return unary<primitive::Log1p>(x); }
Tensor logit(const Tensor& x) { return unary<primitive::Logit>(x); }

Tensor sin(const Tensor& x) { return unary<primitive::Sin>(x); }
Tensor cos(const Tensor& x) { return unary<primitive::Cos>(x); }
Tensor tan(const Tensor& x) { return unary<primitive::Tan>(x); }
Tensor asin(const Tensor& x) { return unary<primitive::Asin>(x); }
Tensor acos(const Tensor& x) { return unary<primitive::Acos>(x); }
Tensor atan(const Tensor& x) { return unary<primitive::Atan>(x); }
Tensor sinh(const Tensor& x) { return unary<primitive::Sinh>(x); }
Tensor cosh(const Tensor& x) { return unary<primitive::Cosh>(x); }
Tensor tanh(const Tensor& x) { return unary<primitive::Tanh>(x); }
Tensor asinh(const Tensor& x) { return unary<primitive::Asinh>(x); }
Tensor acosh(const Tensor& x) { return unary<primitive::Acosh>(x); }
Tensor atanh(const Tensor& x) { return unary<primitive::Atanh>(x); }
Tensor sinc(const Tensor& x) { return unary<primitive::Sinc>(x); }
Tensor erf(const Tensor& x) { return unary<primitive::Erf>(x); }
Tensor erfc(const Tensor& x) { return unary<primitive::Erfc>(x); }
Tensor erfinv(const Tensor& x) { return unary<primitive::Erfinv>(x); }
Tensor lgamma(const Tensor& x) { return unary<primitive::Lgamma>(x); }
Tensor digamma(const Tensor& x) { return unary<primitive::Digamma>(x); }

Tensor polygamma(int n, const Tensor& x) {
  if (n < 0 || n > 170)
    fail<ValueError>("polygamma", fmt::format("needs an order from 0 to 170, got {}", n));
  return record("polygamma",
                map_floating(
                    "polygamma", [n](const auto& p) { return polygamma(n, p); }, x),
                {x}, {elementwise_vjp{[x, n](const Tensor& g) {
                  return times_slope(
                      g, [n](const auto& p) { return polygamma(n + 1, p); }, x);
                }}});
}

Tensor nan_to_num(const Tensor& x, const NanToNumOptions& options) {
  const double largest = x.dtype() == float32
                             ? static_cast<double>(std::numeric_limits<float>::max())
                             : std::numeric_limits<double>::max();
  const double high = std::min(options.posinf, largest), low = std::max(options.neginf, -largest);
  return formula("nan_to_num", [=, nan = options.nan](const auto& x) {
    return where(x != x, nan, where(x > largest, high, where(x < -largest, low, x)));
  })(x);
}

}  // namespace gradtape
