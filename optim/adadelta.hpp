/// Adadelta: steps scaled by the size of the last steps.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of Adadelta.
struct AdadeltaOptions {
  static constexpr const char* rule = "Adadelta";
  double lr = 1;                      ///< Learning rate, >= 0.
  double rho = 0.9;                   ///< Decay of both running means, in [0, 1].
  double eps = 1e-6;                  ///< Added to the means; >= 0.
  double weight_decay = 0;            ///< Times the parameter, added to its gradient; >= 0.
  bool maximize = false;              ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// State of Adadelta for one parameter.
struct AdadeltaState {
  Tensor square;                      ///< The running mean of the squared gradient, v.
  Tensor delta;                       ///< The running mean of the squared step, u.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Zeiler 2012, "ADADELTA: an adaptive learning rate method", Algorithm 1, with a learning rate.
/// (What the MIT 6.390 notes call Adadelta has no u: that is RMSprop.)
///
///     g <- g + weight_decay w
///     v <- rho v + (1 - rho) g^2
///     d <- sqrt(u + eps) / sqrt(v + eps) g
///     u <- rho u + (1 - rho) d^2
///     w <- w - lr d
class Adadelta : public Rule<AdadeltaOptions, AdadeltaState> {
 public:
  using Rule::Rule;
  void step() override;
};

}  // namespace gradtape::optim
