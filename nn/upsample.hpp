/// Layers that change the resolution: Upsample, PixelShuffle, PixelUnshuffle.
#pragma once

#include "gradtape/autograd/ops/resample.hpp"
#include "gradtape/nn/function_layer.hpp"

namespace gradtape::nn {

/// x at another resolution, over all axes but the first two (op interpolate).  x: [N, C,
/// spatial...]. Throws ValueError when made without a size or a factor, with both, or with an
/// unknown mode; a call throws as interpolate.
///
///     nn::Upsample twice({.scale_factor = {2}, .mode = "bilinear"});
struct Upsample : FunctionLayer<interpolate, InterpolateOptions> {
  explicit Upsample(const InterpolateOptions& options);
};
/// y[..., c, h r + i, w r + j] = x[..., (c r + i) r + j, h, w].  x: [..., C r^2, H, W] -> [..., C,
/// H r, W r]; r = factor. Throws ValueError for a factor below 1; a call ShapeError.
struct PixelShuffle : FunctionLayer<pixel_shuffle, std::int64_t> {
  explicit PixelShuffle(std::int64_t factor);
};
/// The inverse of PixelShuffle.  x: [..., C, H r, W r] -> [..., C r^2, H, W]; r = factor. Throws as
/// PixelShuffle.
struct PixelUnshuffle : FunctionLayer<pixel_unshuffle, std::int64_t> {
  explicit PixelUnshuffle(std::int64_t factor);
};

}  // namespace gradtape::nn
