/// Losses of predicted probabilities.
#pragma once

#include "gradtape/nn/loss/reduction.hpp"

namespace gradtape::nn {

/// Options of bce_loss.
struct BceOptions {
  Tensor weight = {};  ///< One factor an element; broadcasts.
  Reduction reduction = Reduction::mean;
};
/// Binary cross-entropy -t log p - (1 - t) log(1 - p), each logarithm taken as -100 at least.
/// probability p: [...], in [0, 1]; target t: the same shape and dtype. Its slope is
/// (p - t) / max(p (1 - p), 1e-12). Throws ShapeError, DtypeError, ValueError. From logits,
/// bce_with_logits keeps more digits.
[[nodiscard]] Tensor bce_loss(const Tensor& probability, const Tensor& target,
                              const BceOptions& options = {});

/// Options of bce_with_logits.
struct BceWithLogitsOptions {
  Reduction reduction = Reduction::mean;
  Tensor weight = {};      ///< One factor an element; broadcasts.
  Tensor pos_weight = {};  ///< A factor of the term of the positives; broadcasts.
};
/// Binary cross-entropy -t log sigmoid(x) - (1 - t) log(1 - sigmoid(x)) = softplus(x) - x t,
/// without overflow.  logits x: [...], target t: probabilities of the same shape and dtype.
/// Throws ShapeError (unequal shapes, or the mean of nothing), DtypeError.
[[nodiscard]] Tensor bce_with_logits(const Tensor& logits, const Tensor& target,
                                     const BceWithLogitsOptions& options = {});

/// Options of kl_div.
struct KlDivOptions {
  bool log_target = false;                ///< The target holds logarithms too.
  Reduction reduction = Reduction::mean;  ///< batch_mean gives the divergence as defined.
};
/// Kullback-Leibler divergence t (log t - x), 0 where t is 0.  log_probability x: [...], target t:
/// probabilities of the same shape and dtype. Throws ShapeError, DtypeError.
[[nodiscard]] Tensor kl_div(const Tensor& log_probability, const Tensor& target,
                            KlDivOptions options = {});

}  // namespace gradtape::nn
