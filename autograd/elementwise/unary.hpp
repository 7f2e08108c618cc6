/// The primitives of formulas: for each function its value, and the one place where its derivative
/// is written.
///
/// `value` works on elements and registers. The slope is generic over packs, dual numbers and
/// tensors, so that it serves the fused backward pass and every higher order alike:
/// `grad_from_output(y)` where the result alone determines it, which saves keeping the input, else
/// `grad_from_input(x)`.
///
/// A new one is a struct here, a line of GRADTAPE_PRIMITIVES below, its declaration in
/// ops/elementwise.hpp and a row in tests/samples/elementwise.cpp.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "gradtape/autograd/elementwise/error_function.hpp"
#include "gradtape/autograd/elementwise/math.hpp"
#include "gradtape/autograd/elementwise/pack.hpp"
#include "gradtape/autograd/elementwise/trigonometric.hpp"

namespace gradtape::primitive {

using math::each;
using math::keep_zero;

struct Abs {
  static constexpr const char* name = "abs";
  static auto value(auto x) { return xsimd::abs(x); }
  static auto grad_from_input(const auto& x) { return sign(x); }
};
struct Sign {
  static constexpr const char* name = "sign";
  template <class V> static V value(V x) {
    const Pack<V> p(x);
    return where(p > 0, Pack<V>(1), where(p < 0, Pack<V>(-1), p)).v;  // keeps -0 and NaN
  }
  static auto grad_from_input(const auto& x) { return 0.0 * unit_step(x); }
};
/// 1 where x > 0, 0 elsewhere: the slope of relu.
struct Step {
  static constexpr const char* name = "unit_step";
  template <class V> static V value(V x) { return where(Pack<V>(x) > 0, Pack<V>(1), Pack<V>(0)).v; }
  static auto grad_from_input(const auto& x) { return 0.0 * unit_step(x); }
};
struct Floor {
  static constexpr const char* name = "floor";
  static auto value(auto x) { return detail::rounded_down(x); }
  static auto grad_from_input(const auto& x) { return 0.0 * unit_step(x); }
};
struct Ceil {
  static constexpr const char* name = "ceil";
  static auto value(auto x) { return detail::rounded_up(x); }
  static auto grad_from_input(const auto& x) { return 0.0 * unit_step(x); }
};
struct Round {
  static constexpr const char* name = "round";
  static auto value(auto x) { return detail::rounded_to_even(x); }
  static auto grad_from_input(const auto& x) { return 0.0 * unit_step(x); }
};

struct Trunc {
  static constexpr const char* name = "trunc";
  static auto value(auto x) { return detail::rounded_to_zero(x); }
  static auto grad_from_input(const auto& x) { return 0.0 * unit_step(x); }
};

struct Square {
  static constexpr const char* name = "square";
  static auto value(auto x) { return decltype(x)(x * x); }
  static auto grad_from_input(const auto& x) { return 2.0 * x; }
};
struct Sqrt {
  static constexpr const char* name = "sqrt";
  static auto value(auto x) { return gradtape::detail::square_root(x); }
  static auto grad_from_output(const auto& y) { return 0.5 / y; }
};
struct Cbrt {
  static constexpr const char* name = "cbrt";
  static auto value(auto x) { return math::cbrt(x); }
  static auto grad_from_output(const auto& y) { return 1.0 / (3.0 * (y * y)); }
};
struct Rsqrt {
  static constexpr const char* name = "rsqrt";
  template <class V> static V value(V x) {
    return (Pack<V>(1) / Pack<V>(gradtape::detail::square_root(x))).v;
  }
  static auto grad_from_output(const auto& y) { return (-0.5 * y) * (y * y); }
};
struct Reciprocal {
  static constexpr const char* name = "reciprocal";
  template <class V> static V value(V x) { return (Pack<V>(1) / Pack<V>(x)).v; }
  static auto grad_from_output(const auto& y) { return -(y * y); }
};

struct Exp {
  static constexpr const char* name = "exp";
  static auto value(auto x) { return math::exp(x); }
  static auto grad_from_output(const auto& y) { return y; }
};
struct Exp2 {
  static constexpr const char* name = "exp2";
  static auto value(auto x) { return math::exp2(x); }
  static auto grad_from_output(const auto& y) { return std::numbers::ln2 * y; }
};
struct Expm1 {
  static constexpr const char* name = "expm1";
  static auto value(auto x) { return math::expm1(x); }
  /// Not y + 1, which is 0 where y rounds to -1.
  static auto grad_from_input(const auto& x) { return exp(x); }
};
struct Log {
  static constexpr const char* name = "log";
  static auto value(auto x) { return math::log(x); }
  static auto grad_from_input(const auto& x) { return 1.0 / x; }
};
struct Log2 {
  static constexpr const char* name = "log2";
  static auto value(auto x) { return math::log2(x); }
  static auto grad_from_input(const auto& x) { return std::numbers::log2e / x; }
};
struct Log10 {
  static constexpr const char* name = "log10";
  static auto value(auto x) { return math::log10(x); }
  static auto grad_from_input(const auto& x) { return std::numbers::log10e / x; }
};
struct Log1p {
  static constexpr const char* name = "log1p";
  static auto value(auto x) { return math::log1p(x); }
  static auto grad_from_input(const auto& x) { return 1.0 / (1.0 + x); }
};

struct Sin {
  static constexpr const char* name = "sin";
  static auto value(auto x) { return math::sin(x); }
  static auto grad_from_input(const auto& x) { return cos(x); }
};
struct Cos {
  static constexpr const char* name = "cos";
  static auto value(auto x) { return math::cos(x); }
  static auto grad_from_input(const auto& x) { return -sin(x); }
};
struct Tan {
  static constexpr const char* name = "tan";
  static auto value(auto x) { return math::tan(x); }
  static auto grad_from_output(const auto& y) { return 1.0 + y * y; }
};
/// 1 - x^2: near 1 by factors, near 0 by the square, whose derivative is exact there.
auto one_minus_square(const auto& x) {
  return where(abs(x) < 0.5, 1.0 - x * x, (1.0 - x) * (1.0 + x));
}
struct Asin {
  static constexpr const char* name = "asin";
  static auto value(auto x) { return math::asin(x); }
  static auto grad_from_input(const auto& x) { return rsqrt(one_minus_square(x)); }
};
struct Acos {
  static constexpr const char* name = "acos";
  static auto value(auto x) { return xsimd::acos(x); }
  static auto grad_from_input(const auto& x) { return -rsqrt(one_minus_square(x)); }
};
struct Atan {
  static constexpr const char* name = "atan";
  static auto value(auto x) { return math::atan(x); }
  /// 1 / (1 + x^2); from 1e9 that is 1 / x^2, and x^2 may overflow.
  static auto grad_from_input(const auto& x) {
    return where(abs(x) < 1e9, 1.0 / (1.0 + x * x), square(1.0 / x));
  }
};
struct Sinh {
  static constexpr const char* name = "sinh";
  static auto value(auto x) { return math::sinh(x); }
  static auto grad_from_input(const auto& x) { return cosh(x); }
};
struct Cosh {
  static constexpr const char* name = "cosh";
  static auto value(auto x) { return math::cosh(x); }
  static auto grad_from_input(const auto& x) { return sinh(x); }
};
/// 1 / (1 + e^-x)
struct Sigmoid {
  static constexpr const char* name = "sigmoid";
  template <class V> static V value(V x) { return math::times_sigmoid(Pack<V>(1), Pack<V>(x)).v; }
  /// s(x) s(-x): y (1 - y) keeps no digit where y rounds to 1.
  static auto grad_from_input(const auto& x) {
    if constexpr (requires { x.v; })
      return with_slope(x)[1];
    else
      return sigmoid(x) * sigmoid(-x);
  }
  /// Value and slope by one exponential.
  template <class V> static std::array<Pack<V>, 2> with_slope(Pack<V> x) {
    if constexpr (requires { x.v; }) {
      const Pack<V> e = math::times_exp(Pack<V>(1), -x, Pack<V>(0)), d = 1 + e, y = 1 / d;
      const auto near = abs(x) <= math::sigmoid_near<V>;
      if (all(near)) return {y, e / (d * d)};
      // The slope is even, and so it is that of a small e.
      const Pack<V> small = exp(-abs(x)), sum = 1 + small;
      return {math::far_sigmoid(y, Pack<V>(1), e, x, Pack<V>(0)),
              where(near, e / (d * d), small / (sum * sum))};
    } else {  // only counts
      const Pack<V> e = exp(-abs(x)), d = 1.0 + e;
      return {where(x < 0, e, Pack<V>(1)) / d, e / (d * d)};
    }
  }
};
struct Tanh {
  static constexpr const char* name = "tanh";
  static auto value(auto x) { return math::tanh(x); }
  /// 1 - tanh^2, which keeps no digit where tanh rounds to 1, as 4 s(2x) s(-2x): in registers by
  /// one exponential. In tensors near 0, where the derivative of that cancels, as it stands.
  static auto grad_from_input(const auto& x) {
    if constexpr (requires { x.v; }) {
      return slope_by(math::exp_of_minus_twice(x.v));
    } else {
      const auto far = 4.0 * Sigmoid::grad_from_input(2.0 * x);
      if constexpr (requires { typename std::remove_cvref_t<decltype(x)>::scalar; })
        return far;  // which is only counted
      else
        return where(abs(x) < 0.5, 1.0 - square(tanh(x)), far);
    }
  }
  /// Value and slope by one exponential.
  template <class V>
    requires requires(Pack<V> x) { x.v; }
  static std::array<Pack<V>, 2> with_slope(Pack<V> x) {
    const Pack<V> e = math::exp_of_minus_twice(x.v);
    if constexpr (std::same_as<typename Pack<V>::scalar, float>)
      return {math::tanh_of_floats(x.v, e), slope_by(e)};
    else
      return {math::tanh(x.v), slope_by(e)};
  }

