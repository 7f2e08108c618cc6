/// Images and the options that hold for their spatial axes, checked; for .cpp files only.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "gradtape/autograd/ops/extents.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape::detail {

/// A number for each of three spatial axes. Ops over fewer use the last ones; the others keep what
/// changes nothing.
using Spatial = std::array<std::int64_t, 3>;

/// `given` for each of `axes` spatial axes, and `least` for the axes before them. Throws ValueError
/// in the name of `op` where `what` has another number of values, one below `least`, or one over
/// 2^31 - 1.
Spatial spatial(const char* op, const char* what, const SpatialSize& given, int axes,
                std::int64_t least);

/// The last `axes` extents of `shape`, after ones.
Spatial spatial_of(const Shape& shape, int axes);
/// [batch, channels] and the last `axes` of `extents`.
Shape image_shape(std::int64_t batch, std::int64_t channels, const Spatial& extents, int axes);
/// `[3, 4]`: the last `axes` of `extents`, for messages.
std::string str(const Spatial& extents, int axes);

/// Throws ShapeError unless x is [batch, channels, spatial...] or [channels, spatial...].
void check_image(const char* op, const Tensor& x, int axes);
/// f(x) for x: [batch, channels, spatial...]. Where x lacks the batch axis it is added, and dropped
/// from the result. Throws as check_image.
template <class F> Tensor batched(const char* op, const Tensor& x, int axes, const F& f) {
  check_image(op, x, axes);
  return x.ndim() == axes + 2 ? f(x) : squeeze(f(unsqueeze(x, 0)), 0);
}

}  // namespace gradtape::detail
