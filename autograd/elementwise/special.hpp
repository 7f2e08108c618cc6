/// The primitives of formulas that are special functions; see unary.hpp.
#pragma once

#include <numbers>

#include "gradtape/autograd/elementwise/binary.hpp"

namespace gradtape {

namespace detail {
/// The inverse of erf; infinite at -1 and 1, NaN beyond.
double erfinv(double x);
/// The n-th derivative of digamma (n = 0: itself), 0 <= n <= 170.
double polygamma(int n, double x);
}  // namespace detail

namespace primitive {

struct Erf {
  static constexpr const char* name = "erf";
  template <class V> static V value(V x) {
    if constexpr (std::same_as<typename Pack<V>::scalar, double>)
      return each([](double e) { return std::erf(e); }, x);  // xsimd: 30 ulp off in double
    else
      return xsimd::erf(x);
  }
  static auto grad_from_input(const auto& x) {
    return 2 * std::numbers::inv_sqrtpi * exp(-(x * x));
  }
};
struct Erfc {
  static constexpr const char* name = "erfc";
  template <class V> static V value(V x) {
    if constexpr (std::same_as<typename Pack<V>::scalar, double>)
      return each([](double e) { return std::erfc(e); }, x);  // xsimd: 10^4 ulp off in double
    else
      return xsimd::erfc(x);
  }
  static auto grad_from_input(const auto& x) {
    return -2 * std::numbers::inv_sqrtpi * exp(-(x * x));
  }
};
struct Erfinv {
  static constexpr const char* name = "erfinv";
  template <class V> static V value(V x) {
    return each([](auto e) { return static_cast<decltype(e)>(detail::erfinv(e)); }, x);
  }
  static auto grad_from_output(const auto& y) {
    return 0.5 / std::numbers::inv_sqrtpi * exp(y * y);
  }
};

struct Lgamma {
  static constexpr const char* name = "lgamma";
  template <class V> static V value(V x) {
    return each([](auto e) { return std::lgamma(e); }, x);
  }
  static auto grad_from_input(const auto& x) { return digamma(x); }
};
struct Digamma {
  static constexpr const char* name = "digamma";
  template <class V> static V value(V x) {
    return each([](auto e) { return static_cast<decltype(e)>(detail::polygamma(0, e)); }, x);
  }
  static auto grad_from_input(const auto& x) { return polygamma(1, x); }
};

/// sin(pi x) / (pi x)
struct Sinc {
  static constexpr const char* name = "sinc";
  template <class V> static V value(V x) {
    const Pack<V> p(x), angle = std::numbers::pi * p;
    return where(p == 0, Pack<V>(1), Pack<V>(xsimd::sin(angle.v)) / angle).v;
  }
  /// (cos(pi x) - sinc(x)) / x; near 0, where that cancels, by its Taylor series.
  static auto grad_from_input(const auto& x) {
    const double pi2 = std::numbers::pi * std::numbers::pi;
    const auto t = pi2 * (x * x);
    // sum_k (-1)^k 2k t^(k-1) / (2k + 1)!, Horner's scheme
    auto series = 0.0 * t + 16. / 355687428096000;
    double factorial = 355687428096000;  // (2k + 1)! for k = 8
    for (int k = 7; k >= 1; --k) {
      factorial /= (2 * k + 3) * (2 * k + 2);
      series = (k % 2 ? -2 * k : 2 * k) / factorial + t * series;
    }
    return where(abs(x) < 0.3, pi2 * x * series, (cos(std::numbers::pi * x) - sinc(x)) / x);
  }
};

/// log(x / (1 - x)), near 1/2 by log1p
struct Logit {
  static constexpr const char* name = "logit";
  template <class V> static V value(V x) {
    const Pack<V> p(x), far = Pack<V>(xsimd::log(x)) - Pack<V>(xsimd::log1p((-p).v)),
                        near(xsimd::log1p(((2 * p - 1) / (1 - p)).v));
    return where(Pack<V>(xsimd::abs((p - 0.5).v)) < 0.25, near, far).v;
  }
  static auto grad_from_input(const auto& x) {
    const auto slope = 1.0 / (x * (1.0 - x));
    return where(slope > 0.0, slope, std::numeric_limits<double>::quiet_NaN());
  }
};

/// log(e^a + e^b) = max(a, b) + log1p(e^-|a - b|)
struct Logaddexp {
  static constexpr const char* name = "logaddexp";
  template <class V> static V value(V a, V b) {
    const Pack<V> p(a), q(b), tail(xsimd::log1p(xsimd::exp((-Pack<V>(xsimd::abs((p - q).v))).v)));
    const Pack<V> larger(Maximum::value(a, b));
    // Of two infinities alike the difference is NaN.
    return where(p == q, p + std::numbers::ln2, larger + tail).v;
  }
  static auto slope_a(const auto& a, const auto& b, const auto&) {
    return sigmoid(difference(a, b));
  }
  static auto slope_b(const auto& a, const auto& b, const auto&) {
    return sigmoid(difference(b, a));
  }

 private:
  /// a - b, and 0 for two infinities alike
  static auto difference(const auto& a, const auto& b) {
    const auto d = a - b;
    return where(d == d, d, where(a == b, 0.0, d));
  }
};

/// a log(b), and 0 where a is 0
struct Xlogy {
  static constexpr const char* name = "xlogy";
  template <class V> static V value(V a, V b) {
    const Pack<V> p(a), q(b);
    return where(q != q, q, where(p == 0, Pack<V>(0), p * Pack<V>(xsimd::log(b)))).v;
  }
  /// log(b), and 0 where a = 0 and b <= 0
  static auto slope_a(const auto& a, const auto& b, const auto&) {
    return log(where(a == 0.0, where(b <= 0.0, 1.0, b), b));
  }
  static auto slope_b(const auto& a, const auto& b, const auto&) { return a / b; }
};

}  // namespace primitive
}  // namespace gradtape
