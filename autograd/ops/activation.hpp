/// Activations, element by element; floating only.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// max(x, 0); the slope at 0 is 0
Tensor relu(const Tensor& x);
/// x where x > 0, slope * x elsewhere
Tensor leaky_relu(const Tensor& x, double slope = 0.01);
/// x where x > 0, alpha (e^x - 1) elsewhere
Tensor elu(const Tensor& x, double alpha = 1);
/// Self-normalising elu (Klambauer et al. 2017, eq. 2)
Tensor selu(const Tensor& x);
/// x Phi(x) with the normal distribution's Phi (Hendrycks and Gimpel 2016)
Tensor gelu(const Tensor& x);
/// x sigmoid(x)
Tensor silu(const Tensor& x);
/// x tanh(softplus(x))
Tensor mish(const Tensor& x);
/// log(1 + e^x), without overflow
Tensor softplus(const Tensor& x);
/// x / (1 + |x|)
Tensor softsign(const Tensor& x);
/// 1 / (1 + e^-x), without overflow
Tensor sigmoid(const Tensor& x);
/// log(sigmoid(x)) = -softplus(-x)
Tensor log_sigmoid(const Tensor& x);

}  // namespace gradtape
