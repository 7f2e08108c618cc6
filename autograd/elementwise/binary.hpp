/// The primitives of two inputs; see unary.hpp. slope_a is d/da, slope_b d/db, of the inputs
/// a, b and the value y.
#pragma once

#include "gradtape/autograd/elementwise/unary.hpp"

namespace gradtape::primitive {

struct Pow {
  static constexpr const char* name = "pow";
  template <class V> static V value(V a, V b) {
    return each([](auto p, auto q) { return std::pow(p, q); }, a,
                b);  // xsimd: wrong at 0 and infinity
  }
  /// b a^(b-1), and 0 where b is 0 whatever a is
  static auto slope_a(const auto& a, const auto& b, const auto&) {
    return masked_mul(b, pow(a, b - 1.0));
  }
  /// a^b log(a), and 0 where a = 0 and b >= 0: the limit from the right for b > 0
  static auto slope_b(const auto& a, const auto& b, const auto& y) {
    return masked_mul(y, log(where(a == 0.0, where(b >= 0.0, 1.0, a), a)));
  }
};
/// Subgradient: 1 for the chosen one, 1/2 each where they are equal.
auto share(const auto& wins, const auto& equal) { return where(wins, 1.0, where(equal, 0.5, 0.0)); }

struct Maximum {
  static constexpr const char* name = "maximum";
  template <class V> static V value(V a, V b) {
    const Pack<V> p(a), q(b);
    return where(p != p, p, where(p > q, p, q)).v;
  }
  static auto slope_a(const auto& a, const auto& b, const auto&) { return share(a > b, a == b); }
  static auto slope_b(const auto& a, const auto& b, const auto&) { return share(b > a, a == b); }
};
struct Minimum {
  static constexpr const char* name = "minimum";
  template <class V> static V value(V a, V b) {
    const Pack<V> p(a), q(b);
    return where(p != p, p, where(p < q, p, q)).v;
  }
  static auto slope_a(const auto& a, const auto& b, const auto&) { return share(a < b, a == b); }
  static auto slope_b(const auto& a, const auto& b, const auto&) { return share(b < a, a == b); }
};

/// The other one where one is NaN; the first of two equals has the whole slope.
struct Fmax {
  static constexpr const char* name = "fmax";
  template <class V> static V value(V a, V b) {
    const Pack<V> p(a), q(b);
    return where(p >= q, p, where(q != q, p, q)).v;
  }
  static auto slope_a(const auto& a, const auto& b, const auto&) {
    return where(a >= b, 1.0, where(b != b, 1.0, 0.0));
  }
  static auto slope_b(const auto& a, const auto& b, const auto&) {
    return where(a >= b, 0.0, where(b != b, 0.0, 1.0));
  }
};
struct Fmin {
  static constexpr const char* name = "fmin";
  template <class V> static V value(V a, V b) {
    const Pack<V> p(a), q(b);
    return where(p <= q, p, where(q != q, p, q)).v;
  }
  static auto slope_a(const auto& a, const auto& b, const auto&) {
    return where(a <= b, 1.0, where(b != b, 1.0, 0.0));
  }
  static auto slope_b(const auto& a, const auto& b, const auto&) {
    return where(a <= b, 0.0, where(b != b, 0.0, 1.0));
  }
};

struct Atan2 {
  static constexpr const char* name = "atan2";
  template <class V> static V value(V a, V b) {
    return each([](auto p, auto q) { return std::atan2(p, q); }, a, b);
  }
  static auto slope_a(const auto& a, const auto& b, const auto&) { return b / (a * a + b * b); }
  static auto slope_b(const auto& a, const auto& b, const auto&) { return -(a / (a * a + b * b)); }
};
struct Hypot {
  static constexpr const char* name = "hypot";
  template <class V> static V value(V a, V b) {
    return each([](auto p, auto q) { return std::hypot(p, q); }, a, b);
  }
  static auto slope_a(const auto& a, const auto&, const auto& y) { return a / y; }
  static auto slope_b(const auto&, const auto& b, const auto& y) { return b / y; }
};
struct Copysign {
  static constexpr const char* name = "copysign";
  template <class V> static V value(V a, V b) {
    return each([](auto p, auto q) { return std::copysign(p, q); }, a, b);
  }
  static auto slope_a(const auto& a, const auto&, const auto& y) { return sign(a) * sign(y); }
  static auto slope_b(const auto&, const auto& b, const auto&) { return 0.0 * unit_step(b); }
};

/// a - b trunc(a / b), exactly
struct Fmod {
  static constexpr const char* name = "fmod";
  template <class V> static V value(V a, V b) {
    return each([](auto p, auto q) { return std::fmod(p, q); }, a, b);
  }
  static auto slope_a(const auto& a, const auto&, const auto&) { return 1.0 + 0.0 * unit_step(a); }
  static auto slope_b(const auto& a, const auto& b, const auto&) { return -trunc(a / b); }
};
/// a - b floor(a / b), exactly
struct Remainder {
  static constexpr const char* name = "remainder";
  template <class V> static V value(V a, V b) {
    return each(
        [](auto p, auto q) {
          const auto rest = std::fmod(p, q);
          return rest != 0 && (rest < 0) != (q < 0) ? rest + q : rest;
        },
        a, b);
  }
  static auto slope_a(const auto& a, const auto&, const auto&) { return 1.0 + 0.0 * unit_step(a); }
  static auto slope_b(const auto& a, const auto& b, const auto&) { return -floor_divide(a, b); }
};
/// floor(a / b) of the exact quotient: a / b may round up to a whole number.
struct FloorDivide {
  static constexpr const char* name = "floor_divide";
  template <class V> static V value(V a, V b) {
    return each(
        [](auto p, auto q) {
          if (q == 0) return p / q;
          const auto rest = std::fmod(p, q);
          const auto quotient = (p - rest) / q;
          return std::round(rest != 0 && (rest < 0) != (q < 0) ? quotient - 1 : quotient);
        },
        a, b);
  }
  static auto slope_a(const auto& a, const auto&, const auto&) { return 0.0 * unit_step(a); }
  static auto slope_b(const auto&, const auto& b, const auto&) { return 0.0 * unit_step(b); }
};

}  // namespace gradtape::primitive
