#include "gradtape/nn/dropout.hpp"

#include <fmt/format.h>

#include <cmath>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/random.hpp"
#include "gradtape/nn/detail/layer.hpp"

namespace gradtape::nn {

using namespace author;

namespace {

/// The shape of x with one element for each channel; `leading` axes number the channels.
Shape per_channel(const Tensor& x, int leading) {
  Shape shape = x.shape();
  for (int axis = leading; axis < x.ndim(); ++axis) shape[axis] = 1;
  return shape;
}

/// x where a mask of this shape keeps it, SELU's limit elsewhere; then scaled and shifted so that
/// mean and variance stay as they were.
Tensor alpha_dropout(const char* layer, const Tensor& x, double p, const Shape& mask_shape,
                     const Generator& generator) {
  visit_floating(x.dtype(), layer, [](auto) {});  // or throws
  if (p == 1) return dropout(x, p, generator);
  constexpr double limit = -1.0507009873554805 * 1.6732632423543772;
  const double scale = 1 / std::sqrt((1 - p) * (1 + p * limit * limit));
  const Tensor kept = bernoulli(1 - p, mask_shape, x.dtype(), generator);
  return scale * (x * kept + limit * (1.0 - kept)) - scale * p * limit;
}

}  // namespace

namespace detail {

RandomLayer::RandomLayer(const char* name, double p, const DropoutOptions& options)
    : p_(p), generator_(options.generator) {
  require(name, "p", p, closed(0, 1));
}

Tensor ChannelDropout::forward(const Tensor& x) const {
  check_image(name_, x, -1, axes_);
  if (!is_active()) return x;
  return x * dropout(ones(per_channel(x, x.ndim() - axes_), x.dtype()), p_, generator_);
}

}  // namespace detail

Tensor Dropout::forward(const Tensor& x) const {
  return is_active() ? dropout(x, p_, generator_) : x;
}

Tensor AlphaDropout::forward(const Tensor& x) const {
  return is_active() ? alpha_dropout("AlphaDropout", x, p_, x.shape(), generator_) : x;
}

Tensor FeatureAlphaDropout::forward(const Tensor& x) const {
  if (x.ndim() < 2) detail::refuse_shape("FeatureAlphaDropout", "[N, C, ...]", x);
  return is_active() ? alpha_dropout("FeatureAlphaDropout", x, p_, per_channel(x, 2), generator_)
                     : x;
}

GaussianNoise::GaussianNoise(double std, const DropoutOptions& options)
    : std_(std), generator_(options.generator) {
  require("GaussianNoise", "std", std, at_least(0));
}

Tensor GaussianNoise::forward(const Tensor& x) const {
  if (!is_training() || std_ == 0) return x;
  visit_floating(x.dtype(), "GaussianNoise", [](auto) {});  // or throws
  return x + std_ * randn(x.shape(), x.dtype(), generator_);
}

}  // namespace gradtape::nn
