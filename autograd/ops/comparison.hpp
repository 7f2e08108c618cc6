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
/// not x; bool only
Tensor logical_not(const Tensor& x);
/// a where condition (bool) holds, b elsewhere. The branch not taken gets gradient 0, whatever it
/// holds.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
/// Whether shapes, dtypes and all elements are equal (NaN equals nothing).
bool array_equal(const Tensor& a, const Tensor& b);
/// Whether |a - b| <= atol + rtol |b| everywhere; shapes and dtypes must be equal.
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8);

}  // namespace gradtape
