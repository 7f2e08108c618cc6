/// Stochastic gradient descent.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of SGD.
struct SGDOptions {
  static constexpr const char* rule = "SGD";
  double lr = 1e-3;         ///< Learning rate, >= 0.
  double momentum = 0;      ///< Share of the last velocity that is kept, >= 0.
  double dampening = 0;     ///< Share of the gradient that the velocity does not get.
  double weight_decay = 0;  ///< Times the parameter, added to its gradient; >= 0.
  bool nesterov = false;    ///< Look ahead along the velocity; needs momentum, no dampening.
  bool maximize = false;    ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// State of SGD for one parameter.
struct SGDState {
  Tensor velocity;                    ///< v; undefined without momentum.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Gradient descent with momentum, weight decay and Nesterov's look-ahead, as PyTorch defines them
/// (Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning",
/// with the learning rate outside the velocity):
///
///     d <- g + weight_decay w
///     v <- momentum v + (1 - dampening) d     (at first v <- d)
///     w <- w - lr v                           (nesterov: w - lr (d + momentum v))
///
/// A running mean of the gradients, m <- gamma m + (1 - gamma) g from 0 with w <- w - eta m, is the
/// momentum gamma with lr = eta (1 - gamma). Dampening = momentum is not: it leaves the first
/// gradient undamped.
///
/// Without momentum and weight decay a step touches only the rows of a row gradient.
class SGD : public Rule<SGDOptions, SGDState> {
 public:
  using Rule::Rule;
  void step() override;
};

}  // namespace gradtape::optim
