/// Losses of predicted probabilities.
#pragma once

#include "gradtape/nn/loss/reduction.hpp"

namespace gradtape::nn {

/// Options of bce_loss.
struct BceOptions {
  Tensor weight = {};                     ///< One factor an element; broadcasts.
  Reduction reduction = Reduction::mean;  ///< Of the losses: none, mean or sum.
};
/// Binary cross-entropy -t log p - (1 - t) log(1 - p), each logarithm taken as -100 at least.
/// probability p and target t: [...], in [0, 1], of one shape and dtype. Its slope is
/// (p - t) / (p (1 - p)), and (p - t) 1e12 at p = 0 and 1. Throws ShapeError, DtypeError, and
/// ValueError for numbers outside [0, 1] and NaN. For logits z, take bce_with_logits(z, t), never
/// bce_loss(sigmoid(z), t): p near 1 has lost what 1 - p was, and where it has rounded to 1 (in
/// float32 from z = 17 on) the gradient for t = 0 is not 1 but anything.
[[nodiscard]] Tensor bce_loss(const Tensor& probability, const Tensor& target,
                              const BceOptions& options = {});

/// Options of bce_with_logits.
struct BceWithLogitsOptions {
  Reduction reduction = Reduction::mean;  ///< Of the losses: none, mean or sum.
  Tensor weight = {};                     ///< One factor an element; broadcasts.
  Tensor pos_weight = {};                 ///< A factor of the term of the positives; broadcasts.
};
/// Binary cross-entropy -t log sigmoid(x) - (1 - t) log(1 - sigmoid(x)) = softplus(x) - x t,
/// without overflow, and with all digits for confident logits; 0 for an infinite logit that is
/// right.  logits x: [...], target t: probabilities of the same shape and dtype. Throws ShapeError
/// (unequal shapes, or the mean of nothing), DtypeError, ValueError for a target outside [0, 1].
[[nodiscard]] Tensor bce_with_logits(const Tensor& logits, const Tensor& target,
                                     const BceWithLogitsOptions& options = {});

/// bce_with_logits under the name that the other losses would suggest.
[[nodiscard]] inline Tensor bce_with_logits_loss(const Tensor& logits, const Tensor& target,
                                                 const BceWithLogitsOptions& options = {}) {
  return bce_with_logits(logits, target, options);
}

/// Options of multilabel_soft_margin_loss.
struct MultilabelSoftMarginOptions {
  Tensor weight = {};                     ///< One factor a class; broadcasts.
  Reduction reduction = Reduction::mean;  ///< Of the losses: none, mean or sum.
};
/// The mean over the last axis of the binary cross-entropies of its classes.  logits: [...,
/// classes], target: in [0, 1], the same shape and dtype -> [...]. Errors as of bce_with_logits.
[[nodiscard]] Tensor multilabel_soft_margin_loss(const Tensor& logits, const Tensor& target,
                                                 const MultilabelSoftMarginOptions& options = {});

/// Options of kl_div.
struct KlDivOptions {
  bool log_target = false;                ///< The target holds logarithms too.
  Reduction reduction = Reduction::mean;  ///< batch_mean gives the divergence as defined.
};
/// Kullback-Leibler divergence t (log t - x), 0 where t is 0, whatever x is.  log_probability x:
/// [...], target t: probabilities of the same shape and dtype. Throws ShapeError, DtypeError, and
/// ValueError for x > 0 or t < 0.
[[nodiscard]] Tensor kl_div(const Tensor& log_probability, const Tensor& target,
                            KlDivOptions options = {});

}  // namespace gradtape::nn
