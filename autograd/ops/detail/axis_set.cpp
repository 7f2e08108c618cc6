#include "gradtape/autograd/ops/detail/axis_set.hpp"

#include <fmt/format.h>

#include <vector>

namespace gradtape::detail {

AxisSet::AxisSet(const char* op, const Tensor& x, const Axes& axes) {
  need_defined(op, x, "x");
  const Shape shape = x.shape();
  if (axes.is_all()) {
    for (int axis = 0; axis < shape.ndim(); ++axis) insert(axis);
    return;
  }
  for (auto given : axes.list) {
    const int axis = shape.axis(given, op);
    if (contains(axis))
      fail<ShapeError>(op, fmt::format("axis {} is given twice for {}", axis, describe(x)));
    insert(axis);
  }
}

std::int64_t AxisSet::count(const Shape& shape) const {
  std::int64_t n = 1;
  for (int axis = 0; axis < shape.ndim(); ++axis)
    if (contains(axis)) n *= shape[axis];
  return n;
}

Shape AxisSet::reduced(const Shape& shape, bool keepdim) const {
  Shape result;
  for (int axis = 0; axis < shape.ndim(); ++axis) {
    if (!contains(axis))
      result.push_back(shape[axis]);
    else if (keepdim)
      result.push_back(1);
  }
  return result;
}

Tensor AxisSet::restore(const Tensor& reduced) const {
  const Shape from = reduced.shape();
  Shape shape;
  for (int axis = 0, next = 0; next < from.ndim() || contains(axis); ++axis)
    shape.push_back(contains(axis) ? 1 : from[next++]);
  return reshape(reduced, shape);
}

Tensor joined_last(const Tensor& x, AxisSet axes) {
  std::vector<std::int64_t> order;
  for (const bool reduced : {false, true})
    for (int i = 0; i < x.ndim(); ++i)
      if (axes.contains(i) == reduced) order.push_back(i);
  Shape shape = axes.reduced(x.shape(), false);
  shape.push_back(axes.count(x.shape()));
  return reshape(permute(x, order), shape);
}

void need_elements(const char* op, const Tensor& x, AxisSet axes) {
  const Shape shape = x.shape();
  if (x.numel() == 0 && axes.count(shape) == 0 && axes.reduced(shape, false).numel() != 0)
    fail<ShapeError>(op, fmt::format("{} has no elements to reduce, and {} of nothing is undefined",
                                     describe(x), op));
}

Folds::Folds(const Shape& shape, AxisSet axes) {
  std::int64_t inner = 1;  // elements of the result behind the current axis
  for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
    if (shape[axis] == 1) continue;
    if (!axes.contains(axis)) {
      inner *= shape[axis];
      continue;
    }
    std::int64_t n = shape[axis];
    for (; axis > 0 && (axes.contains(axis - 1) || shape[axis - 1] == 1); --axis)
      n *= shape[axis - 1];
    std::int64_t outer = 1;
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    list[static_cast<std::size_t>(count++)] = {outer, n, inner};
  }
  if (count == 0) list[static_cast<std::size_t>(count++)] = {shape.numel(), 1, 1};
}

}  // namespace gradtape::detail
