/// Linear: the affine layer.
#pragma once

#include "gradtape/autograd/ops.hpp"
#include "gradtape/nn/init.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// Options of Linear.
struct LinearOptions {
  bool bias = true;                            ///< Whether to add a bias.
  init::Initializer weight_init = nullptr;     ///< Uniform in +-1/sqrt(in) if not given.
  init::Initializer bias_init = nullptr;       ///< Uniform in +-1/sqrt(in) if not given.
  Dtype dtype = float32;                       ///< float32 or float64.
  Generator& generator = default_generator();  ///< Random numbers for the initial values.
};

/// y = x W^T + b.  x: [..., in] -> y: [..., out], weight: [out, in], bias: [out].
///
/// The initial values are PyTorch's unless the options say otherwise.
/// Throws ValueError when made with fewer than one input or output; a call throws ShapeError and
/// DtypeError for an input that does not fit.
class Linear : public Layer {
 public:
  Linear(std::int64_t in, std::int64_t out, const LinearOptions& options = {});

  const Parameter weight;
  const Parameter bias;  ///< Undefined where the options leave it out.

 protected:
  Tensor forward(const Tensor& x) const override {
    return bias.defined() ? linear(x, weight, bias) : linear(x, weight);
  }
};

}  // namespace gradtape::nn
