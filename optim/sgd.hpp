/// Stochastic gradient descent.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of SGD.
struct SGDOptions {
  double lr = 1e-3;         ///< Learning rate, >= 0.
  double momentum = 0;      ///< Share of the last velocity that is kept, >= 0.
  double weight_decay = 0;  ///< Times the parameter, added to its gradient; >= 0.
  bool nesterov = false;    ///< Look ahead along the velocity; needs momentum.
};

/// Gradient descent with momentum, weight decay and Nesterov's look-ahead, as PyTorch defines them
/// (Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning",
/// with the learning rate outside the velocity):
///
///     d <- g + weight_decay w
///     v <- momentum v + d
///     w <- w - lr v                    (nesterov: w - lr (d + momentum v))
class SGD : public Optimizer {
 public:
  /// Throws ValueError for an empty list, a parameter listed twice, or options out of range.
  explicit SGD(std::vector<Parameter> parameters, const SGDOptions& options = {});

  void step() override;
  /// The options, which may be changed between steps.
  SGDOptions& options() { return options_; }
  const SGDOptions& options() const { return options_; }
  /// The velocity of parameter i; undefined before its first step with momentum.
  const Tensor& velocity(std::size_t i) const { return velocity_.at(i); }

 private:
  SGDOptions options_;
  std::vector<Tensor> velocity_;
};

}  // namespace gradtape::optim
