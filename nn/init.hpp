/// Initial values of parameters, with the distributions of torch.nn.init.
#pragma once

#include <functional>
#include <numbers>
#include <string_view>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/parameter.hpp"

namespace gradtape::nn::init {

/// Draws an initial value: shape, dtype and source of random numbers in, tensor out. Every struct
/// below is one, and so is any function or lambda of that signature.
using Initializer = std::function<Tensor(const Shape&, Dtype, const Generator&)>;

/// Replaces the value of a parameter by one that `initializer` draws.
void fill(const Parameter& parameter, const Initializer& initializer,
          const Generator& generator = {});

// ---- fans and gains ----

/// Inputs that one unit sums over, for a weight [out, in, kernel...]: in * kernel extents.
/// Throws ShapeError for fewer than two axes.
[[nodiscard]] std::int64_t fan_in(const Shape& weight);
/// Units that one input feeds, for a weight [out, in, kernel...]: out * kernel extents.
/// Throws as fan_in.
[[nodiscard]] std::int64_t fan_out(const Shape& weight);

/// The factor by which weights grow so that a signal keeps its variance through the nonlinearity: 1
/// for "linear", "sigmoid" and "conv1d" to "conv_transpose3d", 5/3 for "tanh", sqrt(2) for "relu",
/// sqrt(2 / (1 + slope^2)) for "leaky_relu" with that slope below 0, 3/4 for "selu", as
/// torch.nn.init.calculate_gain. Throws ValueError for another name and for a slope that is not
/// finite.
[[nodiscard]] double calculate_gain(std::string_view nonlinearity, double slope = 0.01);

// ---- values that are not drawn ----

/// The same value everywhere.
struct Constant {
  double value = 0;
  Tensor operator()(const Shape& shape, Dtype dtype = float32, const Generator& = {}) const;
};

/// 0 everywhere.
struct Zeros {
  Tensor operator()(const Shape& shape, Dtype dtype = float32, const Generator& = {}) const;
};

/// 1 everywhere.
struct Ones {
  Tensor operator()(const Shape& shape, Dtype dtype = float32, const Generator& = {}) const;
};

/// The identity matrix: 1 on the diagonal of [rows, columns], 0 elsewhere, so that a linear layer
/// hands its inputs on. Throws ShapeError unless there are two axes.
struct Eye {
  Tensor operator()(const Shape& shape, Dtype dtype = float32, const Generator& = {}) const;
};

/// The Dirac delta: a convolution of weight [out, in, kernel...] hands its channels on, as many as
/// there are, in each of the groups of out / groups channels. 1 in the middle of the kernel.
/// Throws ShapeError unless there are 1 to 3 kernel axes and `groups` divides `out`, ValueError for
/// groups < 1.
struct Dirac {
  std::int64_t groups = 1;
  Tensor operator()(const Shape& shape, Dtype dtype = float32, const Generator& = {}) const;
};

// ---- distributions ----

/// Uniform in [low, high). Throws ValueError unless low <= high and both are finite.
struct Uniform {
  double low = 0;
  double high = 1;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    const Generator& generator = {}) const;
};

/// Normal with this mean and standard deviation. Throws ValueError for std < 0 and for what is not
/// finite.
struct Normal {
  double mean = 0;
  double std = 1;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    const Generator& generator = {}) const;
};

/// Normal with this mean and standard deviation, given that the value is in [low, high]; the bounds
/// are values, not multiples of std. Throws ValueError unless std > 0 and low < high, for a mean
/// that is not finite, and for bounds that begin more than 5 std from the mean, where hardly
/// anything is left to draw from.
struct TruncatedNormal {
  double mean = 0;
  double std = 1;
  double low = -2;
  double high = 2;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    const Generator& generator = {}) const;
};

/// Gaussian(0, 1/m): mean 0 and standard deviation 1/m, where m is the number of inputs to the
/// unit, fan_in of a weight [out, in] (MIT 6.390 lecture notes, chapter 6, section 6.6). Their own
/// W is [in, out] = [m, n], on which this would draw 1/n: Normal{0, 1.0 / m} is right there.
struct Gaussian {
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    const Generator& generator = {}) const;
};

// Those below throw ShapeError for a weight without fans, and ValueError for a gain that is
// negative or not finite.

/// Uniform in +-gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 16).
struct XavierUniform {
  double gain = 1;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    const Generator& generator = {}) const;
};

/// Normal with standard deviation gain sqrt(2 / (fan_in + fan_out))
/// (Glorot and Bengio 2010, eq. 12).
struct XavierNormal {
  double gain = 1;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    const Generator& generator = {}) const;
};

/// Where the Kaiming initializers keep the variance: `in` the forward, or `out` the backward pass.
enum class Fan { in, out };

/// Uniform in +-gain sqrt(3 / fan) (He et al. 2015, eq. 10).
struct KaimingUniform {
  double gain = std::numbers::sqrt2;
  Fan fan = Fan::in;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    const Generator& generator = {}) const;
};

/// Normal with standard deviation gain / sqrt(fan) (He et al. 2015, eq. 10).
struct KaimingNormal {
  double gain = std::numbers::sqrt2;
  Fan fan = Fan::in;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    const Generator& generator = {}) const;
};

/// Uniform in +-sqrt(3 / fan_in): the variance of LecunNormal.
struct LecunUniform {
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    const Generator& generator = {}) const;
};

/// Normal with standard deviation 1 / sqrt(fan_in) (LeCun et al. 1998, "Efficient BackProp", eq.
/// 16), what selu wants.
struct LecunNormal {
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    const Generator& generator = {}) const;
};

/// gain times a random matrix with orthonormal rows, or columns where these are fewer; a weight
/// [out, in, kernel...] counts as a matrix [out, in * kernel] (Saxe et al. 2013, "Exact solutions
/// to the nonlinear dynamics of learning in deep linear neural networks").
struct Orthogonal {
  double gain = 1;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    const Generator& generator = {}) const;
};

/// Normal with mean 0 and this standard deviation, but for the share `sparsity` of each column of
/// [rows, columns], rounded up to whole elements, that is 0 (Martens 2010, "Deep learning via
/// Hessian-free optimization", section 5). Throws ShapeError unless there are two axes, ValueError
/// unless sparsity is in [0, 1] and std >= 0.
struct Sparse {
  double sparsity = 0.5;
  double std = 0.01;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    const Generator& generator = {}) const;
};

}  // namespace gradtape::nn::init
