/// Activations as layers, for Sequential; elsewhere the functions of ops.hpp do.
#pragma once

#include "gradtape/autograd/ops.hpp"

namespace gradtape::nn {

/// max(x, 0)
struct ReLU {
  Tensor operator()(const Tensor& x) const { return relu(x); }
};
/// x where x > 0, slope * x elsewhere
struct LeakyReLU {
  double slope = 0.01;
  Tensor operator()(const Tensor& x) const { return leaky_relu(x, slope); }
};
/// x where x > 0, alpha (e^x - 1) elsewhere
struct ELU {
  double alpha = 1;
  Tensor operator()(const Tensor& x) const { return elu(x, alpha); }
};
/// Self-normalising ELU
struct SELU {
  Tensor operator()(const Tensor& x) const { return selu(x); }
};
/// x Phi(x) with the normal distribution's Phi
struct GELU {
  Tensor operator()(const Tensor& x) const { return gelu(x); }
};
/// x sigmoid(x)
struct SiLU {
  Tensor operator()(const Tensor& x) const { return silu(x); }
};
/// x tanh(softplus(x))
struct Mish {
  Tensor operator()(const Tensor& x) const { return mish(x); }
};
/// log(1 + e^x)
struct Softplus {
  Tensor operator()(const Tensor& x) const { return softplus(x); }
};
/// x / (1 + |x|)
struct Softsign {
  Tensor operator()(const Tensor& x) const { return softsign(x); }
};
/// 1 / (1 + e^-x)
struct Sigmoid {
  Tensor operator()(const Tensor& x) const { return sigmoid(x); }
};
/// log(sigmoid(x))
struct LogSigmoid {
  Tensor operator()(const Tensor& x) const { return log_sigmoid(x); }
};
/// tanh(x)
struct Tanh {
  Tensor operator()(const Tensor& x) const { return tanh(x); }
};
/// exp(x) / sum(exp(x)) along axis
struct Softmax {
  std::int64_t axis = -1;
  Tensor operator()(const Tensor& x) const { return softmax(x, axis); }
};
/// log(softmax(x)) along axis
struct LogSoftmax {
  std::int64_t axis = -1;
  Tensor operator()(const Tensor& x) const { return log_softmax(x, axis); }
};

}  // namespace gradtape::nn
