/// Convolutions and transposed convolutions over one, two or three spatial axes.
#pragma once

#include <concepts>
#include <string>
#include <vector>

#include "gradtape/autograd/ops/arrange.hpp"
#include "gradtape/autograd/ops/convolution.hpp"
#include "gradtape/nn/init.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// Options of Conv1d, Conv2d and Conv3d.
struct ConvOptions {
  SpatialSize stride = 1;    ///< Distance between the windows of neighbouring outputs.
  Padding padding = 0;       ///< Border around x, or "same" (with stride 1) or "valid".
  SpatialSize dilation = 1;  ///< Spacing between kernel elements.
  std::int64_t groups = 1;   ///< Equal parts of the channels, each convolved on its own.
  bool bias = true;          ///< Whether to add a bias.
  /// How the padding is filled: with zeros (constant) or from x.
  PadMode padding_mode = PadMode::constant;
  init::Initializer weight_init = nullptr;  ///< Uniform in +-1/sqrt(fan_in) if not given.
  init::Initializer bias_init = nullptr;    ///< Uniform in +-1/sqrt(fan_in) if not given.
  Dtype dtype = float32;                    ///< float32 or float64.
  Generator generator = {};                 ///< Random numbers for the initial values.
};

/// Options of ConvTranspose1d, ConvTranspose2d and ConvTranspose3d.
struct ConvTransposeOptions {
  SpatialSize stride = 1;   ///< Distance in the output between neighbouring inputs.
  SpatialSize padding = 0;  ///< Elements cut off on each side of the output.
  SpatialSize output_padding =
      0;                     ///< Elements added at the end of each axis; < stride or dilation.
  SpatialSize dilation = 1;  ///< Spacing between kernel elements.
  std::int64_t groups = 1;   ///< Equal parts of the channels, each convolved on its own.
  bool bias = true;          ///< Whether to add a bias.
  init::Initializer weight_init = nullptr;  ///< Uniform in +-1/sqrt(fan_in) if not given.
  init::Initializer bias_init = nullptr;    ///< Uniform in +-1/sqrt(fan_in) if not given.
  Dtype dtype = float32;                    ///< float32 or float64.
  Generator generator = {};                 ///< Random numbers for the initial values.
};

namespace detail {

/// What the layers of both kinds are made of.
class ConvolutionLayer : public Layer {
 public:
  const Parameter weight;
  const Parameter bias;  ///< Undefined where the options leave it out.

 protected:
  struct Sizes {
    std::int64_t in, out;
    SpatialSize kernel;
  };
  template <class Options>
  ConvolutionLayer(const char* name, int axes, const Sizes& sizes, const Shape& weight_shape,
                   const Options& options);
  void check_input(const Tensor& x) const;

  const char* name_;
  int axes_;
  std::int64_t in_;
};

class Convolution : public ConvolutionLayer {
 protected:
  Convolution(const char* name, int axes, const Sizes& sizes, const ConvOptions& options);
  Tensor forward(const Tensor& x) const override;

 private:
  gradtape::ConvOptions options_;
  std::vector<std::int64_t> border_;  ///< What pad adds before the convolution.
  PadMode border_mode_;
};

class TransposedConvolution : public ConvolutionLayer {
 protected:
  TransposedConvolution(const char* name, int axes, const Sizes& sizes,
                        const ConvTransposeOptions& options);
  Tensor forward(const Tensor& x) const override;

 private:
  gradtape::ConvTransposeOptions options_;
};

}  // namespace detail

// Cross-correlation y[n, o, i] = bias[o] + sum_{c, k} weight[o, c, k] x[n, c, i stride - padding +
// k dilation], c within o's group.
//   x: [N, in, spatial...] or that without N, weight: [out, in / groups, kernel...], bias: [out] ->
//   y: [N, out, (spatial + 2 padding - dilation (kernel - 1) - 1) / stride + 1, rounded down, ...]
// The initial values are PyTorch's: uniform in +-1 / sqrt(in / groups * kernel extents). Throw
// ValueError when made with options out of range; a call throws ShapeError and DtypeError for an
// input that does not fit, and ValueError for one that the padding mode cannot serve.

