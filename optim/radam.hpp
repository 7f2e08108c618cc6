/// RAdam: Adam with a rectified step while the second moment is still unreliable.
#pragma once

#include "gradtape/optim/adam.hpp"

namespace gradtape::optim {

/// Options of RAdam.
struct RAdamOptions {
  static constexpr const char* rule = "RAdam";
  double lr = 1e-3;                   ///< Learning rate, >= 0.
  double beta1 = 0.9;                 ///< Decay of the first moment, in [0, 1).
  double beta2 = 0.999;               ///< Decay of the second moment, in [0, 1).
  double eps = 1e-8;                  ///< Added to the denominator; >= 0.
  double weight_decay = 0;            ///< Times the parameter, added to its gradient; >= 0.
  bool maximize = false;              ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Liu et al. 2020, "On the variance of the adaptive learning rate and beyond", Algorithm 2, with
/// PyTorch's weight decay and eps. m and v are Adam's; with rho = 2 / (1 - beta2) - 1 and
/// rho_t = rho - 2 t beta2^t / (1 - beta2^t),
///
///     w <- w - lr m^                                       while rho_t <= 5
///     w <- w - lr r sqrt(1 - beta2^t) m^ / (sqrt(v) + eps) after that
///     with r^2 = (rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t)
class RAdam : public Rule<RAdamOptions, AdamState> {
 public:
  using Rule::Rule;
  void step() override;
};

}  // namespace gradtape::optim
