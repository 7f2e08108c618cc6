/// Softmax and classification.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// exp(x) / sum(exp(x)) along axis
Tensor softmax(const Tensor& x, std::int64_t axis = -1);
/// log(softmax(x)) along axis
Tensor log_softmax(const Tensor& x, std::int64_t axis = -1);
/// Mean of -log_softmax(logits)[target].  logits: [n, classes], target: [n] int64 class indices ->
/// 0-d Throws ShapeError, DtypeError, ValueError (class out of range: row and class named).
Tensor cross_entropy(const Tensor& logits, const Tensor& target);

}  // namespace gradtape
