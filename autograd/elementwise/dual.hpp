/// Dual numbers: values that carry their derivatives with respect to N inputs along (forward mode).
#pragma once

#include <array>
#include <concepts>
#include <type_traits>

#include "gradtape/autograd/elementwise/counted.hpp"
#include "gradtape/autograd/elementwise/pack.hpp"
#include "gradtape/autograd/elementwise/unary.hpp"
#include "gradtape/autograd/ops/activation.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"

namespace gradtape {

template <class A>
concept Literal = std::is_arithmetic_v<A>;

namespace detail {

// How tangents combine. A default-made Pack is zero; an undefined Tensor stands for zero, so that
// no op is recorded for an input that a subexpression does not depend on.
template <class V> Pack<V> tangent_sum(Pack<V> a, Pack<V> b) { return a + b; }
template <bool safe, class V> Pack<V> tangent_times(Pack<V> slope, Pack<V> tangent) {
  return safe ? chain(tangent, slope) : tangent * slope;
}
template <class V> Pack<V> tangent_minus(Pack<V> a) { return -a; }
template <class V> Pack<V> tangent_scaled(Pack<V> a, double factor) { return a * Pack<V>(factor); }
template <class V> Pack<V> tangent_where(Mask<V> mask, Pack<V> a, Pack<V> b) {
  return where(mask, a, b);
}
inline Tensor tangent_sum(const Tensor& a, const Tensor& b) {
  return !a.defined() ? b : !b.defined() ? a : a + b;
}
template <bool safe> Tensor tangent_times(const Tensor& slope, const Tensor& tangent) {
  return tangent.defined() ? chain(tangent, slope) : Tensor();
}
inline Tensor tangent_minus(const Tensor& a) { return a.defined() ? -a : a; }
inline Tensor tangent_scaled(const Tensor& a, double factor) {
  return a.defined() ? a * factor : a;
}
inline Tensor tangent_where(const Tensor& mask, const Tensor& a, const Tensor& b) {
  if (!a.defined() && !b.defined()) return {};
  return where(mask, a.defined() ? a : Tensor(0.0), b.defined() ? b : Tensor(0.0));
}

}  // namespace detail

/// value + sum_i tangents[i] e_i, with e_i e_j = 0. T is a Pack or a Tensor.
///
/// A tangent of 0 stays 0 whatever slope it meets, infinite or NaN. Unless `safe`, it turns into
/// NaN there: plain products take half the time, and whoever finds a NaN in the end computes again
/// with safe numbers.
template <class T, int N, bool safe = true> struct Dual {
  Dual() = default;
  Dual(T constant) : value(constant) {}
  template <Literal A> Dual(A literal) : value(literal) {}

  /// Input number i: its own derivative is 1.
  static Dual input(const T& value, int i) {
    Dual x(value);
    x.tangents[static_cast<std::size_t>(i)] = T(1.0);
    return x;
  }

  friend Dual operator+(const Dual& a, const Dual& b) {
    return combine(a.value + b.value,
                   [&](auto i) { return detail::tangent_sum(a.tangents[i], b.tangents[i]); });
  }
  friend Dual operator-(const Dual& a, const Dual& b) {
    return combine(a.value - b.value, [&](auto i) {
      return detail::tangent_sum(a.tangents[i], detail::tangent_minus(b.tangents[i]));
    });
  }
  friend Dual operator-(const Dual& a) {
    return combine(-a.value, [&](auto i) { return detail::tangent_minus(a.tangents[i]); });
  }
  friend Dual operator*(const Dual& a, const Dual& b) {
    return combine(a.value * b.value, [&](auto i) {
      return detail::tangent_sum(detail::tangent_times<safe>(b.value, a.tangents[i]),
                                 detail::tangent_times<safe>(a.value, b.tangents[i]));
    });
  }
  friend Dual operator/(const Dual& a, const Dual& b) {
    const T inverse = T(1.0) / b.value, y = a.value * inverse;
    return combine(a.value / b.value, [&](auto i) {
      return detail::tangent_times<safe>(
          inverse,
          detail::tangent_sum(a.tangents[i], detail::tangent_times<safe>(-y, b.tangents[i])));
    });
  }

  // Literals have no tangents: nothing to compute for them.
  template <Literal A> friend Dual operator+(const Dual& a, A b) {
    return combine(a.value + T(b), [&](auto i) { return a.tangents[i]; });
  }
  template <Literal A> friend Dual operator+(A a, const Dual& b) { return b + a; }
  template <Literal A> friend Dual operator-(const Dual& a, A b) { return a + -b; }
  template <Literal A> friend Dual operator-(A a, const Dual& b) { return -b + a; }
  template <Literal A> friend Dual operator*(const Dual& a, A b) {
    return combine(a.value * T(b),
                   [&](auto i) { return detail::tangent_scaled(a.tangents[i], b); });
  }
  template <Literal A> friend Dual operator*(A a, const Dual& b) { return b * a; }
  template <Literal A> friend Dual operator/(const Dual& a, A b) {
    return combine(a.value / T(b),
                   [&](auto i) { return detail::tangent_scaled(a.tangents[i], 1.0 / b); });
  }
  template <Literal A> friend Dual operator/(A a, const Dual& b) {
    const T y = T(a) / b.value;
    return b.scaled(y, -y / b.value);
  }

  friend auto operator==(const Dual& a, const Dual& b) { return a.value == b.value; }
  friend auto operator!=(const Dual& a, const Dual& b) { return a.value != b.value; }
  friend auto operator<(const Dual& a, const Dual& b) { return a.value < b.value; }
  friend auto operator<=(const Dual& a, const Dual& b) { return a.value <= b.value; }
  friend auto operator>(const Dual& a, const Dual& b) { return a.value > b.value; }
  friend auto operator>=(const Dual& a, const Dual& b) { return a.value >= b.value; }

  /// a where the mask holds, b elsewhere; the tangents are chosen, not blended, so what the other
  /// branch holds never enters.
  friend Dual where(const decltype(T() < T())& mask, const Dual& a, const Dual& b) {
    return combine(where(mask, a.value, b.value), [&](auto i) {
      return detail::tangent_where(mask, a.tangents[i], b.tangents[i]);
    });
  }

  /// A function of this number, from its value and its slope here.
  Dual scaled(const T& result, const T& slope) const {
    return combine(result, [&](auto i) { return detail::tangent_times<safe>(slope, tangents[i]); });
  }
  /// slope * tangents[i]
  T product(const T& slope, std::size_t i) const {
    return detail::tangent_times<safe>(slope, tangents[i]);
  }
  template <class F> static Dual combine(const T& value, F&& tangent) {
    Dual y(value);
    for (std::size_t i = 0; i < N; ++i) y.tangents[i] = tangent(i);
    return y;
  }

  T value{};
  std::array<T, N> tangents{};
};

namespace detail {

template <class T> inline constexpr bool is_pack = false;
template <class V> inline constexpr bool is_pack<Pack<V>> = true;
template <class T> inline constexpr bool is_dual = false;
template <class T, int N, bool safe> inline constexpr bool is_dual<Dual<T, N, safe>> = true;

template <class P, class V> Pack<V> apply(Pack<V> x) {
  if constexpr (std::same_as<V, Counted>)
    return counted(x);
  else
    return V(P::value(x.v));
}
template <class P, class V> Pack<V> apply(Pack<V> a, Pack<V> b) {
  if constexpr (std::same_as<V, Counted>)
    return counted(a);
  else
    return V(P::value(a.v, b.v));
}

/// What a formula computes with besides tensors.
template <class T>
concept FormulaValue = is_pack<T> || is_dual<T>;

/// Of a formula value and a literal, or of a dual number and a constant pack: the one both convert
/// to.
template <class A, class B>
using common = std::conditional_t<is_dual<A> || (is_pack<A> && !is_dual<B>), A, B>;

/// Primitive `P` at x. `self` is the function that calls this, for the value inside a dual number.
template <class P, class T, class F> T lift(const T& x, F self) {
  if constexpr (is_pack<T>) {
    return apply<P>(x);
  } else {
    const auto y = self(x.value);
    if constexpr (primitive::FromOutput<P>)
      return x.scaled(y, P::of_output(y));
    else if constexpr (is_pack<std::remove_cvref_t<decltype(x.value)>> &&
                       requires { P::beside_value(y); })
      return x.scaled(y, P::beside_value(y));
    else
      return x.scaled(y, P::of_input(x.value));
  }
}
template <class P, class T, class F> T lift(const T& a, const T& b, F self) {
  if constexpr (is_pack<T>) {
    return apply<P>(a, b);
  } else {
    using U = decltype(a.value);
    const auto y = self(a.value, b.value);
    const U slope_a = P::slope_a(a.value, b.value, y), slope_b = P::slope_b(a.value, b.value, y);
    return T::combine(
        y, [&](auto i) { return tangent_sum(a.product(slope_a, i), b.product(slope_b, i)); });
  }
}

}  // namespace detail

}  // namespace gradtape
