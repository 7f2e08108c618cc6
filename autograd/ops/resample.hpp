/// Images at other resolutions: interpolation, sampling at given places, pixels moved to channels.
#pragma once

#include <string>
#include <vector>

#include "gradtape/autograd/ops/extents.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Options of interpolate: size or scale_factor, one of the two.
struct InterpolateOptions {
  SpatialSize size = {};                  ///< The extents of the result.
  std::vector<double> scale_factor = {};  ///< Result to x, one for all axes or one for each; the
                                          ///< extents are rounded down.
  /// "nearest" (the position rounded down), "nearest-exact" (the pixel whose centre is nearest),
  /// "linear" (over two and three axes also "bilinear", "trilinear"), "cubic" (also "bicubic"; the
  /// kernel of a = -3/4), or "area" (means, as adaptive_avg_pool2d).
  std::string mode = "nearest";
  bool align_corners = false;  ///< Whether the corner pixels' centres coincide, or the corners.
  /// Whether positions follow from the extents alone; else from scale_factor where it is given.
  bool recompute_scale_factor = false;
};

/// x at another resolution, over all axes but the first two.  x: [n, channels, spatial...], one to
/// three spatial axes.  Positions beyond the border read the border. Throws ShapeError (rank; no
/// pixels), ValueError (options that are unknown, missing or do not fit), DtypeError.
[[nodiscard]] Tensor interpolate(const Tensor& x, const InterpolateOptions& options);

/// y[..., c, h r + i, w r + j] = x[..., (c r + i) r + j, h, w].  x: [..., c r^2, h, w] -> [..., c,
/// h r, w r]; r = upscale_factor. Throws ShapeError, ValueError.
[[nodiscard]] Tensor pixel_shuffle(const Tensor& x, std::int64_t upscale_factor);
/// The inverse of pixel_shuffle.  x: [..., c, h r, w r] -> [..., c r^2, h, w]; r =
/// downscale_factor. Throws ShapeError, ValueError.
[[nodiscard]] Tensor pixel_unshuffle(const Tensor& x, std::int64_t downscale_factor);

/// Options of grid_sample.
struct GridSampleOptions {
  std::string mode = "bilinear";       ///< "bilinear", "nearest" or (two axes) "bicubic".
  std::string padding_mode = "zeros";  ///< Beyond the border: "zeros", "border" or "reflection".
  bool align_corners = false;          ///< -1 and 1 are the corner pixels' centres, or the corners.
};

/// x at the places of grid, which runs from -1 to 1 over each axis; the last axis of x comes first
/// in it.  x: [n, channels, height, width], grid: [n, out height, out width, 2] -> [n, channels,
/// out height, out width]; or with a depth axis and 3. Differentiable in both (in grid where the
/// mode is not nearest). Throws ShapeError, ValueError (unknown mode; a place that is NaN or
/// infinite), DtypeError.
[[nodiscard]] Tensor grid_sample(const Tensor& x, const Tensor& grid,
                                 const GridSampleOptions& options = {});

}  // namespace gradtape
