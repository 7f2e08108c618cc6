/// Arithmetic: a, b broadcast to the result's shape as NumPy does. Tensors of different dtypes
/// never mix silently (DtypeError names both); C++ literals adopt the tensor's dtype. Throws
/// ShapeError where the shapes do not broadcast. Results of int64 wrap around modulo 2^64.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// a + b
[[nodiscard]] Tensor operator+(const Tensor& a, const Tensor& b);
/// a - b
[[nodiscard]] Tensor operator-(const Tensor& a, const Tensor& b);
/// a * b, element by element; see matmul for the matrix product
[[nodiscard]] Tensor operator*(const Tensor& a, const Tensor& b);
/// a / b; floating only
[[nodiscard]] Tensor operator/(const Tensor& a, const Tensor& b);
/// As a % b of Python: remainder(a, b)
[[nodiscard]] Tensor operator%(const Tensor& a, const Tensor& b);
/// `loss += x` is `loss = loss + x`: the name then stands for a new tensor, and others that share
/// the old one keep it. A temporary has no name to give away, so `x[0] += 1` is an error; see
/// index_put.
inline Tensor& operator+=(Tensor& a, const Tensor& b) { return a = a + b; }
inline Tensor& operator-=(Tensor& a, const Tensor& b) { return a = a - b; }
inline Tensor& operator*=(Tensor& a, const Tensor& b) { return a = a * b; }
inline Tensor& operator/=(Tensor& a, const Tensor& b) { return a = a / b; }
inline Tensor& operator%=(Tensor& a, const Tensor& b) { return a = a % b; }

namespace detail {
/// A C++ number other than bool.
template <class T>
concept Literal = std::is_arithmetic_v<T> && !std::same_as<T, bool>;
/// Whether the kernels for a number take it with x: not for integers, say.
bool takes_numbers(const Tensor& x);
template <Literal T> bool takes_number(const Tensor& x, T c) {
  if constexpr (std::is_integral_v<T> && sizeof(T) > 4) {  // a double holds all up to this
    constexpr auto most = std::int64_t{1} << 53;
    if (std::cmp_greater(c, most) || std::cmp_less(c, -most)) return false;
  }
  return takes_numbers(x);
}
[[nodiscard]] Tensor add_number(const Tensor& x, double c);
[[nodiscard]] Tensor subtract_number(const Tensor& x, double c);
[[nodiscard]] Tensor subtract_from_number(double c, const Tensor& x);
[[nodiscard]] Tensor multiply_by_number(const Tensor& x, double c);
[[nodiscard]] Tensor divide_by_number(const Tensor& x, double c);
[[nodiscard]] Tensor divide_number(double c, const Tensor& x);
}  // namespace detail

// With a C++ number the operators give what they give with the tensor made of it, `a + Tensor(c)`,
// but make none.
template <detail::Literal T> [[nodiscard]] Tensor operator+(const Tensor& a, T c) {
  return detail::takes_number(a, c) ? detail::add_number(a, double(c)) : a + Tensor(c);
}
template <detail::Literal T> [[nodiscard]] Tensor operator+(T c, const Tensor& b) {
  return detail::takes_number(b, c) ? detail::add_number(b, double(c)) : Tensor(c) + b;
}
template <detail::Literal T> [[nodiscard]] Tensor operator-(const Tensor& a, T c) {
  return detail::takes_number(a, c) ? detail::subtract_number(a, double(c)) : a - Tensor(c);
}
template <detail::Literal T> [[nodiscard]] Tensor operator-(T c, const Tensor& b) {
  return detail::takes_number(b, c) ? detail::subtract_from_number(double(c), b) : Tensor(c) - b;
}
template <detail::Literal T> [[nodiscard]] Tensor operator*(const Tensor& a, T c) {
  return detail::takes_number(a, c) ? detail::multiply_by_number(a, double(c)) : a * Tensor(c);
}
template <detail::Literal T> [[nodiscard]] Tensor operator*(T c, const Tensor& b) {
  return detail::takes_number(b, c) ? detail::multiply_by_number(b, double(c)) : Tensor(c) * b;
}
template <detail::Literal T> [[nodiscard]] Tensor operator/(const Tensor& a, T c) {
  return detail::takes_number(a, c) ? detail::divide_by_number(a, double(c)) : a / Tensor(c);
}
template <detail::Literal T> [[nodiscard]] Tensor operator/(T c, const Tensor& b) {
  return detail::takes_number(b, c) ? detail::divide_number(double(c), b) : Tensor(c) / b;
}
template <detail::Literal T> Tensor& operator+=(Tensor& a, T c) { return a = a + c; }
template <detail::Literal T> Tensor& operator-=(Tensor& a, T c) { return a = a - c; }
template <detail::Literal T> Tensor& operator*=(Tensor& a, T c) { return a = a * c; }
template <detail::Literal T> Tensor& operator/=(Tensor& a, T c) { return a = a / c; }

