/// Adamax: Adam with the largest gradient in place of the second moment.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of Adamax.
struct AdamaxOptions {
  static constexpr const char* rule = "Adamax";
  double lr = 2e-3;                   ///< Learning rate, >= 0.
  double beta1 = 0.9;                 ///< Decay of the first moment, in [0, 1).
  double beta2 = 0.999;               ///< Decay of the norm, in [0, 1).
  double eps = 1e-8;                  ///< Added to the denominator; >= 0.
  double weight_decay = 0;            ///< Times the parameter, added to its gradient; >= 0.
  bool maximize = false;              ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// State of Adamax for one parameter.
struct AdamaxState {
  std::int64_t steps = 0;             ///< Updates so far, t.
  Tensor first_moment;                ///< The running mean of the gradient, m.
  Tensor norm;                        ///< The decaying maximum of its absolute value, u.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Kingma and Ba 2015, "Adam: a method for stochastic optimization", Algorithm 2, with PyTorch's
/// eps.
///
///     g <- g + weight_decay w
///     m <- beta1 m + (1 - beta1) g
///     u <- max(beta2 u, |g| + eps)
///     w <- w - lr / (1 - beta1^t) m / u
class Adamax : public Rule<AdamaxOptions, AdamaxState> {
 public:
  using Rule::Rule;
  void step() override;
};

}  // namespace gradtape::optim
