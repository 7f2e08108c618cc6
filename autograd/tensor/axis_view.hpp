/// An array seen from one of its axes.
#pragma once

#include <cstdint>

#include "gradtape/autograd/shape.hpp"

namespace gradtape::detail {

/// A contiguous array as [outer, n, inner]: what lies before an axis, the axis, and what lies
/// behind it. The rows of a matrix are {rows, columns, 1}.
struct AxisView {
  std::int64_t outer = 1, n = 1, inner = 1;
};

inline AxisView axis_view(const Shape& shape, int axis) {
  AxisView view{1, shape[axis], 1};
  for (int i = 0; i < axis; ++i) view.outer *= shape[i];
  for (int i = axis + 1; i < shape.ndim(); ++i) view.inner *= shape[i];
  return view;
}

}  // namespace gradtape::detail
