/// SparseAdam: Adam that updates only the rows of a table that have a gradient.
#pragma once

#include "gradtape/optim/adam.hpp"

namespace gradtape::optim {

/// Options of SparseAdam.
struct SparseAdamOptions {
  static constexpr const char* rule = "SparseAdam";
  double lr = 1e-3;                   ///< Learning rate, >= 0.
  double beta1 = 0.9;                 ///< Decay of the first moment, in [0, 1).
  double beta2 = 0.999;               ///< Decay of the second moment, in [0, 1).
  double eps = 1e-8;                  ///< Added to the denominator; >= 0.
  bool maximize = false;              ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Adam as PyTorch has it for row gradients (see embedding, EmbeddingOptions::sparse): only the
/// rows in the gradient and their moments change. For each of them, with t for all steps so far,
///
///     m <- beta1 m + (1 - beta1) g
///     v <- beta2 v + (1 - beta2) g^2
///     w <- w - lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps)
class SparseAdam : public Rule<SparseAdamOptions, AdamState> {
 public:
  using Rule::Rule;
  /// Throws ValueError, with nothing changed, for a parameter whose gradient is no row gradient.
  void step() override;
};

}  // namespace gradtape::optim