 private:
  /// 4 s(2x) s(-2x) for e = e^(-2 |x|)
  template <class V> static Pack<V> slope_by(const Pack<V>& e) {
    const Pack<V> d = 1 + e;
    return 4 * e / (d * d);
  }
};
struct Asinh {
  static constexpr const char* name = "asinh";
  static auto value(auto x) { return math::asinh(x); }
  /// (x^2 + 1)^(-1/2); from 1e9 that is 1 / |x|, and x^2 may overflow.
  static auto grad_from_input(const auto& x) {
    return where(abs(x) > 1e9, 1.0 / abs(x), rsqrt(x * x + 1.0));
  }
};
struct Acosh {
  static constexpr const char* name = "acosh";
  static auto value(auto x) { return math::acosh(x); }
  static auto grad_from_input(const auto& x) { return rsqrt(x - 1.0) * rsqrt(x + 1.0); }
};
struct Atanh {
  static constexpr const char* name = "atanh";
  static auto value(auto x) { return keep_zero(x, xsimd::atanh(x)); }
  static auto grad_from_input(const auto& x) { return 1.0 / one_minus_square(x); }
};
/// log(1 + e^x) = max(x, 0) + log1p(e^-|x|)
struct Softplus {
  static constexpr const char* name = "softplus";
  template <class V> static V value(V x) {
    const Pack<V> p(x), tail(math::log1p(math::exp((-Pack<V>(xsimd::abs(x))).v)));
    return where(p > 0, p + tail, where(p <= 0, tail, p)).v;
  }
  static auto grad_from_input(const auto& x) { return sigmoid(x); }
};
struct Relu {
  static constexpr const char* name = "relu";
  template <class V> static V value(V x) {
    const Pack<V> p(x);
    return where(p <= 0, Pack<V>(0), p).v;  // NaN stays
  }
  static auto grad_from_output(const auto& y) { return unit_step(y); }
};

/// x / (1 + |x|)
struct Softsign {
  static constexpr const char* name = "softsign";
  template <class V> static V value(V x) {
    const Pack<V> p(x), size(xsimd::abs(x));
    return where(size == std::numeric_limits<double>::infinity(), Pack<V>(Sign::value(x)),
                 p / (1.0 + size))
        .v;
  }
  static auto grad_from_input(const auto& x) { return square(1.0 / (1.0 + abs(x))); }
};

/// x - tanh(x)
struct Tanhshrink {
  static constexpr const char* name = "tanhshrink";
  static auto value(auto x) { return math::tanhshrink(x); }
  static auto grad_from_input(const auto& x) { return square(tanh(x)); }
};

/// Whether the slope is given by the output.
template <class P>
concept FromOutput = requires(Pack<xsimd::batch<float>> y) { P::grad_from_output(y); };

}  // namespace gradtape::primitive

