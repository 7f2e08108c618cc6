/// Optimizer: what all update rules have in common.
#pragma once

#include <cstdint>
#include <vector>

#include "gradtape/autograd/parameter.hpp"

namespace gradtape::optim {

/// Updates parameters by their gradients. It sees variables only, never their model.
///
/// `step` skips parameters that are frozen or have no gradient. A rule's options may be changed
/// between steps.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One update of every parameter with a gradient. Throws ValueError for options out of range.
  virtual void step() = 0;
  /// Drops the accumulated gradients.
  void zero_grad();
  const std::vector<Parameter>& parameters() const { return parameters_; }

 protected:
  /// Throws ValueError in the name of `op` for an empty list, an undefined parameter, or one that
  /// is listed twice.
  Optimizer(const char* op, std::vector<Parameter> parameters);
  Optimizer(const Optimizer&) = default;
  Optimizer& operator=(const Optimizer&) = default;

  std::vector<Parameter> parameters_;
};

}  // namespace gradtape::optim
