/// PyTorch's ways to write extents.
#pragma once

#include "../value.hpp"

namespace gradtape::conformance {

/// stride=None stands for the kernel's extents.
inline SpatialSize stride_or_kernel(Call& c, std::size_t i) {
  return c.has(i, "stride") ? SpatialSize(c.integers(i, "stride")) : SpatialSize();
}

/// output_size: integers, with None for the extent of x, which is -1 here.
inline SpatialSize output_size(Call& c, std::size_t i) {
  const Value& given = c.at(i, "output_size");
  const List list = given.is<List>() ? given.get<List>() : List{given};
  std::vector<std::int64_t> extents;
  for (const auto& extent : list)
    extents.push_back(extent.is_none() ? -1 : extent.integer("output_size"));
  return extents;
}

}  // namespace gradtape::conformance
