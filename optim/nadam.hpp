/// NAdam: Adam with Nesterov's look-ahead.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of NAdam.
struct NAdamOptions {
  static constexpr const char* rule = "NAdam";
  double lr = 2e-3;                   ///< Learning rate, >= 0.
  double beta1 = 0.9;                 ///< Decay of the first moment, in [0, 1).
  double beta2 = 0.999;               ///< Decay of the second moment, in [0, 1).
  double eps = 1e-8;                  ///< Added to the denominator; >= 0.
  double weight_decay = 0;            ///< Times the parameter, added to its gradient; >= 0.
  double momentum_decay = 4e-3;       ///< How fast the momentum grows to beta1, psi; >= 0.
  bool maximize = false;              ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// State of NAdam for one parameter.
struct NAdamState {
  std::int64_t steps = 0;             ///< Updates so far, t.
  double momentum_product = 1;        ///< The product of mu_1 ... mu_t.
  Tensor first_moment;                ///< The running mean of the gradient, m.
  Tensor second_moment;               ///< The running mean of its square, v.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Dozat 2016, "Incorporating Nesterov momentum into Adam", with PyTorch's weight decay. The
/// momentum mu_t = beta1 (1 - 0.96^(t psi) / 2) grows with t:
///
///     g <- g + weight_decay w
///     m <- beta1 m + (1 - beta1) g
///     v <- beta2 v + (1 - beta2) g^2
///     w <- w - lr m^ / (sqrt(v / (1 - beta2^t)) + eps)
///     with m^ = (1 - mu_t) g / (1 - mu_1 ... mu_t) + mu_(t+1) m / (1 - mu_1 ... mu_t mu_t
///     mu_(t+1))
///
/// The last product has mu_t twice because PyTorch 1.13 has it so; the paper has it once.
class NAdam : public Rule<NAdamOptions, NAdamState> {
 public:
  using Rule::Rule;
  void step() override;
};

}  // namespace gradtape::optim
