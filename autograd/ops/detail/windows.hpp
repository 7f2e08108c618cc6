/// Windows over the spatial axes of images, and the linear ops made of them; for ops/*.cpp only.
#pragma once

#include "gradtape/autograd/kernels/spatial/windows.hpp"
#include "gradtape/autograd/ops/detail/spatial.hpp"

namespace gradtape::detail {

/// Output i is input i.
kernels::Windows identity_windows(std::int64_t extent);
/// Means of `size` windows that cover `extent` inputs: floor(i in / out) ... ceil((i + 1) in /
/// out).
kernels::Windows adaptive_windows(std::int64_t extent, std::int64_t size);
/// make(axis) for each of the last `axes` of three spatial axes, for images of the extents `in`.
template <class Make>
kernels::WindowsOfAxes windows_of(const Spatial& in, int axes, const Make& make) {
  kernels::WindowsOfAxes windows;
  for (std::size_t axis = 0; axis < 3; ++axis)
    windows[axis] =
        axis + static_cast<std::size_t>(axes) < 3 ? identity_windows(in[axis]) : make(axis);
  return windows;
}
/// The extents of what they make.
Spatial outputs_of(const kernels::WindowsOfAxes& windows);

/// Throws std::bad_alloc with op and shape where there is no memory for the images of extents `out`
/// that windows are to make of x: before these are made, which may be many times as large.
void check_memory(const char* op, const Tensor& x, int axes, const Spatial& out);

/// Throws ShapeError where an image of x has no pixels.
void check_pixels(const char* op, const Tensor& x, int axes);

/// The weighted sums of all windows of x: [batch, channels, spatial...], recorded as `op`; its
/// gradient as "resample_backward".
Tensor resample(const char* op, const Tensor& x, int axes, kernels::WindowsOfAxes windows);

}  // namespace gradtape::detail
