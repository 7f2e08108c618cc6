/// The linear recurrence behind the gradients of scans, for ops/*.cpp only.
#pragma once

#include "gradtape/autograd/kernels/scan.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape::detail {

/// For a, b of one shape: h_i = b_i + a_i h_(i-1) along axis (a_0 is not used), or its transpose in
/// reverse: h_i = b_i + a_(i+1) h_(i+1). The gradient of each is the other, so one rule serves
/// every order. Recorded as "recurrence".
Tensor recurrence(const Tensor& a, const Tensor& b, int axis, kernels::Direction direction);

}  // namespace gradtape::detail
