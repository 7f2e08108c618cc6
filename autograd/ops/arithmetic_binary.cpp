// The functions of two and three tensors that are not operators; declared in arithmetic.hpp.
#include "gradtape/autograd/ops/arithmetic.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "gradtape/autograd/formula.hpp"
#include "gradtape/autograd/ops/detail/map.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

using namespace detail;

Tensor maximum(const Tensor& a, const Tensor& b) { return binary<primitive::Maximum>(a, b); }
Tensor minimum(const Tensor& a, const Tensor& b) { return binary<primitive::Minimum>(a, b); }
Tensor fmax(const Tensor& a, const Tensor& b) { return binary<primitive::Fmax>(a, b); }
Tensor fmin(const Tensor& a, const Tensor& b) { return binary<primitive::Fmin>(a, b); }

namespace {

/// A bound of integers, whole or infinite.
std::int64_t whole(double bound) {
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  if (!std::isinf(bound) && bound != std::floor(bound))
    fail<DtypeError>(
        "clamp",
        fmt::format("the literal {} does not fit a tensor of int64; convert the tensor with "
                    "to(float32)",
                    bound));
  if (bound < static_cast<double>(least)) return least;
  return bound < -static_cast<double>(least) ? static_cast<std::int64_t>(bound) : ~least;
}

}  // namespace

Tensor clamp(const Tensor& x, double low, double high) {
  need_defined("clamp", x, "x");
  if (low > high) fail<ValueError>("clamp", fmt::format("low {} is above high {}", low, high));
  if (x.dtype() == int64) return clamp(x, Tensor(whole(low)), Tensor(whole(high)));
  return record(
      "clamp",
      map_floating(
          "clamp", [=](const auto& p) { return clamp(p, low, high); }, x),
      {x}, {elementwise_vjp{[x, low, high](const Tensor& g) {
        return times_slope(
            g, [=](const auto& p) { return where(p < low, 0.0, where(p > high, 0.0, 1.0)); }, x);
      }}});
}

Tensor clamp(const Tensor& x, const Tensor& low, const Tensor& high) {
  need_defined("clamp", x, "x");
  // The last branches are for NaN: it wins, as in maximum and minimum.
  static const auto from_below = formula("clamp", [](const auto& x, const auto& low) {
    return where(x >= low, x, where(x != x, x, low));
  });
  static const auto from_above = formula("clamp", [](const auto& x, const auto& high) {
    return where(x <= high, x, where(x != x, x, high));
  });
  static const auto between =
      formula("clamp", [](const auto& x, const auto& low, const auto& high) {
        const auto y = where(x < low, low, where(x > high, high, x));
        return where(x != x, x, where(low < high, y, where(low >= high, high, low + high)));
      });
  if (x.dtype() == int64) {
    const Tensor y = low.defined() ? maximum(x, low) : x;
    return high.defined() ? minimum(y, high) : y;
  }
  if (low.defined() && high.defined()) return between(x, low, high);
  if (low.defined()) return from_below(x, low);
  return high.defined() ? from_above(x, high) : x;
}

Tensor fmod(const Tensor& a, const Tensor& b) { return binary<primitive::Fmod>(a, b); }
Tensor remainder(const Tensor& a, const Tensor& b) { return binary<primitive::Remainder>(a, b); }
Tensor floor_divide(const Tensor& a, const Tensor& b) {
  return binary<primitive::FloorDivide>(a, b);
}

Tensor operator%(const Tensor& a, const Tensor& b) { return remainder(a, b); }

Tensor atan2(const Tensor& a, const Tensor& b) { return binary<primitive::Atan2>(a, b); }
Tensor hypot(const Tensor& a, const Tensor& b) { return binary<primitive::Hypot>(a, b); }
Tensor logaddexp(const Tensor& a, const Tensor& b) { return binary<primitive::Logaddexp>(a, b); }
Tensor xlogy(const Tensor& a, const Tensor& b) { return binary<primitive::Xlogy>(a, b); }
Tensor copysign(const Tensor& a, const Tensor& b) { return binary<primitive::Copysign>(a, b); }
Tensor heaviside(const Tensor& x, const Tensor& at_zero) {
  static const auto f = formula("heaviside", [](const auto& x, const auto& at_zero) {
    return where(x == 0.0, at_zero, where(x != x, 0.0 * x, unit_step(x)));
  });
  return f(x, at_zero);
}

Tensor lerp(const Tensor& a, const Tensor& b, const Tensor& weight) {
  static const auto f = formula("lerp", [](const auto& a, const auto& b, const auto& weight) {
    return where(weight < 0.5, a + weight * (b - a), b - (1.0 - weight) * (b - a));
  });
  return f(a, b, weight);
}
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, double scale) {
  return formula("addcmul", [=](const auto& x, const auto& a, const auto& b) {
    return x + scale * (a * b);
  })(x, a, b);
}
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, double scale) {
  return formula("addcdiv", [=](const auto& x, const auto& a, const auto& b) {
    return x + scale * (a / b);
  })(x, a, b);
}

}  // namespace gradtape
