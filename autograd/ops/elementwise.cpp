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

#define GRADTAPE_OP(function, Primitive) \
  Tensor function(const Tensor& x) { return unary<primitive::Primitive>(x); }
GRADTAPE_PRIMITIVES(GRADTAPE_OP)
#undef GRADTAPE_OP

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
