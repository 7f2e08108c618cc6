/// RMSprop: steps scaled by the size of recent gradients.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of RMSprop.
struct RMSpropOptions {
  static constexpr const char* rule = "RMSprop";
  double lr = 1e-2;                   ///< Learning rate, >= 0.
  double alpha = 0.99;                ///< Decay of the running means, in [0, 1].
  double eps = 1e-8;                  ///< Added to the denominator; >= 0.
  double weight_decay = 0;            ///< Times the parameter, added to its gradient; >= 0.
  double momentum = 0;                ///< Share of the last direction that is kept, >= 0.
  bool centered = false;              ///< Divide by the deviation from the mean gradient.
  bool maximize = false;              ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// State of RMSprop for one parameter.
struct RMSpropState {
  Tensor square;    ///< The running mean of the squared gradient, v; undefined if centered.
  Tensor variance;  ///< v - m^2, kept without that difference, which would cancel; if centered.
  Tensor mean;      ///< The running mean of the gradient, m; undefined unless centered.
  Tensor velocity;  ///< b; undefined without momentum.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Tieleman and Hinton 2012, "Lecture 6.5: RMSProp", with momentum; centered as in Graves 2013,
/// "Generating sequences with recurrent neural networks":
///
///     g <- g + weight_decay w
///     v <- alpha v + (1 - alpha) g^2
///     m <- alpha m + (1 - alpha) g               (centered; else m = 0)
///     b <- momentum b + g / (sqrt(v - m^2) + eps)
///     w <- w - lr b
class RMSprop : public Rule<RMSpropOptions, RMSpropState> {
 public:
  using Rule::Rule;
  void step() override;
};

}  // namespace gradtape::optim
