/// Losses of predicted quantities. Each takes prediction and target of one shape and floating
/// dtype, or for one of them a single number: a 0-d tensor or a literal, `mse_loss(y, 0.5)`. It
/// throws ShapeError for other shapes that differ and for the mean of nothing, DtypeError for mixed
/// dtypes, ValueError for an option out of its range.
#pragma once

#include "gradtape/nn/loss/reduction.hpp"

namespace gradtape::nn {

/// (prediction - target)^2
[[nodiscard]] Tensor mse_loss(const Tensor& prediction, const Tensor& target,
                              LossOptions options = {});

/// 1/2 (prediction - target)^2, summed unless told otherwise: the J of textbooks, with the gradient
/// prediction - target. Reduction::batch_mean gives their 1/(2 m) sum.
[[nodiscard]] Tensor half_squared_error(const Tensor& prediction, const Tensor& target,
                                        LossOptions options = {.reduction = Reduction::sum});

/// |prediction - target|; the slope at 0 is 0
[[nodiscard]] Tensor l1_loss(const Tensor& prediction, const Tensor& target,
                             LossOptions options = {});

/// Options of smooth_l1_loss.
struct SmoothL1Options {
  double beta = 1;  ///< Where the parabola ends; >= 0, and 0 makes an l1_loss.
  Reduction reduction = Reduction::mean;  ///< Of the losses: none, mean or sum.
};
/// d^2 / (2 beta) for d = |prediction - target| < beta, d - beta / 2 beyond.
[[nodiscard]] Tensor smooth_l1_loss(const Tensor& prediction, const Tensor& target,
                                    SmoothL1Options options = {});

/// Options of huber_loss.
struct HuberOptions {
  double delta = 1;                       ///< Where the parabola ends; > 0.
  Reduction reduction = Reduction::mean;  ///< Of the losses: none, mean or sum.
};
/// d^2 / 2 for d = |prediction - target| < delta, delta (d - delta / 2) beyond (Huber 1964).
[[nodiscard]] Tensor huber_loss(const Tensor& prediction, const Tensor& target,
                                HuberOptions options = {});

/// Options of gaussian_nll_loss.
struct GaussianNllOptions {
  bool full = false;  ///< Add the constant log(2 pi) / 2.
  double eps = 1e-6;  ///< Smaller variances count as this; their gradient passes nevertheless.
  Reduction reduction = Reduction::mean;  ///< Of the losses: none, mean or sum.
};
/// 1/2 (log var + (prediction - target)^2 / var): a normal distribution of the predicted mean and
/// variance.  var: 0-d, or the shape of the losses, or with 1 for its last extent, or without its
/// last axis. Throws ValueError for a negative variance.
[[nodiscard]] Tensor gaussian_nll_loss(const Tensor& prediction, const Tensor& target,
                                       const Tensor& var, GaussianNllOptions options = {});

/// Options of poisson_nll_loss.
struct PoissonNllOptions {
  bool log_input = true;  ///< The prediction is the logarithm of the rate.
  bool full = false;      ///< Add Stirling's estimate of log(target!), for targets > 1.
  double eps = 1e-8;      ///< Added to the rate in log(rate) where it is predicted itself.
  Reduction reduction = Reduction::mean;  ///< Of the losses: none, mean or sum.
};
/// rate - target log(rate), and rate for the target 0: counts with the predicted rate e^prediction,
/// or prediction. Throws ValueError for a negative count or rate.
[[nodiscard]] Tensor poisson_nll_loss(const Tensor& prediction, const Tensor& target,
                                      PoissonNllOptions options = {});

}  // namespace gradtape::nn
