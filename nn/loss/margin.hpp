/// Losses that ask for a margin. Labels are +1 and -1, in the prediction's dtype or as integers.
/// Each throws ShapeError for shapes that do not fit and for the mean of nothing, DtypeError for
/// mixed dtypes, ValueError for other labels. A margin that is just met still has its slope, unless
/// said otherwise.
#pragma once

#include "gradtape/nn/loss/reduction.hpp"

namespace gradtape::nn {

/// max(0, 1 - label prediction); the slope is 0 where the margin is met.
[[nodiscard]] Tensor hinge_loss(const Tensor& prediction, const Tensor& label,
                                LossOptions options = {});

/// Options of hinge_embedding_loss.
struct MarginOptions {
  double margin = 1;  ///< The distance from which on there is no loss; any number.
  Reduction reduction = Reduction::mean;  ///< Of the losses: none, mean or sum.
};
/// distance where the label is 1, max(0, margin - distance) where it is -1.
[[nodiscard]] Tensor hinge_embedding_loss(const Tensor& distance, const Tensor& label,
                                          MarginOptions options = {});

/// log(1 + exp(-label prediction)), without overflow
[[nodiscard]] Tensor soft_margin_loss(const Tensor& prediction, const Tensor& label,
                                      LossOptions options = {});

/// Options of margin_ranking_loss and cosine_embedding_loss.
struct PairMarginOptions {
  double margin = 0;                      ///< As in the formulas below; any number.
  Reduction reduction = Reduction::mean;  ///< Of the losses: none, mean or sum.
};
/// max(0, margin - label (a - b)): label 1 wants a above b. The three have one shape.
[[nodiscard]] Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& label,
                                         PairMarginOptions options = {});

/// 1 - cos(a, b) where the label is 1, max(0, cos(a, b) - margin) where it is -1.
/// a, b: [n, d] and label [n], or [d] and 0-d. A vector of zeros has the cosine 0 and the slope 0.
[[nodiscard]] Tensor cosine_embedding_loss(const Tensor& a, const Tensor& b, const Tensor& label,
                                           PairMarginOptions options = {});

/// Options of triplet_margin_loss.
struct TripletMarginOptions {
  double margin = 1;  ///< By how much the negative is to be farther away; any number.
  double p = 2;       ///< The distance's exponent.
  double eps = 1e-6;  ///< Added to every difference; any number.
  bool swap = false;  ///< Use the negative's distance to the positive where it is smaller.
  Reduction reduction = Reduction::mean;  ///< Of the losses: none, mean or sum.
};
/// max(0, margin + |anchor - positive|_p - |anchor - negative|_p) (Balntas et al. 2016).
/// Each [..., d], of one shape -> [...].
[[nodiscard]] Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive,
                                         const Tensor& negative, TripletMarginOptions options = {});

/// Options of multi_margin_loss.
struct MultiMarginOptions {
  int p = 1;           ///< 1 or 2.
  double margin = 1;   ///< By how much the target's score is to be above the others; any number.
  Tensor weight = {};  ///< One factor a class, [classes]; at least 0.
  Reduction reduction = Reduction::mean;  ///< Of the losses: none, mean or sum.
};
/// weight[target] sum_{c != target} max(0, margin - x[target] + x[c])^p / classes; the slope is 0
/// where the margin is met.  scores x: [n, classes] and target [n] (int64), or [classes] and 0-d.
/// Throws ValueError for a class out of range.
[[nodiscard]] Tensor multi_margin_loss(const Tensor& scores, const Tensor& target,
                                       const MultiMarginOptions& options = {});

/// sum_{j, c} max(0, 1 - (x[target_j] - x[c])) / classes over the targets j and the classes c that
/// are none; the slope is 0 where the margin is met.  scores x: [n, classes] or [classes]; target:
/// int64 of the same shape, the classes of a row first, then -1. Throws ValueError for a class out
/// of range.
[[nodiscard]] Tensor multilabel_margin_loss(const Tensor& scores, const Tensor& target,
                                            LossOptions options = {});

}  // namespace gradtape::nn
