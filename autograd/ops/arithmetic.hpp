/// Arithmetic: a, b broadcast to the result's shape as NumPy does. Tensors of different dtypes never
/// mix silently (DtypeError names both); C++ literals adopt the tensor's dtype. Throws ShapeError
/// where the shapes do not broadcast.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// a + b
Tensor operator+(const Tensor& a, const Tensor& b);
/// a - b
Tensor operator-(const Tensor& a, const Tensor& b);
/// a * b, element by element; see matmul for the matrix product
Tensor operator*(const Tensor& a, const Tensor& b);
/// a / b; floating only
Tensor operator/(const Tensor& a, const Tensor& b);
/// -x
Tensor operator-(const Tensor& x);
/// a^b; floating only. d/db is a^b log(a), taken as 0 where a = 0 and b >= 0.
Tensor pow(const Tensor& a, const Tensor& b);
/// max(a, b), element by element; equal elements share the gradient half and half, NaN wins.
Tensor maximum(const Tensor& a, const Tensor& b);
/// min(a, b), element by element; equal elements share the gradient half and half, NaN wins.
Tensor minimum(const Tensor& a, const Tensor& b);
/// min(max(x, low), high); the gradient passes at the bounds. Throws ValueError when low > high.
Tensor clamp(const Tensor& x, double low, double high);
/// g * d, and 0 where g is 0 even if d is infinite or NaN: what a chain rule means by a product.
Tensor chain(const Tensor& g, const Tensor& d);

namespace detail {
/// sum + g, into the elements of `sum` where nobody else sees them. Never recorded.
Tensor add_reusing(Tensor&& sum, const Tensor& g);
/// Casts the weak ones of several operands; throws DtypeError in the name of `op` when their dtypes
/// differ otherwise.
void unify(Tensor& a, Tensor& b, const char* op);
void unify(Tensor* operands, std::size_t count, const char* op);
}  // namespace detail

}  // namespace gradtape
