/// Bounds on gradients, between backward and step.
#pragma once

#include <vector>

#include "gradtape/autograd/parameter.hpp"

namespace gradtape::optim {

/// Options of clip_grad_norm.
struct ClipNormOptions {
  double p = 2;                     ///< Of the norm, > 0, infinity for the largest absolute value.
  bool error_if_nonfinite = false;  ///< Throw ValueError where the norm is NaN or infinite.
};

/// Scales all gradients by max_norm / (norm + 1e-6), where that is below 1, and gives the norm they
/// had together, as one vector. Pascanu et al. 2013, "On the difficulty of training recurrent
/// neural networks"; the 1e-6 is PyTorch's. Parameters that are frozen or without gradient do not
/// count. Row gradients stay such.
double clip_grad_norm(const std::vector<Parameter>& parameters, double max_norm,
                      const ClipNormOptions& options = {});

/// Brings every element of the gradients to [-limit, limit]; NaN stays. limit >= 0.
void clip_grad_value(const std::vector<Parameter>& parameters, double limit);

}  // namespace gradtape::optim
