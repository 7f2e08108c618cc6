#include "gradtape/autograd/ops/resample.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/detail/cubic.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/index.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// One of the pixels of an axis that a place reads: which, and how much of it.
struct Tap {
  Tensor index, weight;
};

/// One axis of x, and how grid runs over it.
struct Axis {
  double extent;
  const GridSampleOptions& options;

  double last() const { return extent - 1; }
  /// Places in pixels: pixel i has its centre at i.
  Tensor pixels(const Tensor& place) const {
    if (options.align_corners) return (place + 1.0) * (last() / 2);
    return (place + 1.0) * (extent / 2) - 0.5;
  }
  /// u with what lies beyond the first and the last pixel moved there; slope 0 from there on.
  Tensor clip(const Tensor& u) const { return where(u <= 0.0, 0.0, where(u >= last(), last(), u)); }
  /// u reflected at the corner pixels' centres, or at the corners.
  Tensor reflect(const Tensor& u) const {
    const double low = options.align_corners ? 0 : -0.5, span = last() - 2 * low;
    if (span == 0) return 0.0 * u;
    const Tensor distance = abs(u - low), times = floor(distance / span);
    const Tensor rest = distance - times * span;
    const Tensor odd = times - 2.0 * floor(times / 2.0) == 1.0;
    return clip(where(odd, span - rest, rest) + low);
  }
  /// u moved into the image as padding_mode says; "zeros" leaves it.
  Tensor bound(const Tensor& u) const {
    if (options.padding_mode == "border") return clip(u);
    if (options.padding_mode == "reflection") return reflect(u);
    return u;
  }
  /// `weight` of the pixel u, which counts nothing outside the image.
  Tap tap(const Tensor& u, const Tensor& weight) const {
    const Tensor inside = logical_and(u >= 0.0, u <= last());
    return {clip(u).to(int64), where(inside, weight, 0.0)};
  }

  std::vector<Tap> taps(const Tensor& place) const {
    const Tensor u = pixels(place);
    if (options.mode == "nearest") return {tap(round(bound(u.detach())), ones_like(u))};
    std::vector<Tap> all;
    if (options.mode == "bicubic") {
      const Tensor left = floor(u.detach());
      const auto weights = cubic_weights<Tensor>(u - left);
      for (int k = 0; k < 4; ++k)
        all.push_back(tap(bound(left + (k - 1.0)), weights[static_cast<std::size_t>(k)]));
      return all;
    }
    const Tensor inside = bound(u), left = floor(inside.detach()), t = inside - left;
    return {tap(left, 1.0 - t), tap(left + 1.0, t)};
  }
};

void check(const Tensor& x, const Tensor& grid, const GridSampleOptions& options) {
  const int axes = x.ndim() - 2;
  const bool fits = (axes == 2 || axes == 3) && grid.ndim() == x.ndim() &&
                    grid.size(0) == x.size(0) && grid.size(-1) == axes;
  if (!fits)
    fail<ShapeError>("grid_sample",
                     fmt::format("needs x [n, channels, height, width] and grid [n, height, width, "
                                 "2], or both with a depth and 3; x is {}, grid {}",
                                 describe(x), describe(grid)));
  for (int axis = 2; axis < x.ndim(); ++axis)
    if (x.size(axis) == 0)
      fail<ShapeError>("grid_sample",
                       fmt::format("the images of x {} have no pixels", describe(x)));
  if (!is_floating(x.dtype()) || x.dtype() != grid.dtype())
    fail<DtypeError>("grid_sample",
                     fmt::format("x and grid need one dtype, float32 or float64: x is {}, grid {}",
                                 name(x.dtype()), name(grid.dtype())));
  const auto& mode = options.mode;
  if (mode != "bilinear" && mode != "nearest" && !(mode == "bicubic" && axes == 2))
    fail<ValueError>("grid_sample",
                     fmt::format("there is no mode \"{}\" over {} spatial axes", mode, axes));
  const auto& padding = options.padding_mode;
  if (padding != "zeros" && padding != "border" && padding != "reflection")
    fail<ValueError>("grid_sample",
                     fmt::format("padding_mode must be \"zeros\", \"border\" or \"reflection\", "
                                 "got \"{}\"",
                                 padding));
  if (grid.numel() && !(amax(abs(grid.detach())).item<double>() < 0x1p31))
    fail<ValueError>("grid_sample", "a place in grid is NaN, infinite or over 2^31");
}

}  // namespace

Tensor grid_sample(const Tensor& x, const Tensor& grid, const GridSampleOptions& options) {
  need_defined("grid_sample", x, "x");
  check(x, grid, options);
  const int axes = x.ndim() - 2;
  const auto batch = x.size(0), channels = x.size(1);
  std::int64_t places = 1, pixels = 1;
  for (int axis = 0; axis < axes; ++axis) {
    places *= grid.size(1 + axis);
    pixels *= x.size(2 + axis);
  }
  // Every place reads the product of its taps of all axes. The last axis of x is grid's first.
  const Tensor flat_grid = reshape(grid, {batch, places, axes});
  std::vector<Tap> taps{{zeros({batch, places}, int64), ones({batch, places}, x.dtype())}};
  for (int axis = 0; axis < axes; ++axis) {
    const auto extent = x.size(2 + axis);
    const Axis along{static_cast<double>(extent), options};
    std::vector<Tap> product;
    for (const auto& [index, weight] : along.taps(select(flat_grid, 2, axes - 1 - axis)))
      for (const auto& outer : taps)
        product.push_back({outer.index * extent + index, outer.weight * weight});
    taps = std::move(product);
  }
  const Tensor images = reshape(x, {batch, channels, pixels});
  Tensor sum;
  for (const auto& [index, weight] : taps) {
    const Tensor read = gather(images, 2, expand(unsqueeze(index, 1), {batch, channels, places}));
    const Tensor part = read * unsqueeze(weight, 1);
    sum = sum.defined() ? sum + part : part;
  }
  Shape out{batch, channels};
  for (int axis = 0; axis < axes; ++axis) out.push_back(grid.size(1 + axis));
  return reshape(sum, out);
}

}  // namespace gradtape
