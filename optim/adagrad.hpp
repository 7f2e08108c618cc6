/// Adagrad: steps scaled by all gradients so far.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of Adagrad.
struct AdagradOptions {
  static constexpr const char* rule = "Adagrad";
  double lr = 1e-2;                   ///< Learning rate, >= 0.
  double lr_decay = 0;                ///< Step t has lr / (1 + (t - 1) lr_decay); >= 0.
  double weight_decay = 0;            ///< Times the parameter, added to its gradient; >= 0.
  double initial_sum = 0;             ///< Initial value of v; >= 0.
  double eps = 1e-10;                 ///< Added to the denominator; >= 0.
  bool maximize = false;              ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// State of Adagrad for one parameter.
struct AdagradState {
  std::int64_t steps = 0;             ///< Updates so far, t.
  Tensor sum;                         ///< Sum of the squared gradients, v.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Duchi et al. 2011, "Adaptive subgradient methods for online learning and stochastic
/// optimization", the diagonal form:
///
///     g <- g + weight_decay w
///     v <- v + g^2
///     w <- w - lr / (1 + (t - 1) lr_decay) g / (sqrt(v) + eps)
///
/// Without weight_decay and initial_sum a step touches only the rows of a row gradient.
class Adagrad : public Rule<AdagradOptions, AdagradState> {
 public:
  using Rule::Rule;
  void step() override;
};

}  // namespace gradtape::optim
