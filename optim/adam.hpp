/// Adam and AdamW: steps scaled by running moments of the gradient.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of Adam.
struct AdamOptions {
  static constexpr const char* rule = "Adam";
  double lr = 1e-3;                   ///< Step size, alpha in the paper; >= 0.
  double beta1 = 0.9;                 ///< Decay of the first moment, in [0, 1).
  double beta2 = 0.999;               ///< Decay of the second moment, in [0, 1).
  double eps = 1e-8;                  ///< Added to the denominator; >= 0.
  double weight_decay = 0;            ///< Times the parameter, added to its gradient; >= 0.
  bool amsgrad = false;               ///< Divide by the largest second moment so far.
  bool maximize = false;              ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Options of AdamW.
struct AdamWOptions {
  static constexpr const char* rule = "AdamW";
  double lr = 1e-3;                   ///< Step size, >= 0.
  double beta1 = 0.9;                 ///< Decay of the first moment, in [0, 1).
  double beta2 = 0.999;               ///< Decay of the second moment, in [0, 1).
  double eps = 1e-8;                  ///< Added to the denominator; >= 0.
  double weight_decay = 1e-2;         ///< Times lr, the share that a parameter loses a step; >= 0.
  bool amsgrad = false;               ///< Divide by the largest second moment so far.
  bool maximize = false;              ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// State of Adam and its variants for one parameter.
struct AdamState {
  std::int64_t steps = 0;             ///< Updates so far, t.
  Tensor first_moment;                ///< The running mean of the gradient, m.
  Tensor second_moment;               ///< The running mean of its square, v.
  Tensor max_second_moment;           ///< The largest v so far; undefined without amsgrad.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Kingma and Ba 2015, "Adam: a method for stochastic optimization", Algorithm 1,
/// with PyTorch's weight decay.
///
///     g <- g + weight_decay w
///     m <- beta1 m + (1 - beta1) g
///     v <- beta2 v + (1 - beta2) g^2
///     w <- w - lr m^ / (sqrt(v^) + eps)   with m^ = m / (1 - beta1^t), v^ = v / (1 - beta2^t)
///
/// amsgrad (Reddi et al. 2018, "On the convergence of Adam and beyond") takes the largest v so far
/// in v^.
class Adam : public Rule<AdamOptions, AdamState> {
 public:
  using Rule::Rule;
  void step() override;
};

/// Loshchilov and Hutter 2019, "Decoupled weight decay regularization": Adam whose weight decay,
/// w <- (1 - lr weight_decay) w, stays out of the moments.
class AdamW : public Rule<AdamWOptions, AdamState> {
 public:
  using Rule::Rule;
  void step() override;
};

}  // namespace gradtape::optim
