/// Convolutions, transposed convolutions and the columns they are made of, over one, two or three
/// spatial axes. x may come without its batch axis, and the result is then without it too.
#pragma once

#include "gradtape/autograd/ops/extents.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Options of conv1d, conv2d and conv3d.
struct ConvOptions {
  SpatialSize stride = 1;    ///< Steps between the outputs.
  Padding padding = 0;       ///< Zeros around x, or "same" (with stride 1) or "valid".
  SpatialSize dilation = 1;  ///< Spacing between kernel elements.
  std::int64_t groups = 1;   ///< Parts of the channels that do not see each other.
};

/// Options of conv_transpose1d, conv_transpose2d and conv_transpose3d: those of the convolution
/// whose gradient it is.
struct ConvTransposeOptions {
  SpatialSize stride = 1;   ///< Steps between what neighbours of x give, at least 1.
  SpatialSize padding = 0;  ///< Cut off on both sides of the output, at least 0.
  SpatialSize output_padding =
      0;                     ///< Added to the output's extents at the end; < stride or dilation.
  SpatialSize dilation = 1;  ///< Spacing between kernel elements, at least 1.
  std::int64_t groups = 1;   ///< Parts of the channels that do not see each other, at least 1.
};

// Cross-correlation y[n, o, i] = bias[o] + sum_{c, k} weight[o, c, k] x[n, c, i stride - padding +
// k dilation], c within o's group.
//   x: [n, in, spatial...], weight: [out, in / groups, kernel...], bias: [out] or undefined -> [n,
//   out, (spatial + 2 padding - dilation (kernel - 1) - 1) / stride + 1, rounded down, ...]
// Throw ShapeError (rank; channels, groups and bias that do not fit; a kernel larger than the
// padded input), ValueError (options out of range), DtypeError.

/// Convolution over one axis: x: [n, in, length]
[[nodiscard]] Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                            const ConvOptions& options = {});
/// Convolution over two axes: x: [n, in, height, width]
[[nodiscard]] Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                            const ConvOptions& options = {});
/// Convolution over three axes: x: [n, in, depth, height, width]
[[nodiscard]] Tensor conv3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                            const ConvOptions& options = {});

// The gradient of a convolution with respect to its input, as an op: every element of x is spread
// over the outputs that a convolution with the same options reads to compute it.
//   x: [n, in, spatial...], weight: [in, out / groups, kernel...], bias: [out] or undefined -> [n,
//   out, (spatial - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1, ...]
// Throw as the convolutions do, and ShapeError where the padding leaves nothing.

/// Transposed convolution over one axis: x: [n, in, length]
[[nodiscard]] Tensor conv_transpose1d(const Tensor& x, const Tensor& weight,
                                      const Tensor& bias = {},
                                      const ConvTransposeOptions& options = {});
/// Transposed convolution over two axes: x: [n, in, height, width]
[[nodiscard]] Tensor conv_transpose2d(const Tensor& x, const Tensor& weight,
                                      const Tensor& bias = {},
                                      const ConvTransposeOptions& options = {});
/// Transposed convolution over three axes: x: [n, in, depth, height, width]
[[nodiscard]] Tensor conv_transpose3d(const Tensor& x, const Tensor& weight,
                                      const Tensor& bias = {},
                                      const ConvTransposeOptions& options = {});

/// Options of im2col and col2im.
struct ColumnOptions {
  SpatialSize stride = 1;    ///< Steps between the outputs, at least 1.
  SpatialSize padding = 0;   ///< Zeros around x on both sides, at least 0.
  SpatialSize dilation = 1;  ///< Spacing between kernel elements, at least 1.
};

/// What a kernel sees at every output, as columns (PyTorch's nn.functional.unfold; for windows
/// along one axis see the op unfold).  x: [n, c, height, width], kernel: {kh, kw} -> [n, c kh kw,
/// outputs].  Throws as conv2d.
[[nodiscard]] Tensor im2col(const Tensor& x, const SpatialSize& kernel,
                            const ColumnOptions& options = {});
/// The transpose of im2col (PyTorch's nn.functional.fold): zeros of extents `size`, to which every
/// column is added where im2col reads it.  columns: [n, c kh kw, outputs] -> [n, c, height, width].
/// Throws ShapeError, ValueError.
[[nodiscard]] Tensor col2im(const Tensor& columns, const SpatialSize& size,
                            const SpatialSize& kernel, const ColumnOptions& options = {});

}  // namespace gradtape
