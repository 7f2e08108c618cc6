/// Comparisons and logic: bool results, not differentiable; and what chooses by them.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// a == b; NaN equals nothing
[[nodiscard]] Tensor operator==(const Tensor& a, const Tensor& b);
/// a != b
[[nodiscard]] Tensor operator!=(const Tensor& a, const Tensor& b);
/// a < b
[[nodiscard]] Tensor operator<(const Tensor& a, const Tensor& b);
/// a <= b
[[nodiscard]] Tensor operator<=(const Tensor& a, const Tensor& b);
/// a > b
[[nodiscard]] Tensor operator>(const Tensor& a, const Tensor& b);
/// a >= b
[[nodiscard]] Tensor operator>=(const Tensor& a, const Tensor& b);
/// a and b; bools only
[[nodiscard]] Tensor logical_and(const Tensor& a, const Tensor& b);
/// a or b; bools only
[[nodiscard]] Tensor logical_or(const Tensor& a, const Tensor& b);
/// Either a or b, not both; bools only
[[nodiscard]] Tensor logical_xor(const Tensor& a, const Tensor& b);
/// not x; bool only
[[nodiscard]] Tensor logical_not(const Tensor& x);
/// The same as operators, of bools only. (`&&` and `||` of tensors are errors.)
[[nodiscard]] inline Tensor operator&(const Tensor& a, const Tensor& b) {
  return logical_and(a, b);
}
[[nodiscard]] inline Tensor operator|(const Tensor& a, const Tensor& b) { return logical_or(a, b); }
[[nodiscard]] inline Tensor operator^(const Tensor& a, const Tensor& b) {
  return logical_xor(a, b);
}
[[nodiscard]] inline Tensor operator~(const Tensor& x) { return logical_not(x); }
[[nodiscard]] inline Tensor operator!(const Tensor& x) { return logical_not(x); }
inline Tensor& operator&=(Tensor& a, const Tensor& b) { return a = a & b; }
inline Tensor& operator|=(Tensor& a, const Tensor& b) { return a = a | b; }
inline Tensor& operator^=(Tensor& a, const Tensor& b) { return a = a ^ b; }
/// a where condition (bool) holds, b elsewhere. The branch not taken gets gradient 0, whatever it
/// holds.
[[nodiscard]] Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
/// Whether x is NaN; always false for integers
[[nodiscard]] Tensor isnan(const Tensor& x);
/// Whether x is +inf or -inf
[[nodiscard]] Tensor isinf(const Tensor& x);
/// Whether x is neither infinite nor NaN
[[nodiscard]] Tensor isfinite(const Tensor& x);
/// Whether |a - b| <= atol + rtol |b|, element by element. Equal infinities are close; NaN is close
/// to NaN where `equal_nan`.
[[nodiscard]] Tensor isclose(const Tensor& a, const Tensor& b, double rtol = 1e-5,
                             double atol = 1e-8, bool equal_nan = false);
/// Whether shapes, dtypes and all elements are equal (NaN equals nothing).
[[nodiscard]] bool array_equal(const Tensor& a, const Tensor& b);
/// Whether |a - b| <= atol + rtol |b| everywhere; shapes and dtypes must be equal.
[[nodiscard]] bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5,
                            double atol = 1e-8);

}  // namespace gradtape
