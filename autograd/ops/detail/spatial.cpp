#include "gradtape/autograd/ops/detail/spatial.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

#include "gradtape/autograd/tape.hpp"

namespace gradtape::detail {

Spatial spatial(const char* op, const char* what, const SpatialSize& given, int axes,
                std::int64_t least) {
  const auto& list = given.list;
  const auto count = static_cast<std::size_t>(axes);
  if (list.size() != 1 && list.size() != count)
    fail<ValueError>(op, fmt::format("{} takes one value, or one for each of the {} spatial axes; "
                                     "got [{}]",
                                     what, axes, fmt::join(list, ", ")));
  for (const auto value : list)
    if (value < least || value > std::numeric_limits<std::int32_t>::max())
      fail<ValueError>(op, fmt::format("{} must be at least {} and below 2^31, got [{}]", what,
                                       least, fmt::join(list, ", ")));
  Spatial result{least, least, least};
  for (std::size_t i = 0; i < count; ++i) result[3 - count + i] = list[list.size() == 1 ? 0 : i];
  return result;
}

Spatial spatial_of(const Shape& shape, int axes) {
  Spatial extents{1, 1, 1};
  for (int i = 1; i <= axes; ++i)
    extents[static_cast<std::size_t>(3 - i)] = shape[shape.ndim() - i];
  return extents;
}

Shape image_shape(std::int64_t batch, std::int64_t channels, const Spatial& extents, int axes) {
  Shape shape{batch, channels};
  for (auto i = static_cast<std::size_t>(3 - axes); i < 3; ++i) shape.push_back(extents[i]);
  return shape;
}

std::string str(const Spatial& extents, int axes) {
  return fmt::format("[{}]", fmt::join(extents.end() - axes, extents.end(), ", "));
}

void check_image(const char* op, const Tensor& x, int axes) {
  static constexpr const char* names[] = {"length", "height, width", "depth, height, width"};
  if (x.ndim() != axes + 1 && x.ndim() != axes + 2)
    fail<ShapeError>(op, fmt::format("needs x [n, channels, {}], or that without n; got {}",
                                     names[axes - 1], describe(x)));
  for (const auto extent : x.shape())
    if (extent > std::numeric_limits<std::int32_t>::max())
      fail<ShapeError>(op,
                       fmt::format("extents over 2^31 - 1 are not supported, got {}", describe(x)));
}

}  // namespace gradtape::detail
