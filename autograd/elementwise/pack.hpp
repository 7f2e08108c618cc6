/// Pack: one SIMD register of elements, or a single element, with the functions that formulas are
/// written in.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "gradtape/autograd/elementwise/simd.hpp"

namespace gradtape {

namespace detail {

template <class V> struct pack_traits {  // a single element
  using scalar = V;
  using mask = bool;
};
template <class T, class A> struct pack_traits<xsimd::batch<T, A>> {
  using scalar = T;
  using mask = xsimd::batch_bool<T, A>;
};

/// What to compute with: integers without a sign, whose overflow is defined.
template <class V> auto wraps(V v) {
  if constexpr (std::is_integral_v<V>)
    return static_cast<std::make_unsigned_t<V>>(v);
  else
    return v;
}

/// a / b and sqrt(x), rounded correctly: for float32 on ARM xsimd estimates them, and is not even
/// right at infinity.
template <class V> V quotient(V a, V b) {
#ifdef __aarch64__
  if constexpr (std::same_as<typename pack_traits<V>::scalar, float> && !std::same_as<V, float>)
    return vdivq_f32(a, b);
  else
#endif
    return a / b;
}
template <class V> V square_root(V x) {
#ifdef __aarch64__
  if constexpr (std::same_as<typename pack_traits<V>::scalar, float> && !std::same_as<V, float>)
    return vsqrtq_f32(x);
  else
#endif
    return xsimd::sqrt(x);
}

/// Whole numbers beside x, with its sign where they are 0: on ARM xsimd goes through integers,
/// which have no -0.
#ifdef __aarch64__
#define GRADTAPE_ROUNDING(name, function, instruction)                      \
  template <class V> V name(V x) {                                          \
    using T = typename pack_traits<V>::scalar;                              \
    if constexpr (std::same_as<T, float> && !std::same_as<V, float>)        \
      return instruction##_f32(x);                                          \
    else if constexpr (std::same_as<T, double> && !std::same_as<V, double>) \
      return instruction##_f64(x);                                          \
    else                                                                    \
      return xsimd::function(x);                                            \
  }
#else
#define GRADTAPE_ROUNDING(name, function, instruction) \
  template <class V> V name(V x) { return xsimd::function(x); }
#endif
GRADTAPE_ROUNDING(rounded_down, floor, vrndmq)
GRADTAPE_ROUNDING(rounded_up, ceil, vrndpq)
GRADTAPE_ROUNDING(rounded_to_zero, trunc, vrndq)
GRADTAPE_ROUNDING(rounded_to_even, nearbyint, vrndnq)
#undef GRADTAPE_ROUNDING

}  // namespace detail

template <class V> struct Pack;

/// The outcome of comparing packs: one truth value per element.
template <class V> struct Mask {
  typename detail::pack_traits<V>::mask m;

  friend Mask operator&&(Mask a, Mask b) { return {static_cast<decltype(a.m)>(a.m & b.m)}; }
  friend Mask operator||(Mask a, Mask b) { return {static_cast<decltype(a.m)>(a.m | b.m)}; }
  friend Mask operator!(Mask a) { return {!a.m}; }
  /// An error: a mask holds many truth values.
  template <class Bool>
    requires std::same_as<Bool, bool>
  explicit operator Bool() const {
    static_assert(!std::same_as<Bool, bool>,
                  "gradtape: a formula cannot branch by if or ?: on a value, which stands "
                  "for many elements at once: write where(condition, a, b)");
    return false;
  }

  /// a where the mask holds, b elsewhere.
  friend Pack<V> where(Mask mask, Pack<V> a, Pack<V> b) {
    if constexpr (std::same_as<decltype(mask.m), bool>)
      return mask.m ? a : b;
    else
      return V(xsimd::select(mask.m, a.v, b.v));
  }
};

/// A wrapper that makes one C++ expression mean the same for a float, a double and a register of
/// either: literals adopt the element type, and the functions below are found by argument-dependent
/// lookup.
template <class V> struct Pack {
  using scalar = typename detail::pack_traits<V>::scalar;

  Pack() : v(static_cast<scalar>(0)) {}
  Pack(V value) : v(value) {}
  template <class A>
    requires(std::is_arithmetic_v<A> && !std::same_as<A, V>)
  Pack(A literal) : v(static_cast<scalar>(literal)) {}

  // Integers wrap around, as NumPy's do.
  friend Pack operator+(Pack a, Pack b) { return V(detail::wraps(a.v) + detail::wraps(b.v)); }
  friend Pack operator-(Pack a, Pack b) { return V(detail::wraps(a.v) - detail::wraps(b.v)); }
  friend Pack operator*(Pack a, Pack b) { return V(detail::wraps(a.v) * detail::wraps(b.v)); }
  friend Pack operator/(Pack a, Pack b) { return detail::quotient(a.v, b.v); }
  friend Pack operator-(Pack a) {
    if constexpr (std::is_integral_v<V>)
      return V(-detail::wraps(a.v));
    else
      return V(a.v * V(static_cast<scalar>(-1)));  // xsimd's 0 - a loses the sign of a zero
  }
  Pack& operator+=(Pack b) { return *this = *this + b; }
  Pack& operator-=(Pack b) { return *this = *this - b; }
  Pack& operator*=(Pack b) { return *this = *this * b; }
  Pack& operator/=(Pack b) { return *this = *this / b; }

  friend Mask<V> operator==(Pack a, Pack b) { return {a.v == b.v}; }
  // By ==, for the != of xsimd 8.1 calls NaN equal to NaN in AVX registers.
  friend Mask<V> operator!=(Pack a, Pack b) { return !(a == b); }
  friend Mask<V> operator<(Pack a, Pack b) { return {a.v < b.v}; }
  friend Mask<V> operator<=(Pack a, Pack b) { return {a.v <= b.v}; }
  friend Mask<V> operator>(Pack a, Pack b) { return {a.v > b.v}; }
  friend Mask<V> operator>=(Pack a, Pack b) { return {a.v >= b.v}; }

  V v;
};

/// Whether any element is NaN.
template <class V> bool any_nan(Pack<V> x) {
  if constexpr (std::same_as<V, typename Pack<V>::scalar>)
    return x.v != x.v;
  else
    return !xsimd::all(x.v == x.v);
}

/// Whether the mask holds for every element.
template <class V> bool all(Mask<V> mask) {
  if constexpr (std::same_as<decltype(mask.m), bool>)
    return mask.m;
  else
    return xsimd::all(mask.m);
}

/// The product of a chain rule, g the cotangent and d the slope: 0 where g is 0 whatever d is, and
/// where d is 0 and g infinite. A NaN in g stays.
template <class V> Pack<V> masked_mul(Pack<V> g, Pack<V> d) {
  const Pack<V> y = g * d;
  if (!any_nan(y)) return y;  // 0 * inf is NaN, so there is nothing else to mend
  return where(y != y && (g == 0 || (d == 0 && g == g)), Pack<V>(0), y);
}

}  // namespace gradtape
