/// Activations as layers: those without parameters, and PReLU, Maxout and RBF, which learn.
#pragma once

#include "gradtape/autograd/ops.hpp"
#include "gradtape/nn/function_layer.hpp"
#include "gradtape/nn/linear.hpp"

namespace gradtape::nn {

/// max(x, 0)
struct ReLU : FunctionLayer<detail::op<>(relu)> {};
/// min(max(x, 0), 6)
struct ReLU6 : FunctionLayer<relu6> {};
/// x where x > 0, slope * x elsewhere
struct LeakyReLU : FunctionLayer<leaky_relu, double> {
  explicit LeakyReLU(double slope = 0.01);
};
/// x where x > 0, alpha (e^x - 1) elsewhere
struct ELU : FunctionLayer<elu, double> {
  explicit ELU(double alpha = 1);
};
/// x where x > 0, alpha (e^(x / alpha) - 1) elsewhere. Throws ValueError for alpha 0.
struct CELU : FunctionLayer<celu, double> {
  explicit CELU(double alpha = 1);
};
/// Self-normalising ELU
struct SELU : FunctionLayer<selu> {};
/// x Phi(x) with the normal distribution's Phi, exactly or by tanh
struct GELU : FunctionLayer<gelu, Gelu> {
  explicit GELU(Gelu form = Gelu::erf);
};
/// x sigmoid(x)
struct SiLU : FunctionLayer<silu> {};
/// x tanh(softplus(x))
struct Mish : FunctionLayer<mish> {};
/// log(1 + e^(beta x)) / beta. Throws ValueError for beta = 0.
struct Softplus : FunctionLayer<detail::op<double>(softplus), double> {
  explicit Softplus(double beta = 1);
};
/// x / (1 + |x|)
struct Softsign : FunctionLayer<detail::op<>(softsign)> {};
/// 1 / (1 + e^-x)
struct Sigmoid : FunctionLayer<detail::op<>(sigmoid)> {};
/// log(sigmoid(x))
struct LogSigmoid : FunctionLayer<log_sigmoid> {};
/// tanh(x)
struct Tanh : FunctionLayer<detail::op<>(tanh)> {};
/// x - tanh(x)
struct Tanhshrink : FunctionLayer<detail::op<>(tanhshrink)> {};
/// min(max(x, low), high). Throws ValueError when low > high.
struct Hardtanh : FunctionLayer<hardtanh, double, double> {
  explicit Hardtanh(double low = -1, double high = 1);
};
/// min(max(x / 6 + 1 / 2, 0), 1)
struct Hardsigmoid : FunctionLayer<hardsigmoid> {};
/// x hardsigmoid(x)
struct Hardswish : FunctionLayer<hardswish> {};
/// 0 where |x| <= lambda, x elsewhere
struct Hardshrink : FunctionLayer<hardshrink, double> {
  explicit Hardshrink(double lambda = 0.5);
};
/// 0 where |x| <= lambda, x moved towards 0 by lambda elsewhere. Throws ValueError for lambda < 0.
struct Softshrink : FunctionLayer<softshrink, double> {
  explicit Softshrink(double lambda = 0.5);
};
/// value where x <= bound, x elsewhere
struct Threshold : FunctionLayer<threshold, double, double> {
  Threshold(double bound, double value);
};
/// a sigmoid(b) of the halves a, b of x along axis
struct GLU : FunctionLayer<glu, std::int64_t> {
  explicit GLU(std::int64_t axis = -1);
};
/// exp(x) / sum(exp(x)) along axis
struct Softmax : FunctionLayer<softmax, std::int64_t> {
  explicit Softmax(std::int64_t axis = -1);
};
/// log(softmax(x)) along axis
struct LogSoftmax : FunctionLayer<log_softmax, std::int64_t> {
  explicit LogSoftmax(std::int64_t axis = -1);
};
/// softmax(-x) along axis
struct Softmin : FunctionLayer<softmin, std::int64_t> {
  explicit Softmin(std::int64_t axis = -1);
};
/// softmax over the channels at every pixel.  x: [N, C, H, W] or [C, H, W]. Throws ShapeError.
class Softmax2d : public Layer {
 protected:
  Tensor forward(const Tensor& x) const override;
};

/// Options of RReLU.
struct RReLUOptions {
  double low = 1. / 8;       ///< The slope's least value, <= high,
  double high = 1. / 3;      ///< and its greatest one, >= low.
  Generator generator = {};  ///< Draws the slopes.
};
/// x where x > 0, slope * x elsewhere; in training with a slope for each element that is uniform in
/// [low, high), in evaluation with its mean (Xu et al. 2015). Throws ValueError when low > high.
class RReLU : public Layer {
 public:
  explicit RReLU(RReLUOptions options = {});

 protected:
  Tensor forward(const Tensor& x) const override;

 private:
  RReLUOptions options_;
};

/// Options of PReLU.
struct PReLUOptions {
  double init = 0.25;     ///< The slopes at first; any number.
  Dtype dtype = float32;  ///< float32 or float64.
};
/// x where x > 0, weight * x elsewhere, with a learned slope for all channels or one for each: x:
/// [N, C, ...], weight: [channels], channels = 1 or C (He et al. 2015, eq. 1). Throws ValueError
/// for fewer channels than one, a call ShapeError.
class PReLU : public Layer {
 public:
  explicit PReLU(std::int64_t channels = 1, const PReLUOptions& options = {});

  const Parameter weight;

 protected:
  Tensor forward(const Tensor& x) const override { return prelu(x, weight); }
};

/// y_i = max_j (W x + b)_(i, j) over `pieces` affine functions for each output, which learns the
/// activation too (Goodfellow et al. 2013, eq. 3).  x: [..., in] -> y: [..., out]; the child
/// "linear" has the weight [out * pieces, in]. Throws ValueError for extents below 1.
class Maxout : public Layer {
 public:
  Maxout(std::int64_t in, std::int64_t out, std::int64_t pieces, const LinearOptions& options = {});

  const Linear linear;

 protected:
  Tensor forward(const Tensor& x) const override;

 private:
  std::int64_t pieces_;
};

/// Options of RBF.
struct RBFOptions {
  double width = 1;                          ///< Of every unit at first; > 0.
  init::Initializer centers_init = nullptr;  ///< Standard normal if not given.
  Dtype dtype = float32;                     ///< float32 or float64.
  Generator generator = {};                  ///< Random numbers for the initial values.
};
/// Radial basis units y_i = exp(-|x - centers_i|^2 / widths_i^2), which answer near a learned
/// template (Goodfellow et al., Deep Learning, section 6.3.3).  x: [..., in] -> y: [..., units],
/// centers: [units, in], widths: [units]. Throws ValueError for extents below 1 or a width that is
/// not positive; a call throws as the op rbf.
class RBF : public Layer {
 public:
  RBF(std::int64_t in, std::int64_t units, const RBFOptions& options = {});

  const Parameter centers;
  const Parameter widths;

 protected:
  Tensor forward(const Tensor& x) const override { return rbf(x, centers, widths); }
};

}  // namespace gradtape::nn
