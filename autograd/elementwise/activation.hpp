/// The primitives that are activations and more than a line of others; see unary.hpp.
///
/// Products of x and a factor that falls below the smallest normal number are made in one by
/// times_tiny_exp, for the factor itself has few digits there; infinite x meet factors of 0, hence
/// `bounded`.
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
    const auto ordinary = x >= math::number<decltype(x.v)>(-87, -708);
    if (all(ordinary)) return y;
    const T bounded = where(x > -1e3, factor, T(-1e3));  // 0 there, not NaN
    return where(x < math::number<decltype(x.v)>(-87, -708), math::times_tiny_exp(bounded, x, T(0)),
                 y);
  } else {
    return y;
  }
}

/// x sigmoid(x)
struct Silu {
  static constexpr const char* name = "silu";
  template <class V> static V value(V x) { return math::times_sigmoid(Pack<V>(x), Pack<V>(x)).v; }
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
    // From 20 the factor is 1.
    const Pack<V> p(x), end = math::at_most(p, 20), e(math::exp_core(end.v)), twice = 2 * e;
    const Pack<V> n = e * e + twice, n_lost = math::lost_by_product(e, e, n - twice);
    // A little too large, so that what q lacks is positive, which keeps the sign of x = -0.
    constexpr auto two = math::number<V>(0x1.00001p1f, 0x1.0000000000008p1);
    const Pack<V> inverse = 1 / (n + two), q = n * inverse;
    // n - (n + 2) q, and of what n lost the share 1 - q = 2 / (n + 2)
    const Pack<V> residue = n_lost * (2 * inverse) - math::lost_by_product(q, n, n - 2 * q);
    return mended_tail(math::fused(p, q, end * (residue * inverse)), p, p).v;
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
    if constexpr (requires { x.v; })
      return math::gelu_slope(x);
    else
      return 0.5 * erfc(x * (-1 / std::numbers::sqrt2)) +
             density * bounded(x, 100) * exp(x * x * -0.5);
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
    const Pack<V> p = math::at_least(Pack<V>(x), -100);
    const auto [u, lost] = argument(p);
    return math::times_sigmoid(p, u, lost).v;
  }

 private:
  /// u, and what rounding takes from it, which would cost u ulp. (For large -u, sigmoid(u) is e^u.)
  template <class V>
  [[gnu::always_inline]] static inline math::ValueAndLost<V> argument(Pack<V> p) {
    using math::lost_by_product;
    using T = typename Pack<V>::scalar;
    // c1 has so few bits that sum - c1 is exact.
    constexpr T c1 = math::number<V>(0x1.98845p0f, 0x1.9884533d4364p0),
                c1_lost = static_cast<T>(exact_linear - c1), c3 = static_cast<T>(cubic),
                c3_lost = static_cast<T>(exact_cubic - c3);
    const Pack<V> slope = c3 * p, sum = slope * p + c1, u = p * sum;
    const Pack<V> slope_lost = lost_by_product(Pack<V>(c3), p, slope) + c3_lost * p;
    const Pack<V> sum_lost = slope_lost * p + (lost_by_product(slope, p, sum - c1) + c1_lost);
    return {u, lost_by_product(p, sum, u) + p * sum_lost};
  }

 public:
  static auto grad_from_input(const auto& x) {
    const auto p = bounded(x, 100), square = p * p, u = p * (linear + cubic * square);
    const auto y = sigmoid_and_slope(u, p * (linear + 3 * cubic * square));
    if constexpr (requires { x.v; }) {
      const auto far = p < -3;
      if (all(!far)) return y;
      const auto [v, lost] = argument(p);
      return where(far, y + y * ((v - u) + lost), y);
    } else {
      return y;
    }
  }
};

}  // namespace gradtape::primitive