/// -x
[[nodiscard]] Tensor operator-(const Tensor& x);
/// a^b. d/db is a^b log(a), taken as 0 where a = 0 and b >= 0. Integers to negative powers throw
/// ValueError.
[[nodiscard]] Tensor pow(const Tensor& a, const Tensor& b);
/// max(a, b), element by element; equal elements share the gradient half and half, NaN wins.
[[nodiscard]] Tensor maximum(const Tensor& a, const Tensor& b);
/// min(a, b), element by element; equal elements share the gradient half and half, NaN wins.
[[nodiscard]] Tensor minimum(const Tensor& a, const Tensor& b);
/// max(a, b), but the other one where one is NaN; of equal elements a gets the gradient.
[[nodiscard]] Tensor fmax(const Tensor& a, const Tensor& b);
/// min(a, b), but the other one where one is NaN; of equal elements a gets the gradient.
[[nodiscard]] Tensor fmin(const Tensor& a, const Tensor& b);
/// min(max(x, low), high); the gradient passes at the bounds. Pass -inf or inf for no bound.
/// Throws ValueError when low > high.
[[nodiscard]] Tensor clamp(const Tensor& x, double low, double high);
/// The same with bounds that broadcast and get the gradient where they apply; an undefined bound
/// does not apply. Where low >= high the result is high.
[[nodiscard]] Tensor clamp(const Tensor& x, const Tensor& low, const Tensor& high);

// Integers, int64, divide exactly; a divisor of 0 throws ValueError there.

/// The remainder of a / b with the sign of a, as std::fmod; d/db is -trunc(a / b).
[[nodiscard]] Tensor fmod(const Tensor& a, const Tensor& b);
/// The remainder of a / b with the sign of b, as Python's %; d/db is -floor(a / b).
[[nodiscard]] Tensor remainder(const Tensor& a, const Tensor& b);
/// floor(a / b) of the exact quotient, as Python's //; slope 0
[[nodiscard]] Tensor floor_divide(const Tensor& a, const Tensor& b);

/// The angle of the point (x = b, y = a) in (-pi, pi]; slopes 0 at the origin. Floating only.
[[nodiscard]] Tensor atan2(const Tensor& a, const Tensor& b);
/// sqrt(a^2 + b^2) without overflow; slopes 0 at the origin. Floating only.
[[nodiscard]] Tensor hypot(const Tensor& a, const Tensor& b);
/// log(e^a + e^b) without overflow. Floating only.
[[nodiscard]] Tensor logaddexp(const Tensor& a, const Tensor& b);
/// a log(b), and 0 where a = 0 unless b is NaN; d/da is 0 where a = 0 and b <= 0. Floating only.
[[nodiscard]] Tensor xlogy(const Tensor& a, const Tensor& b);
/// |a| with the sign of b, -0 included; slope 0 for b, and for a where a = 0. Floating only.
[[nodiscard]] Tensor copysign(const Tensor& a, const Tensor& b);
/// 0 where x < 0, 1 where x > 0, `at_zero` where x = 0. Floating only; slope 0 for x.
[[nodiscard]] Tensor heaviside(const Tensor& x, const Tensor& at_zero);

/// a + weight (b - a), exact at weight 0 and 1. Floating only.
[[nodiscard]] Tensor lerp(const Tensor& a, const Tensor& b, const Tensor& weight);
/// x + scale a b. Floating only.
[[nodiscard]] Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, double scale = 1);
/// x + scale a / b. Floating only.
[[nodiscard]] Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, double scale = 1);

/// g * d, and 0 where g is 0 even if d is infinite or NaN: what a chain rule means by a product.
[[nodiscard]] Tensor masked_mul(const Tensor& g, const Tensor& d);

namespace detail {
/// sum + g, into the elements of `sum` where nobody else sees them. Never recorded.
[[nodiscard]] Tensor add_reusing(Tensor&& sum, const Tensor& g);
/// Casts the weak ones of several operands; throws DtypeError in the name of `op` when their dtypes
/// differ otherwise.
void promote_literals(Tensor& a, Tensor& b, const char* op);
void promote_literals(Tensor* operands, std::size_t count, const char* op);
}  // namespace detail

}  // namespace gradtape
