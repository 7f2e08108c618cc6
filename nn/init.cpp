#include "gradtape/nn/init.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/require.hpp"

namespace gradtape::nn::init {

using namespace author;

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

double both_fans(const Shape& weight) { return extent(weight, Fan::in) + extent(weight, Fan::out); }

void check_matrix(const char* op, const Shape& shape) {
  if (shape.ndim() != 2)
    fail<ShapeError>(op, fmt::format("needs a matrix [rows, columns], got {}", shape.str()));
}

void check_gain(const char* op, double gain) { require(op, "gain", gain, at_least(0)); }

void check_spread(const char* op, double mean, double std) {
  require(op, "mean", mean, finite());
  require(op, "std", std, at_least(0));
}

// A fan of 0 makes spread and bounds infinite, and leaves nothing to draw.

Tensor between(double low, double high, const Shape& shape, Dtype dtype,
               const Generator& generator) {
  return low + (high - low) * rand(shape, dtype, generator);
}

Tensor centred(double std, const Shape& shape, Dtype dtype, const Generator& generator) {
  return std * randn(shape, dtype, generator);
}

}  // namespace

void fill(const Parameter& parameter, const Initializer& initializer, const Generator& generator) {
  parameter.set(initializer(parameter.shape(), parameter.dtype(), generator));
}

// ---- fans and gains ----

std::int64_t fan_in(const Shape& weight) {
  const auto positions = kernel_size(weight);
  return weight[1] * positions;
}

std::int64_t fan_out(const Shape& weight) {
  const auto positions = kernel_size(weight);
  return weight[0] * positions;
}

double calculate_gain(std::string_view nonlinearity, double slope) {
  for (const std::string_view neutral :
       {"linear", "sigmoid", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
        "conv_transpose3d"})
    if (nonlinearity == neutral) return 1;
  if (nonlinearity == "tanh") return 5.0 / 3;
  if (nonlinearity == "relu") return std::numbers::sqrt2;
  if (nonlinearity == "selu") return 3.0 / 4;
  if (nonlinearity != "leaky_relu")
    fail<ValueError>(
        "calculate_gain",
        fmt::format(
            "no gain is known for '{}'; linear, sigmoid, conv1d to conv3d, "
            "conv_transpose1d to conv_transpose3d, tanh, relu, leaky_relu and selu have one",
            nonlinearity.substr(0, 100)));
  require("calculate_gain", "slope", slope, finite());
  return std::sqrt(2 / (1 + slope * slope));
}

// ---- values that are not drawn ----

Tensor Constant::operator()(const Shape& shape, Dtype dtype, const Generator&) const {
  return full(shape, value, dtype);
}

Tensor Zeros::operator()(const Shape& shape, Dtype dtype, const Generator&) const {
  return zeros(shape, dtype);
}

Tensor Ones::operator()(const Shape& shape, Dtype dtype, const Generator&) const {
  return ones(shape, dtype);
}

Tensor Eye::operator()(const Shape& shape, Dtype dtype, const Generator&) const {
  check_matrix("Eye", shape);
  return eye(shape[0], shape[1], dtype);
}

Tensor Dirac::operator()(const Shape& shape, Dtype dtype, const Generator&) const {
  if (shape.ndim() < 3 || shape.ndim() > 5)
    fail<ShapeError>("Dirac",
                     fmt::format("needs the weight of a convolution, [out, in, kernel...] with 1 "
                                 "to 3 kernel axes, got {}",
                                 shape.str()));
  require("Dirac", "groups", groups, at_least(1));
  if (shape[0] % groups != 0)
    fail<ShapeError>("Dirac", fmt::format("groups = {} does not divide the {} channels out of {}",
                                          groups, shape[0], shape.str()));
  std::int64_t middle = 0;
  for (int axis = 2; axis < shape.ndim(); ++axis) middle = middle * shape[axis] + shape[axis] / 2;
  const auto positions = kernel_size(shape), channels = shape[0] / groups;
  std::vector<double> elements(static_cast<std::size_t>(shape.numel()));
  if (elements.empty()) return zeros(shape, dtype);
  for (std::int64_t out = 0; out < shape[0]; ++out)
    if (const auto in = out % channels; in < shape[1])
      elements[static_cast<std::size_t>((out * shape[1] + in) * positions + middle)] = 1;
  return tensor(elements, shape).to(dtype);
}

// ---- distributions ----

Tensor Uniform::operator()(const Shape& shape, Dtype dtype, const Generator& generator) const {
  if (!(low <= high && std::isfinite(high - low)))
    fail<ValueError>("Uniform",
                     fmt::format("needs finite bounds with low <= high, got [{}, {})", low, high));
  return between(low, high, shape, dtype, generator);
}

