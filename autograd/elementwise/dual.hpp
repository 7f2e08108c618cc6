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

/// value + sum_i tangents[i] e_i, with e_i e_j = 0. T is a Pack; see TensorDual for tensors.
///
/// A product of a slope and a tangent is 0 where one of them is 0, whatever the other is, infinite
/// or NaN: see masked_mul, whose cotangent is here the slope. Unless `safe`, it is NaN there: plain
/// products take half the time, and whoever finds a NaN in the end computes again with safe
/// numbers.
template <class T, int N, bool safe> struct Dual {
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
    return combine(a.value + b.value, [&](auto i) { return a.tangents[i] + b.tangents[i]; });
  }
  friend Dual operator-(const Dual& a, const Dual& b) {
    return combine(a.value - b.value, [&](auto i) { return a.tangents[i] + -b.tangents[i]; });
  }
  friend Dual operator-(const Dual& a) {
    return combine(-a.value, [&](auto i) { return -a.tangents[i]; });
  }
  friend Dual operator*(const Dual& a, const Dual& b) {
    return combine(a.value * b.value, [&](auto i) {
      return times(b.value, a.tangents[i]) + times(a.value, b.tangents[i]);
    });
  }
  friend Dual operator/(const Dual& a, const Dual& b) {
    const T inverse = T(1.0) / b.value, y = a.value * inverse;
    return combine(a.value / b.value, [&](auto i) {
      return times(inverse, a.tangents[i] + times(-y, b.tangents[i]));
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
    return combine(a.value * T(b), [&](auto i) { return by(b, a.tangents[i]); });
  }
  template <Literal A> friend Dual operator*(A a, const Dual& b) { return b * a; }
  template <Literal A> friend Dual operator/(const Dual& a, A b) {
    return combine(a.value / T(b), [&](auto i) { return by(1.0 / b, a.tangents[i]); });
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

  template <class B> Dual& operator+=(const B& b) { return *this = *this + b; }
  template <class B> Dual& operator-=(const B& b) { return *this = *this - b; }
  template <class B> Dual& operator*=(const B& b) { return *this = *this * b; }
  template <class B> Dual& operator/=(const B& b) { return *this = *this / b; }

  /// a where the mask holds, b elsewhere; the tangents are chosen, not blended, so what the other
  /// branch holds never enters.
  friend Dual where(const decltype(T() < T())& mask, const Dual& a, const Dual& b) {
    return combine(where(mask, a.value, b.value),
                   [&](auto i) { return where(mask, a.tangents[i], b.tangents[i]); });
  }

  /// A function of this number, from its value and its slope here.
  Dual scaled(const T& result, const T& slope) const {
    return combine(result, [&](auto i) { return times(slope, tangents[i]); });
  }
  /// A function of a and b, from its value and its slopes here.
  static Dual combined(const T& result, const T& slope_a, const Dual& a, const T& slope_b,
                       const Dual& b) {
    return combine(result, [&](auto i) {
      return times(slope_a, a.tangents[i]) + times(slope_b, b.tangents[i]);
    });
  }
  T value{};
  std::array<T, N> tangents{};

 private:
  static T times(const T& slope, const T& tangent) {
    if constexpr (safe)
      return where(tangent == 0, T(0), masked_mul(slope, tangent));
    else
      return tangent * slope;
  }
  /// The product with a literal, of which mostly is known that nothing need be masked.
  template <Literal A> static T by(A slope, const T& tangent) {
    if constexpr (safe)
      if (slope == 0 || slope - slope != 0) return times(T(slope), tangent);
    return tangent * T(slope);
  }
  template <class F> static Dual combine(const T& result, F&& tangent) {
    Dual y(result);
    for (std::size_t i = 0; i < N; ++i) y.tangents[i] = tangent(i);
    return y;
  }
};

/// A dual number of tensors, whose tangents are computed by public ops and can be differentiated
/// again. An undefined tangent stands for zero, so that no op is recorded for an input that a
/// subexpression does not depend on.
struct TensorDual {
  static constexpr std::size_t max_inputs = 6;

  TensorDual(Tensor constant) : value(std::move(constant)) {}
  template <Literal A> TensorDual(A literal) : value(literal) {}

  friend TensorDual operator+(const TensorDual& a, const TensorDual& b);
  friend TensorDual operator-(const TensorDual& a, const TensorDual& b);
  friend TensorDual operator-(const TensorDual& a);
  friend TensorDual operator*(const TensorDual& a, const TensorDual& b);
  friend TensorDual operator/(const TensorDual& a, const TensorDual& b);
  // Literals have no tangents: nothing to compute for them.
  friend TensorDual operator+(const TensorDual& a, double b);
  friend TensorDual operator+(double a, const TensorDual& b) { return b + a; }
  friend TensorDual operator-(const TensorDual& a, double b) { return a + -b; }
  friend TensorDual operator-(double a, const TensorDual& b) { return -b + a; }
  friend TensorDual operator*(const TensorDual& a, double b);
  friend TensorDual operator*(double a, const TensorDual& b) { return b * a; }
  friend TensorDual operator/(const TensorDual& a, double b);
  friend TensorDual operator/(double a, const TensorDual& b);
  template <class B> TensorDual& operator+=(const B& b) { return *this = *this + b; }
  template <class B> TensorDual& operator-=(const B& b) { return *this = *this - b; }
  template <class B> TensorDual& operator*=(const B& b) { return *this = *this * b; }
  template <class B> TensorDual& operator/=(const B& b) { return *this = *this / b; }

  friend Tensor operator==(const TensorDual& a, const TensorDual& b) { return a.value == b.value; }
  friend Tensor operator!=(const TensorDual& a, const TensorDual& b) { return a.value != b.value; }
  friend Tensor operator<(const TensorDual& a, const TensorDual& b) { return a.value < b.value; }
  friend Tensor operator<=(const TensorDual& a, const TensorDual& b) { return a.value <= b.value; }
  friend Tensor operator>(const TensorDual& a, const TensorDual& b) { return a.value > b.value; }
  friend Tensor operator>=(const TensorDual& a, const TensorDual& b) { return a.value >= b.value; }
  friend TensorDual where(const Tensor& mask, const TensorDual& a, const TensorDual& b);

  TensorDual scaled(const Tensor& result, const Tensor& slope) const;
  static TensorDual combined(const Tensor& result, const Tensor& slope_a, const TensorDual& a,
                             const Tensor& slope_b, const TensorDual& b);

  /// Whether no tangent is defined, so that slopes need not be computed.
  bool is_constant() const {
    for (const auto& tangent : tangents)
      if (tangent.defined()) return false;
    return true;
  }

  Tensor value;
  std::array<Tensor, max_inputs> tangents;
};

namespace detail {

template <class T> inline constexpr bool is_pack = false;
template <class V> inline constexpr bool is_pack<Pack<V>> = true;
template <class T> inline constexpr bool is_dual = false;
template <class T, int N, bool safe> inline constexpr bool is_dual<Dual<T, N, safe>> = true;
template <> inline constexpr bool is_dual<TensorDual> = true;

template <class P, class V> Pack<V> apply(Pack<V> x) {
  if constexpr (std::same_as<V, Counted>) {
    ++counted_functions;
    return counted(x);
  } else {
    return V(P::value(x.v));
  }
}
template <class P, class V> Pack<V> apply(Pack<V> a, Pack<V> b) {
  if constexpr (std::same_as<V, Counted>) {
    ++counted_functions;
    return counted(a);
  } else {
    return V(P::value(a.v, b.v));
  }
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
    if constexpr (requires { P::with_slope(x.value); }) {
      const auto [y, slope] = P::with_slope(x.value);
      return x.scaled(y, slope);
    } else {
      const auto y = self(x.value);
      if constexpr (std::same_as<T, TensorDual>)
        if (x.is_constant()) return y;
      if constexpr (primitive::FromOutput<P>)
        return x.scaled(y, P::grad_from_output(y));
      else
        return x.scaled(y, P::grad_from_input(x.value));
    }
  }
}
template <class P, class T, class F> T lift(const T& a, const T& b, F self) {
  if constexpr (is_pack<T>) {
    return apply<P>(a, b);
  } else {
    const auto y = self(a.value, b.value);
    if constexpr (std::same_as<T, TensorDual>)
      if (a.is_constant() && b.is_constant()) return y;
    return T::combined(y, P::slope_a(a.value, b.value, y), a, P::slope_b(a.value, b.value, y), b);
  }
}

}  // namespace detail

}  // namespace gradtape
