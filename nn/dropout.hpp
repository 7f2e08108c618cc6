/// Dropout, active in training mode only.
#pragma once

#include <memory>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// Options of Dropout.
struct DropoutOptions {
  /// Draws the masks; the calling thread's default generator if not given.
  std::shared_ptr<Generator> generator = nullptr;
};

/// In training, each element is 0 with probability p and x / (1 - p) otherwise, so that its
/// expectation is x; in evaluation, x itself (Srivastava et al. 2014).
/// Throws ValueError unless p is in [0, 1).
class Dropout : public Layer {
 public:
  explicit Dropout(double p = 0.5, DropoutOptions options = {});

 protected:
  Tensor forward(const Tensor& x) const override;

 private:
  double p_;
  std::shared_ptr<Generator> generator_;
};

}  // namespace gradtape::nn
