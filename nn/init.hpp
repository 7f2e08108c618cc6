/// Initial values of parameters.
#pragma once

#include <functional>
#include <numbers>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/parameter.hpp"

namespace gradtape::nn::init {

/// Draws an initial value: shape, dtype and source of random numbers in, tensor out. Every struct
/// below is one, and so is any function or lambda of that signature.
using Initializer = std::function<Tensor(const Shape&, Dtype, Generator&)>;

/// Replaces the value of a parameter by one that `initializer` draws.
void fill(const Parameter& parameter, const Initializer& initializer,
          Generator& generator = default_generator());

/// Inputs that one unit sums over, for a weight [out, in, kernel...]: in * kernel extents.
/// Throws ShapeError for fewer than two axes.
std::int64_t fan_in(const Shape& weight);
/// Units that one input feeds, for a weight [out, in, kernel...]: out * kernel extents.
/// Throws as fan_in.
std::int64_t fan_out(const Shape& weight);

/// The same value everywhere.
struct Constant {
  double value = 0;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    Generator& = default_generator()) const;
};

/// Uniform in [low, high).
struct Uniform {
  double low = 0;
  double high = 1;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    Generator& generator = default_generator()) const;
};

/// Normal with this mean and standard deviation.
struct Normal {
  double mean = 0;
  double std = 1;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    Generator& generator = default_generator()) const;
};

/// Gaussian(0, 1/m): mean 0 and standard deviation 1/m, where m is the number of inputs to the
/// unit, fan_in (MIT 6.390 lecture notes, Neural networks, "Initializing network weights").
struct Gaussian {
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    Generator& generator = default_generator()) const;
};

// The gains of activations, which keep the variance of a signal over layers: 1 for sigmoid and
// none, 5/3 for tanh, sqrt(2) for relu.

/// The gain of leaky_relu with this slope below 0: sqrt(2 / (1 + slope^2)).
double leaky_relu_gain(double slope);

/// Uniform in +-gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 16).
struct XavierUniform {
  double gain = 1;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    Generator& generator = default_generator()) const;
};

/// Normal with standard deviation gain sqrt(2 / (fan_in + fan_out))
/// (Glorot and Bengio 2010, eq. 12).
struct XavierNormal {
  double gain = 1;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    Generator& generator = default_generator()) const;
};

/// Where the Kaiming initializers keep the variance: `in` the forward, or `out` the backward pass.
enum class Fan { in, out };

/// Uniform in +-gain sqrt(3 / fan) (He et al. 2015, eq. 10).
struct KaimingUniform {
  double gain = std::numbers::sqrt2;
  Fan fan = Fan::in;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    Generator& generator = default_generator()) const;
};

/// Normal with standard deviation gain / sqrt(fan) (He et al. 2015, eq. 10).
struct KaimingNormal {
  double gain = std::numbers::sqrt2;
  Fan fan = Fan::in;
  Tensor operator()(const Shape& shape, Dtype dtype = float32,
                    Generator& generator = default_generator()) const;
};

}  // namespace gradtape::nn::init
