/// Adafactor: second moments of matrices in the memory of their rows and columns.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of Adafactor.
struct AdafactorOptions {
  static constexpr const char* rule = "Adafactor";
  double lr = 1e-2;           ///< The largest relative step size, rho; >= 0.
  double beta2_decay = -0.8;  ///< The second moment keeps 1 - t^beta2_decay of itself; < 0.
  double eps1 = 0;            ///< Bounds the second moment from below; 0 for the dtype's epsilon.
  double eps2 = 1e-3;         ///< The parameters' least size that counts; >= 0.
  double clip = 1;            ///< The largest root mean square of an update, d; > 0.
  double weight_decay = 0;    ///< Times lr, the share that a parameter loses a step; >= 0.
  bool maximize = false;      ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// State of Adafactor for one parameter: of one with several axes, means of the squared gradient
/// over the last axis and over the one before.
struct AdafactorState {
  std::int64_t steps = 0;             ///< Updates so far, t.
  Tensor rows;                        ///< [..., n, 1] for a parameter [..., n, m], R.
  Tensor columns;                     ///< [..., 1, m], C.
  Tensor second_moment;               ///< The whole of it where there is but one axis, or none; V.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Shazeer and Stern 2018, "Adafactor: adaptive learning rates with sublinear memory cost",
/// Algorithms 4 to 6, as in PyTorch 2. With b = t^beta2_decay and the root mean square rms,
///
///     R <- (1 - b) R + b mean(g^2 over columns),  C <- (1 - b) C + b mean(g^2 over rows)
///     u <- g / sqrt(max(R C / max(mean(R), eps1), eps1^2))
///     w <- (1 - lr weight_decay) w - min(lr, 1 / sqrt(t)) max(eps2, rms(w)) u / max(1, rms(u) / d)
class Adafactor : public Rule<AdafactorOptions, AdafactorState> {
 public:
  using Rule::Rule;
  void step() override;
};

}  // namespace gradtape::optim
