/// Rprop: steps by the sign of the gradient.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of Rprop.
struct RpropOptions {
  static constexpr const char* rule = "Rprop";
  double lr = 1e-2;                   ///< Learning rate, >= 0.
  double shrink = 0.5;                ///< Times the step where the sign changed, in (0, 1).
  double grow = 1.2;                  ///< Times the step where it did not, > 1.
  double min_step = 1e-6;             ///< The smallest step, >= 0.
  double max_step = 50;               ///< The largest, >= min_step.
  bool maximize = false;              ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// State of Rprop for one parameter.
struct RpropState {
  Tensor last;                        ///< The last gradient, 0 where its sign had changed.
  Tensor size;                        ///< The size of the step, lr at first.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Riedmiller and Braun 1993, "A direct adaptive method for faster backpropagation learning: the
/// RPROP algorithm", without weight-backtracking (iRprop-), for gradients of the whole data. Each
/// element has a step of its own:
///
///     size <- clamp(size * (grow where g last > 0, shrink where g last < 0), min_step, max_step)
///     g <- 0 where g last < 0
///     w <- w - sign(g) size
///     last <- g
class Rprop : public Rule<RpropOptions, RpropState> {
 public:
  using Rule::Rule;
  void step() override;
};

}  // namespace gradtape::optim