// X(function, Primitive) for each op of ops/elementwise.hpp that is a primitive and nothing more:
// functions.hpp makes the function of formulas from it, ops/elementwise.cpp the op.
// clang-format off: a line for each
#define GRADTAPE_PRIMITIVES(X) \
  X(abs, Abs)                  \
  X(sign, Sign)                \
  X(unit_step, Step)           \
  X(floor, Floor)              \
  X(ceil, Ceil)                \
  X(trunc, Trunc)              \
  X(square, Square)            \
  X(sqrt, Sqrt)                \
  X(cbrt, Cbrt)                \
  X(rsqrt, Rsqrt)              \
  X(reciprocal, Reciprocal)    \
  X(exp, Exp)                  \
  X(exp2, Exp2)                \
  X(expm1, Expm1)              \
  X(log, Log)                  \
  X(log2, Log2)                \
  X(log10, Log10)              \
  X(log1p, Log1p)              \
  X(logit, Logit)              \
  X(sin, Sin)                  \
  X(cos, Cos)                  \
  X(tan, Tan)                  \
  X(asin, Asin)                \
  X(acos, Acos)                \
  X(atan, Atan)                \
  X(sinh, Sinh)                \
  X(cosh, Cosh)                \
  X(tanh, Tanh)                \
  X(asinh, Asinh)              \
  X(acosh, Acosh)              \
  X(atanh, Atanh)              \
  X(sinc, Sinc)                \
  X(erf, Erf)                  \
  X(erfc, Erfc)                \
  X(erfinv, Erfinv)            \
  X(lgamma, Lgamma)            \
  X(digamma, Digamma)
// clang-format on