Tensor Normal::operator()(const Shape& shape, Dtype dtype, const Generator& generator) const {
  check_spread("Normal", mean, std);
  return mean + std * randn(shape, dtype, generator);
}

Tensor TruncatedNormal::operator()(const Shape& shape, Dtype dtype,
                                   const Generator& generator) const {
  require("TruncatedNormal", "mean", mean, finite());
  require("TruncatedNormal", "std", std, above(0));
  if (!(low < high))
    fail<ValueError>("TruncatedNormal", fmt::format("needs low < high, got [{}, {}]", low, high));
  const double from = (low - mean) / std, to = (high - mean) / std;
  if (from > 5 || to < -5)
    fail<ValueError>("TruncatedNormal",
                     fmt::format("[{}, {}] is more than 5 std = {} away from the mean {}", low,
                                 high, std, mean));
  // Through the inverse of the distribution function, in double: 2 F(x) - 1 = erf(x / sqrt(2)).
  const double first = std::erf(from / std::numbers::sqrt2);
  const double last = std::erf(to / std::numbers::sqrt2);
  constexpr double most = 1 - 0x1p-53;  // where erfinv is still finite
  const Tensor u = clamp(first + (last - first) * rand(shape, float64, generator), -most, most);
  return clamp((mean + (std * std::numbers::sqrt2) * erfinv(u)).to(dtype), low, high);
}

Tensor Gaussian::operator()(const Shape& shape, Dtype dtype, const Generator& generator) const {
  return centred(1 / extent(shape, Fan::in), shape, dtype, generator);
}

Tensor XavierUniform::operator()(const Shape& shape, Dtype dtype,
                                 const Generator& generator) const {
  check_gain("XavierUniform", gain);
  const double bound = gain * std::sqrt(6 / both_fans(shape));
  return between(-bound, bound, shape, dtype, generator);
}

Tensor XavierNormal::operator()(const Shape& shape, Dtype dtype, const Generator& generator) const {
  check_gain("XavierNormal", gain);
  return centred(gain * std::sqrt(2 / both_fans(shape)), shape, dtype, generator);
}

Tensor KaimingUniform::operator()(const Shape& shape, Dtype dtype,
                                  const Generator& generator) const {
  check_gain("KaimingUniform", gain);
  const double bound = gain * std::sqrt(3 / extent(shape, fan));
  return between(-bound, bound, shape, dtype, generator);
}

Tensor KaimingNormal::operator()(const Shape& shape, Dtype dtype,
                                 const Generator& generator) const {
  check_gain("KaimingNormal", gain);
  return centred(gain / std::sqrt(extent(shape, fan)), shape, dtype, generator);
}

Tensor LecunUniform::operator()(const Shape& shape, Dtype dtype, const Generator& generator) const {
  return KaimingUniform{.gain = 1}(shape, dtype, generator);
}

Tensor LecunNormal::operator()(const Shape& shape, Dtype dtype, const Generator& generator) const {
  return KaimingNormal{.gain = 1}(shape, dtype, generator);
}

Tensor Orthogonal::operator()(const Shape& shape, Dtype dtype, const Generator& generator) const {
  check_gain("Orthogonal", gain);
  const auto columns = fan_in(shape), rows = shape[0];
  if (shape.numel() == 0) return zeros(shape, dtype);
  const auto [q, r] =
      qr(randn({std::max(rows, columns), std::min(rows, columns)}, dtype, generator));
  // LAPACK's signs would favour some of the orthogonal matrices; those of r's diagonal undo them
  const Tensor uniform = q * where(diagonal(r) < 0.0, -1.0, 1.0).to(dtype);
  return gain * reshape(rows < columns ? transpose(uniform) : uniform, shape);
}

Tensor Sparse::operator()(const Shape& shape, Dtype dtype, const Generator& generator) const {
  check_matrix("Sparse", shape);
  require("Sparse", "sparsity", sparsity, closed(0, 1));
  check_spread("Sparse", 0, std);
  const auto rows = shape[0], columns = shape[1];
  const auto none = static_cast<std::int64_t>(std::ceil(sparsity * static_cast<double>(rows)));
  std::vector<double> kept(static_cast<std::size_t>(shape.numel()), 1.0);
  for (std::int64_t column = 0; column < columns; ++column) {
    const Tensor order = randperm(rows, generator);
    for (const auto row : order.data<std::int64_t>().first(static_cast<std::size_t>(none)))
      kept[static_cast<std::size_t>(row * columns + column)] = 0;
  }
  return tensor(kept, shape).to(dtype) * (std * randn(shape, dtype, generator));
}

}  // namespace gradtape::nn::init
