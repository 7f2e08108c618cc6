/// Losses of predicted classes.
#pragma once

#include <cstdint>
#include <optional>

#include "gradtape/nn/loss/reduction.hpp"

namespace gradtape::nn {

/// Options of cross_entropy.
struct CrossEntropyOptions {
  Tensor weight = {};  ///< What each class counts, [classes], at least 0; 1 if none.
  std::optional<std::int64_t> ignore_index = {};  ///< Rows of this class index do not count.
  double label_smoothing = 0;                     ///< In [0, 1]: the share spread over all classes.
  Reduction reduction = Reduction::mean;          ///< The mean is weighted by the rows' weights.
};
/// -sum_c q_c weight_c log_softmax(logits)_c for the wanted distribution q.
/// logits: [n, classes], [classes] or [n, classes, d1, ...]; target: class indices (int64) without
/// the axis of the classes, or probabilities of the logits' shape and dtype -> a loss a row. What
/// counts 0 times counts 0, at infinite logits too. The mean is NaN where every row is ignored.
/// Throws ShapeError (also for the mean of no rows), DtypeError, ValueError (a class, probability
/// or option out of range; ignore_index beside probabilities).
[[nodiscard]] Tensor cross_entropy(const Tensor& logits, const Tensor& target,
                                   const CrossEntropyOptions& options = {});

/// Options of nll_loss.
struct NllOptions {
  Tensor weight = {};  ///< What each class counts, [classes], at least 0; 1 if none.
  std::optional<std::int64_t> ignore_index = {};  ///< Rows of this class do not count.
  Reduction reduction = Reduction::mean;          ///< The mean is weighted by the rows' weights.
};
/// -weight[target] log_probabilities[target], the second half of cross_entropy; shapes and errors
/// are those of its class indices. Throws ValueError too for a log-probability above 0, which only
/// probabilities or logits have.
[[nodiscard]] Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target,
                              const NllOptions& options = {});

}  // namespace gradtape::nn
