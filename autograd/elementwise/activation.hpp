/// The primitives that are activations and more than a line of others; see unary.hpp.
///
/// Products of x and a factor that falls below the smallest normal number are made of its square
/// root, for the factor itself has few digits there; infinite x meet factors of 0, hence `bounded`.
#pragma once

#include <numbers>

#include "gradtape/autograd/elementwise/unary.hpp"

namespace gradtape::primitive {

/// x within bounds beyond which the factor of x has reached its limit.
auto bounded(const auto& x, double bound) {
  return where(x < -bound, -bound, where(x > bound, bound, x));
}

/// sigmoid(x) + factor sigmoid(x) sigmoid(-x), by one exponential in packs.
template <class T> T sigmoid_and_slope(const T& x, const T& factor) {
  if constexpr (requires { x.v; }) {
    const auto [s, slope] = Sigmoid::with_slope(x);
    return s + factor * slope;
  } else {
    return sigmoid(x) * (1.0 + factor * sigmoid(-x));
  }
}

/// y, but factor e^x for x so far below 0 that e^x is subnormal.
template <class T> T mended_tail(const T& y, const T& factor, const T& x) {
  if constexpr (requires { x.v; }) {
    const auto tiny = x < math::number<decltype(x.v)>(-87, -708);
    if (all(!tiny)) return y;
    const T half(math::exp((0.5 * x).v));
    return where(tiny, factor * half * half, y);
  } else {
    return y;
  }
}

/// x sigmoid(x)
struct Silu {
  static constexpr const char* name = "silu";
  template <class V> static V value(V x) {
    const Pack<V> p = where(Pack<V>(x) < -1e3, Pack<V>(-1e3), Pack<V>(x)), size(xsimd::abs(x));
    const Pack<V> e(math::exp((-size).v)), y = where(p < 0, p * e, p) / (1.0 + e);
    return mended_tail(y, p, p).v;
  }
  static auto grad_from_input(const auto& x) {
    const auto p = bounded(x, 1e3);
    return mended_tail(sigmoid_and_slope(p, p), 1.0 + p, p);
  }
};

/// x tanh(log(1 + e^x)); with s = sigmoid(x) and r = sigmoid(-x) the factor of x is
/// s (1 + r) / (1 + r^2).
struct Mish {
  static constexpr const char* name = "mish";
  template <class V> static V value(V x) {
    const Pack<V> p = where(Pack<V>(x) < -1e3, Pack<V>(-1e3), Pack<V>(x)), size(xsimd::abs(x));
    const Pack<V> e(math::exp((-size).v)), below = e * (e + 2.0), above = 2.0 * e;
    const Pack<V> y =
        p * (where(p < 0, below, 1.0 + above) / where(p < 0, below + 2.0, 1.0 + above * (1.0 + e)));
    return mended_tail(y, p, p).v;
  }
  static auto grad_from_input(const auto& x) {
    const auto s = sigmoid(x), r = sigmoid(-x), d = 1.0 + r * r, p = bounded(x, 1e3);
    return mended_tail(s * ((1.0 + r) / d + p * square(2.0 * r / d)), 1.0 + p, p);
  }
};

/// x times the normal distribution function
struct Gelu {
  static constexpr const char* name = "gelu";
  static auto value(auto x) { return math::gelu(x); }
  static auto grad_from_input(const auto& x) {
    const double density = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    const auto factor = density * bounded(x, 100);
    if constexpr (requires { x.v; })
      return math::normal_cdf_plus(factor, x);
    else
      return 0.5 * erfc(x * (-1 / std::numbers::sqrt2)) + factor * exp(x * x * -0.5);
  }
};

/// x sigmoid(u) for u = 2 sqrt(2 / pi) (x + 0.044715 x^3): not by 1 + tanh, which cancels below 0
struct GeluTanh {
  static constexpr const char* name = "gelu";
  static constexpr long double exact_linear = 1.595769121605730711759784239737L,
                               exact_cubic = 0.044715L * exact_linear;
  static constexpr double linear = static_cast<double>(exact_linear),
                          cubic = static_cast<double>(exact_cubic);

  template <class V> static V value(V x) {
    const Pack<V> p = where(Pack<V>(x) < -100, Pack<V>(-100), Pack<V>(x)), square = p * p;
    const Pack<V> a = cubic * square, factor = linear + a, u = p * factor;
    const Pack<V> y = p * Pack<V>(Sigmoid::value(u.v));
    const auto far = p < -3;
    if (all(!far)) return y.v;
    return where(far, y + y * lost(p, square, a, factor, u), y).v;
  }

 private:
  /// What rounding took from u, which costs y u ulp. (For large -u, sigmoid(u) is e^u.)
  template <class V>
  static Pack<V> lost(Pack<V> p, Pack<V> square, Pack<V> a, Pack<V> factor, Pack<V> u) {
    using math::lost_by_product;
    using T = typename Pack<V>::scalar;
    constexpr T c1 = static_cast<T>(linear), c3 = static_cast<T>(cubic);
    const Pack<V> from_a = lost_by_product(Pack<V>(c3), square, a) +
                           c3 * lost_by_product(p, p, square) +
                           static_cast<T>(exact_cubic - c3) * square;
    const Pack<V> back = factor - c1;  // of the sum of c1 and a
    const Pack<V> from_sum =
        (c1 - (factor - back)) + (a - back) + static_cast<T>(exact_linear - c1);
    return lost_by_product(p, factor, u) + p * (from_sum + from_a);
  }

 public:
  static auto grad_from_input(const auto& x) {
    const auto p = bounded(x, 100), square = p * p, u = p * (linear + cubic * square);
    const auto y = sigmoid_and_slope(u, p * (linear + 3 * cubic * square));
    if constexpr (requires { x.v; }) {
      const auto far = p < -3;
      const auto a = cubic * square, factor = linear + a;
      return all(!far) ? y : where(far, y + y * lost(p, square, a, factor, u), y);
    } else {
      return y;
    }
  }
};

}  // namespace gradtape::primitive
