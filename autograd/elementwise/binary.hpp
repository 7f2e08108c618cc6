/// The primitives of two inputs; see unary.hpp. slope_a is d/da, slope_b d/db, of the inputs
/// a, b and the value y.
#pragma once

#include <limits>
#include <type_traits>

#include "gradtape/autograd/elementwise/unary.hpp"

namespace gradtape::primitive {

struct Pow {
  static constexpr const char* name = "pow";
  template <class V> static V value(V a, V b) {
    return each([](auto p, auto q) { return std::pow(p, q); }, a,
                b);  // xsimd: wrong at 0 and infinity
  }
  /// b a^(b-1), and 0 where b is 0 whatever a is
  static auto slope_a(const auto& a, const auto& b, const auto& y) {
    if constexpr (requires { a.v; }) {
      // b y / a where no part of it leaves the range: b - 1 is rounded, and a power more to
      // compute.
      using T = typename std::remove_cvref_t<decltype(a)>::scalar;
      const auto size = abs(b * y), quotient = b * y / a;
      const auto usable = (size >= std::numeric_limits<T>::min() || abs(y) >= 0.5) &&
                          size < std::numeric_limits<T>::infinity() && a != 0.0;
      return all(usable) ? quotient : where(usable, quotient, masked_mul(b, pow(a, b - 1.0)));
    } else {
      return masked_mul(b, pow(a, b - 1.0));
    }
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

/// max(|p|, |q|), to scale by: no derivative passes through it, for results do not depend on it.
auto larger_size(const auto& p, const auto& q) {
  const auto h = maximum(abs(p), abs(q));
  if constexpr (requires { h.detach(); })
    return h.detach();
  else
    return h;
}

struct Atan2 {
  static constexpr const char* name = "atan2";
  template <class V> static V value(V a, V b) {
    return each([](auto p, auto q) { return std::atan2(p, q); }, a, b);
  }
  static auto slope_a(const auto& a, const auto& b, const auto&) { return turn(b, a); }
  static auto slope_b(const auto& a, const auto& b, const auto&) { return -turn(a, b); }

 private:
  /// p / (p^2 + q^2), whose squares leave the range long before it does: by p / h and q / h for the
  /// larger h. 0 for infinite p and q, and at the origin, where there is no slope.
  static auto turn(const auto& p, const auto& q) {
    const auto h = larger_size(p, q), u = p / h, v = q / h, y = u / (u * u + v * v) / h;
    return where(h == 0.0, 0.0, where(h == std::numeric_limits<double>::infinity(), 0.0, y));
  }
};
struct Hypot {
  static constexpr const char* name = "hypot";
  template <class V> static V value(V a, V b) {
    return each([](auto p, auto q) { return std::hypot(p, q); }, a, b);
  }
  static auto slope_a(const auto& a, const auto& b, const auto&) { return share_of(a, b); }
  static auto slope_b(const auto& a, const auto& b, const auto&) { return share_of(b, a); }

 private:
  /// p / hypot(p, q), which may be subnormal or overflow; 0 at the origin, the subgradient of least
  /// norm.
  static auto share_of(const auto& p, const auto& q) {
    const auto h = larger_size(p, q), u = p / h, v = q / h, y = u / sqrt(u * u + v * v);
    const auto far = where(abs(p) == h, sign(p), 0.0);
    return where(h == 0.0, 0.0, where(h == std::numeric_limits<double>::infinity(), far, y));
  }
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
