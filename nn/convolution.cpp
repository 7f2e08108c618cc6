#include "gradtape/nn/convolution.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/error.hpp"
#include "gradtape/nn/detail/layer.hpp"

namespace gradtape::nn::detail {

using namespace author;

namespace {

/// The weight's shape: [out, in / groups, kernel...], or [in, out / groups, kernel...] transposed.
Shape weight_shape(const char* layer, int axes, std::int64_t in, std::int64_t out,
                   const SpatialSize& kernel, std::int64_t groups, bool transposed) {
  require(layer, "in", in, at_least(1));
  require(layer, "out", out, at_least(1));
  require(layer, "groups", groups, at_least(1));
  if (in % groups || out % groups)
    fail<ValueError>(layer,
                     fmt::format("groups = {} must divide in = {} and out = {}", groups, in, out));
  const Spatial extents = spatial(layer, "kernel", kernel, axes, 1);
  return transposed ? image_shape(in, out / groups, extents, axes)
                    : image_shape(out, in / groups, extents, axes);
}

/// (before, after) of every axis, the last one first, as pad takes them.
std::vector<std::int64_t> border(const char* layer, int axes, const Padding& padding,
                                 const Shape& weight, const SpatialSize& dilation) {
  std::vector<std::int64_t> widths;
  const bool same = padding.mode == "same";
  if (padding.mode == "valid") return widths;
  const Spatial spacing = spatial(layer, "dilation", dilation, axes, 1);
  const Spatial each = same ? Spatial{} : spatial(layer, "padding", padding, axes, 0);
  for (int i = 1; i <= axes; ++i) {
    const auto axis = static_cast<std::size_t>(3 - i);
    const auto total = same ? spacing[axis] * (weight[weight.ndim() - i] - 1) : 2 * each[axis];
    widths.push_back(total / 2);
    widths.push_back(total - total / 2);
  }
  return widths;
}

void check_padding(const char* layer, int axes, const ConvOptions& options) {
  const auto& mode = options.padding.mode;
  if (mode.empty()) return check_extents(layer, "padding", options.padding, axes, 0);
  if (mode != "same" && mode != "valid")
    fail<ValueError>(
        layer, fmt::format("padding must be numbers, \"same\" or \"valid\", got \"{}\"", mode));
  for (const auto step : options.stride.list)
    if (mode == "same" && step != 1)
      fail<ValueError>(layer, fmt::format("padding \"same\" needs stride 1, got {}", step));
}

void check_output_padding(const char* layer, int axes, const ConvTransposeOptions& options) {
  const Spatial stride = spatial(layer, "stride", options.stride, axes, 1);
  const Spatial dilation = spatial(layer, "dilation", options.dilation, axes, 1);
  const Spatial extra = spatial(layer, "output_padding", options.output_padding, axes, 0);
  for (auto i = static_cast<std::size_t>(3 - axes); i < 3; ++i)
    if (extra[i] >= std::max(stride[i], dilation[i]))
      fail<ValueError>(layer, fmt::format("output_padding {} must be smaller than stride {} or "
                                          "dilation {}",
                                          extra[i], stride[i], dilation[i]));
}

}  // namespace

template <class Options>
ConvolutionLayer::ConvolutionLayer(const char* name, int axes, const Sizes& sizes,
                                   const Shape& weight_shape, const Options& options)
    : weight(
          parameter("weight", initial(options.weight_init, weight_shape, init::fan_in(weight_shape),
                                      options.dtype, options.generator))),
      bias(options.bias ? parameter("bias", initial(options.bias_init, {sizes.out},
                                                    init::fan_in(weight_shape), options.dtype,
                                                    options.generator))
                        : Parameter()),
      name_(name),
      axes_(axes),
      in_(sizes.in) {
  check_extents(name, "stride", options.stride, axes, 1);
  check_extents(name, "dilation", options.dilation, axes, 1);
}

void ConvolutionLayer::check_input(const Tensor& x) const { check_image(name_, x, in_, axes_); }

Convolution::Convolution(const char* name, int axes, const Sizes& sizes, const ConvOptions& options)
    : ConvolutionLayer(
          name, axes, sizes,
          weight_shape(name, axes, sizes.in, sizes.out, sizes.kernel, options.groups, false),
          options),
      options_{options.stride, options.padding, options.dilation, options.groups},
      border_mode_(options.padding_mode) {
  check_padding(name, axes, options);
  if (border_mode_ == PadMode::constant) return;
  border_ = border(name, axes, options.padding, weight.shape(), options.dilation);
  options_.padding = 0;
}

Tensor Convolution::forward(const Tensor& x) const {
  check_input(x);
  const Tensor padded = border_.empty() ? x : pad(x, border_, {.mode = border_mode_});
  const auto convolve = axes_ == 1 ? conv1d : axes_ == 2 ? conv2d : conv3d;
  return convolve(padded, weight, bias, options_);
}

TransposedConvolution::TransposedConvolution(const char* name, int axes, const Sizes& sizes,
                                             const ConvTransposeOptions& options)
    : ConvolutionLayer(
          name, axes, sizes,
          weight_shape(name, axes, sizes.in, sizes.out, sizes.kernel, options.groups, true),
          options),
      options_{options.stride, options.padding, options.output_padding, options.dilation,
               options.groups} {
  check_extents(name, "padding", options.padding, axes, 0);
  check_output_padding(name, axes, options);
}

Tensor TransposedConvolution::forward(const Tensor& x) const {
  check_input(x);
  const auto convolve = axes_ == 1   ? conv_transpose1d
                        : axes_ == 2 ? conv_transpose2d
                                     : conv_transpose3d;
  return convolve(x, weight, bias, options_);
}

}  // namespace gradtape::nn::detail
