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
/// log |gamma(x)|. std::lgamma writes the sign of gamma into a global variable: a race of threads.
double log_gamma(double x);
long double log_gamma(long double x);
}  // namespace detail

namespace primitive {

/// e^(-x^2)
auto gauss(const auto& x) {
  if constexpr (requires { x.v; })
    return math::times_gauss(std::remove_cvref_t<decltype(x)>(1.0), abs(x), 1);
  else
    return exp(-(x * x));
}

struct Erf {
  static constexpr const char* name = "erf";
  static auto value(auto x) { return math::erf(x); }
  static auto grad_from_input(const auto& x) { return 2 * std::numbers::inv_sqrtpi * gauss(x); }
};
struct Erfc {
  static constexpr const char* name = "erfc";
  static auto value(auto x) { return math::erfc(x); }
  static auto grad_from_input(const auto& x) { return -2 * std::numbers::inv_sqrtpi * gauss(x); }
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
    // In the next wider type: that of their own is 3 to 4 ulp off.
    using Wider =
        std::conditional_t<std::same_as<typename Pack<V>::scalar, float>, double, long double>;
    return each([](auto e) { return static_cast<decltype(e)>(detail::log_gamma(Wider{e})); }, x);
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
  /// By the distance r to the nearest whole number n: (-1)^n r / x sinc(r), by a polynomial in r^2.
  template <class V> static V value(V x) {
    const Pack<V> p(x), n(xsimd::nearbyint(x)), r = p - n, square = r * r,
                                                square_lost = math::lost_by_product(r, r, square);
    const Pack<V> half = 0.5 * n, even = half - Pack<V>(xsimd::floor(half.v));  // 0 or 1/2
    Pack<V> series;  // (sinc(r) - 1) / r^2
    if constexpr (std::same_as<typename Pack<V>::scalar, float>)
      series = math::polynomial(
          square, std::array{-0.0022371497f, 0.026117546f, -0.19074796f, 0.8117422f, -1.644934f});
    else
      series = math::polynomial(
          square, std::array{2.44993425361598e-07, -6.9720676716234085e-06, 0.00014842783058185229,
                             -0.0023460808938003804, 0.026147847805463403, -0.1907518241215014,
                             0.8117424252833401, -1.6449340668482264});
    const Pack<V> ratio = where(even == 0, r, -r) / p, tail = square * series, core = 1 + tail;
    const Pack<V> tail_lost = math::lost_by_product(square, series, tail) + square_lost * series;
    const Pack<V> y = math::fused(ratio, core, ratio * ((tail - (core - 1)) + tail_lost));
    const Pack<V> size(xsimd::abs(x));
    return where(p == 0, Pack<V>(1),
                 where(size == std::numeric_limits<double>::infinity(), Pack<V>(0), y))
        .v;
  }
  /// (cos(pi x) - sinc(x)) / x, the cosine as a sine that is exactly 0 where it is; near 0, where
  /// that cancels, by its Taylor series.
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
    const auto turn = x - 2.0 * round(0.5 * x);  // exactly; pi x would be rounded
    const auto y = where(abs(x) < 0.3, pi2 * x * series,
                         (sin(std::numbers::pi * (0.5 - abs(turn))) - sinc(x)) / x);
    return where(abs(x) == std::numeric_limits<double>::infinity(), 0.0, y);
  }
};

/// log(x / (1 - x))
struct Logit {
  static constexpr const char* name = "logit";
  /// By m, the smaller of x and 1 - x: -log1p((1 - 2m) / m), far from 1/2 log(m) - log1p(-m).
  template <class V> static V value(V x) {
    const Pack<V> p(x), m = where(p <= 0.5, p, 1 - p);
    const auto near = m > 0.1;
    const Pack<V> tail(math::log1p(where(near, (1 - 2 * m) / m, -m).v));
    const Pack<V> y = where(near, Pack<V>(0), Pack<V>(math::log(m.v))) - tail;
    return where(p <= 0.5, y, -y).v;
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
    const Pack<V> p(a), q(b), tail(math::log1p(math::exp((-Pack<V>(xsimd::abs((p - q).v))).v)));
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
    return where(q != q, q, where(p == 0, Pack<V>(0), p * Pack<V>(math::log(b)))).v;
  }
  /// log(b), and 0 where a = 0 and b <= 0
  static auto slope_a(const auto& a, const auto& b, const auto&) {
    return log(where(a == 0.0, where(b <= 0.0, 1.0, b), b));
  }
  static auto slope_b(const auto& a, const auto& b, const auto&) {
    return where(a == 0.0, where(b == b, 0.0, b), a / b);
  }
};

}  // namespace primitive
}  // namespace gradtape
