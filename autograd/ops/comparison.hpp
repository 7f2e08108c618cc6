/// Comparisons and logic: bool results, not differentiable; and what chooses by them.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// a == b; NaN equals nothing
Tensor operator==(const Tensor& a, const Tensor& b);
/// a != b
Tensor operator!=(const Tensor& a, const Tensor& b);
/// a < b
Tensor operator<(const Tensor& a, const Tensor& b);
/// a <= b
Tensor operator<=(const Tensor& a, const Tensor& b);
/// a > b
Tensor operator>(const Tensor& a, const Tensor& b);
/// a >= b
Tensor operator>=(const Tensor& a, const Tensor& b);
/// a and b; bools only
Tensor logical_and(const Tensor& a, const Tensor& b);
/// a or b; bools only
Tensor logical_or(const Tensor& a, const Tensor& b);
/// Either a or b, not both; bools only
Tensor logical_xor(const Tensor& a, const Tensor& b);
/// not x; bool only
Tensor logical_not(const Tensor& x);
/// a where condition (bool) holds, b elsewhere. The branch not taken gets gradient 0, whatever it
/// holds.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
/// Whether x is NaN; always false for integers
Tensor isnan(const Tensor& x);
/// Whether x is +inf or -inf
Tensor isinf(const Tensor& x);
/// Whether x is neither infinite nor NaN
Tensor isfinite(const Tensor& x);
/// Whether |a - b| <= atol + rtol |b|, element by element. Equal infinities are close; NaN is close
/// to NaN where `equal_nan`.
Tensor isclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
               bool equal_nan = false);
/// Whether shapes, dtypes and all elements are equal (NaN equals nothing).
bool array_equal(const Tensor& a, const Tensor& b);
/// Whether |a - b| <= atol + rtol |b| everywhere; shapes and dtypes must be equal.
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8);

}  // namespace gradtape
