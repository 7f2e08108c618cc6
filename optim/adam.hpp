/// Adam: steps scaled by running moments of the gradient.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of Adam.
struct AdamOptions {
  double lr = 1e-3;         ///< Step size, alpha in the paper; >= 0.
  double beta1 = 0.9;       ///< Decay of the first moment, in [0, 1).
  double beta2 = 0.999;     ///< Decay of the second moment, in [0, 1).
  double eps = 1e-8;        ///< Added to the denominator; >= 0.
  double weight_decay = 0;  ///< Times the parameter, added to its gradient; >= 0.
};

/// Kingma and Ba 2015, "Adam: a method for stochastic optimization", Algorithm 1,
/// with PyTorch's weight decay.
///
///     g <- g + weight_decay w
///     m <- beta1 m + (1 - beta1) g
///     v <- beta2 v + (1 - beta2) g^2
///     w <- w - lr m^ / (sqrt(v^) + eps)   with m^ = m / (1 - beta1^t), v^ = v / (1 - beta2^t)
class Adam : public Optimizer {
 public:
  /// Throws ValueError for an empty list, a parameter listed twice, or options out of range.
  explicit Adam(std::vector<Parameter> parameters, const AdamOptions& options = {});

  void step() override;
  /// The options, which may be changed between steps.
  AdamOptions& options() { return options_; }
  const AdamOptions& options() const { return options_; }

  /// Updates that parameter i has had: t.
  std::int64_t steps(std::size_t i) const { return moments_.at(i).steps; }
  /// The running mean of the gradient of parameter i, m; undefined before its first step.
  const Tensor& first_moment(std::size_t i) const { return moments_.at(i).first; }
  /// The running mean of its square, v; undefined before its first step.
  const Tensor& second_moment(std::size_t i) const { return moments_.at(i).second; }

 private:
  struct Moments {
    Tensor first, second;
    std::int64_t steps = 0;
  };

  AdamOptions options_;
  std::vector<Moments> moments_;
};

}  // namespace gradtape::optim
