/// Linear and Bilinear: the affine layers.
#pragma once

#include <concepts>

#include "gradtape/autograd/ops.hpp"
#include "gradtape/nn/init.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// Options of Linear and Bilinear.
struct LinearOptions {
  bool bias = true;                         ///< Whether to add a bias.
  init::Initializer weight_init = nullptr;  ///< Uniform in +-1/sqrt(in) if not given.
  init::Initializer bias_init = nullptr;    ///< Uniform in +-1/sqrt(in) if not given.
  Dtype dtype = float32;                    ///< float32 or float64.
  Generator generator = {};                 ///< Random numbers for the initial values.
};

/// y = x W^T + b.  x: [..., in] -> y: [..., out], weight: [out, in], bias: [out].
///
/// Samples are rows. Notes with W [in, out] and samples as columns, W^T X + W0, have the transpose
/// of this weight.
///
/// The initial values are PyTorch's unless the options say otherwise.
/// Throws ValueError when made with fewer than one input or output; a call throws ShapeError and
/// DtypeError for an input that does not fit.
class Linear : public Layer {
 public:
  Linear(std::int64_t in, std::int64_t out, const LinearOptions& options = {});
  /// An error: options have names, Linear(in, out, {.bias = false}).
  template <std::same_as<bool> Bias> Linear(std::int64_t in, std::int64_t out, Bias bias) = delete;

  const Parameter weight;
  const Parameter bias;  ///< Undefined where the options leave it out.

 protected:
  Tensor forward(const Tensor& x) const override { return linear(x, weight, bias); }
};

/// y_k = a^T W_k b + bias_k.  a: [..., in1], b: [..., in2] -> y: [..., out], weight: [out, in1,
/// in2], bias: [out]. Initial values and exceptions as Linear's, with in1 for in.
class Bilinear : public Module {
 public:
  Bilinear(std::int64_t in1, std::int64_t in2, std::int64_t out, const LinearOptions& options = {});
  Tensor operator()(const Tensor& a, const Tensor& b) const;

  const Parameter weight;
  const Parameter bias;  ///< Undefined where the options leave it out.
};

}  // namespace gradtape::nn
