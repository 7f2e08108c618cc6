#include "gradtape/nn/init.hpp"

#include <fmt/format.h>

#include <cmath>

#include "gradtape/autograd/ops.hpp"

namespace gradtape::nn::init {
namespace {

/// Positions of the kernel, for a weight [out, in, kernel...].
std::int64_t kernel_size(const Shape& weight) {
  if (weight.ndim() < 2)
    fail<ShapeError>(
        "init",
        fmt::format("a weight is [out, in, kernel...], so its shape {} has no fan", weight.str()));
  std::int64_t n = 1;
  for (int axis = 2; axis < weight.ndim(); ++axis) n *= weight[axis];
  return n;
}

double extent(const Shape& weight, Fan fan) {
  return static_cast<double>(fan == Fan::in ? fan_in(weight) : fan_out(weight));
}

double both_fans(const Shape& weight) {
  return extent(weight, Fan::in) + extent(weight, Fan::out);
}

}  // namespace

void fill(const Parameter& parameter, const Initializer& initializer, Generator& generator) {
  parameter.set(initializer(parameter.shape(), parameter.dtype(), generator));
}

std::int64_t fan_in(const Shape& weight) {
  const auto positions = kernel_size(weight);
  return weight[1] * positions;
}

std::int64_t fan_out(const Shape& weight) {
  const auto positions = kernel_size(weight);
  return weight[0] * positions;
}

double leaky_relu_gain(double slope) {
  return std::sqrt(2 / (1 + slope * slope));
}

Tensor Constant::operator()(const Shape& shape, Dtype dtype, Generator&) const {
  return full(shape, value, dtype);
}

Tensor Uniform::operator()(const Shape& shape, Dtype dtype, Generator& generator) const {
  return low + (high - low) * rand(shape, dtype, generator);
}

Tensor Normal::operator()(const Shape& shape, Dtype dtype, Generator& generator) const {
  return mean + std * randn(shape, dtype, generator);
}

Tensor Gaussian::operator()(const Shape& shape, Dtype dtype, Generator& generator) const {
  return Normal{.std = 1 / extent(shape, Fan::in)}(shape, dtype, generator);
}

Tensor XavierUniform::operator()(const Shape& shape, Dtype dtype, Generator& generator) const {
  const double bound = gain * std::sqrt(6 / both_fans(shape));
  return Uniform{-bound, bound}(shape, dtype, generator);
}

Tensor XavierNormal::operator()(const Shape& shape, Dtype dtype, Generator& generator) const {
  return Normal{.std = gain * std::sqrt(2 / both_fans(shape))}(shape, dtype, generator);
}

Tensor KaimingUniform::operator()(const Shape& shape, Dtype dtype, Generator& generator) const {
  const double bound = gain * std::sqrt(3 / extent(shape, fan));
  return Uniform{-bound, bound}(shape, dtype, generator);
}

Tensor KaimingNormal::operator()(const Shape& shape, Dtype dtype, Generator& generator) const {
  return Normal{.std = gain / std::sqrt(extent(shape, fan))}(shape, dtype, generator);
}

}  // namespace gradtape::nn::init
