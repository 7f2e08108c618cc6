/// Lion: steps by the sign of an interpolated momentum.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of Lion.
struct LionOptions {
  static constexpr const char* rule = "Lion";
  double lr = 1e-4;                   ///< Learning rate, >= 0.
  double beta1 = 0.9;                 ///< Share of the momentum in the direction, in [0, 1).
  double beta2 = 0.99;                ///< Decay of the momentum, in [0, 1).
  double weight_decay = 0;            ///< Times lr, the share that a parameter loses a step; >= 0.
  bool maximize = false;              ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// State of Lion for one parameter.
struct LionState {
  Tensor momentum;                    ///< The running mean of the gradient, m.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Chen et al. 2023, "Symbolic discovery of optimization algorithms", Algorithm 2:
///
///     w <- w - lr (sign(beta1 m + (1 - beta1) g) + weight_decay w)
///     m <- beta2 m + (1 - beta2) g
class Lion : public Rule<LionOptions, LionState> {
 public:
  using Rule::Rule;
  void step() override;
};

}  // namespace gradtape::optim
