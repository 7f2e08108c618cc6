/// Loss functions. Prediction and target must have equal shapes: nothing broadcasts here, because a
/// [32] target against a [32, 1] prediction would silently compare each with all.
#pragma once

#include "gradtape/autograd/ops.hpp"

namespace gradtape::nn {

/// What becomes of the losses of the elements.
enum class Reduction {
  mean,  ///< Their mean, 0-d.
  sum,   ///< Their sum, 0-d.
  none,  ///< All of them, in the shape of the prediction.
};

/// Options of the losses.
struct LossOptions {
  Reduction reduction = Reduction::mean;
};

/// (prediction - target)^2.  prediction: [...], target: the same shape.
/// Throws ShapeError (unequal shapes, or the mean of nothing), DtypeError.
Tensor mse_loss(const Tensor& prediction, const Tensor& target, LossOptions options = {});

/// Binary cross-entropy -t log sigmoid(x) - (1 - t) log(1 - sigmoid(x)) = softplus(x) - x t,
/// without overflow.  logits x: [...], target t: probabilities of the same shape and dtype.
/// Throws ShapeError (unequal shapes, or the mean of nothing), DtypeError.
Tensor bce_with_logits(const Tensor& logits, const Tensor& target, LossOptions options = {});

using gradtape::cross_entropy;

}  // namespace gradtape::nn
