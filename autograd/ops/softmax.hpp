/// Softmax and classification.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// exp(x) / sum(exp(x)) along axis
Tensor softmax(const Tensor& x, std::int64_t axis = -1);
/// log(softmax(x)) along axis
Tensor log_softmax(const Tensor& x, std::int64_t axis = -1);
/// softmax(-x) along axis
Tensor softmin(const Tensor& x, std::int64_t axis = -1);
/// Mean over the rows of -log_softmax(logits)[target].  logits: [n, classes], [classes] or
/// [n, classes, d1, ...]; target: int64 class indices of the same shape without the axis of the
/// classes -> 0-d. A target of the logits' shape and dtype holds probabilities q instead, for
/// -sum_c q_c log_softmax(logits)_c. Throws ShapeError, DtypeError, ValueError (class out of range:
/// row and class named).
Tensor cross_entropy(const Tensor& logits, const Tensor& target);

}  // namespace gradtape
