/// Products of matrices and vectors.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Matrix product with NumPy's rules for every rank: [n, k] x [k, m], vectors, and batches that
/// broadcast. Throws ShapeError when the inner dimensions differ.
Tensor matmul(const Tensor& a, const Tensor& b);
/// x W^T + b.  x: [..., in], weight: [out, in], bias: [out] or undefined -> [..., out]
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace gradtape