/// Convolution over one axis: x: [N, in, L]
struct Conv1d : detail::Convolution {
  Conv1d(std::int64_t in, std::int64_t out, const SpatialSize& kernel,
         const ConvOptions& options = {})
      : Convolution("Conv1d", 1, {in, out, kernel}, options) {}
  /// An error: options have names, Conv1d(in, out, kernel, {.stride = 1, .padding = 1}).
  template <std::integral Stride, class... Rest>
  Conv1d(std::int64_t in, std::int64_t out, const SpatialSize& kernel, Stride stride,
         Rest...) = delete;
};
/// Convolution over two axes: x: [N, in, H, W]
struct Conv2d : detail::Convolution {
  Conv2d(std::int64_t in, std::int64_t out, const SpatialSize& kernel,
         const ConvOptions& options = {})
      : Convolution("Conv2d", 2, {in, out, kernel}, options) {}
  /// An error: options have names, Conv2d(in, out, kernel, {.stride = 1, .padding = 1}).
  template <std::integral Stride, class... Rest>
  Conv2d(std::int64_t in, std::int64_t out, const SpatialSize& kernel, Stride stride,
         Rest...) = delete;
};
/// Convolution over three axes: x: [N, in, D, H, W]
struct Conv3d : detail::Convolution {
  Conv3d(std::int64_t in, std::int64_t out, const SpatialSize& kernel,
         const ConvOptions& options = {})
      : Convolution("Conv3d", 3, {in, out, kernel}, options) {}
  /// An error: options have names, Conv3d(in, out, kernel, {.stride = 1, .padding = 1}).
  template <std::integral Stride, class... Rest>
  Conv3d(std::int64_t in, std::int64_t out, const SpatialSize& kernel, Stride stride,
         Rest...) = delete;
};

// The gradient of a convolution with respect to its input, as a layer: every element of x is spread
// over the outputs that a convolution with the same options reads to compute it.
//   x: [N, in, spatial...] or that without N, weight: [in, out / groups, kernel...], bias: [out] ->
//   y: [N, out, (spatial - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1, ...]
// The initial values are PyTorch's: uniform in +-1 / sqrt(out / groups * kernel extents). Throw as
// the convolutions do.

/// Transposed convolution over one axis: x: [N, in, L]
struct ConvTranspose1d : detail::TransposedConvolution {
  ConvTranspose1d(std::int64_t in, std::int64_t out, const SpatialSize& kernel,
                  const ConvTransposeOptions& options = {})
      : TransposedConvolution("ConvTranspose1d", 1, {in, out, kernel}, options) {}
  /// An error: options have names, ConvTranspose1d(in, out, kernel, {.stride = 1, .padding = 1}).
  template <std::integral Stride, class... Rest>
  ConvTranspose1d(std::int64_t in, std::int64_t out, const SpatialSize& kernel, Stride stride,
                  Rest...) = delete;
};
/// Transposed convolution over two axes: x: [N, in, H, W]
struct ConvTranspose2d : detail::TransposedConvolution {
  ConvTranspose2d(std::int64_t in, std::int64_t out, const SpatialSize& kernel,
                  const ConvTransposeOptions& options = {})
      : TransposedConvolution("ConvTranspose2d", 2, {in, out, kernel}, options) {}
  /// An error: options have names, ConvTranspose2d(in, out, kernel, {.stride = 1, .padding = 1}).
  template <std::integral Stride, class... Rest>
  ConvTranspose2d(std::int64_t in, std::int64_t out, const SpatialSize& kernel, Stride stride,
                  Rest...) = delete;
};
/// Transposed convolution over three axes: x: [N, in, D, H, W]
struct ConvTranspose3d : detail::TransposedConvolution {
  ConvTranspose3d(std::int64_t in, std::int64_t out, const SpatialSize& kernel,
                  const ConvTransposeOptions& options = {})
      : TransposedConvolution("ConvTranspose3d", 3, {in, out, kernel}, options) {}
  /// An error: options have names, ConvTranspose3d(in, out, kernel, {.stride = 1, .padding = 1}).
  template <std::integral Stride, class... Rest>
  ConvTranspose3d(std::int64_t in, std::int64_t out, const SpatialSize& kernel, Stride stride,
                  Rest...) = delete;
};

}  // namespace gradtape::nn
