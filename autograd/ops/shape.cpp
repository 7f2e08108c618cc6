#include "gradtape/autograd/ops/shape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gradtape/autograd/ops/detail/axis_set.hpp"
#include "gradtape/autograd/ops/detail/strided.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

std::size_t at(int axis) { return static_cast<std::size_t>(axis); }

/// A fresh tensor of `shape` whose axis i walks through x in steps of from[i] elements.
Tensor strided_copy(const char* op, const Tensor& x, const Shape& shape, const Strides& from) {
  return copy_view(op, x, {shape, from});
}

/// `wanted` with its -1, if any, replaced by the extent that makes it `numel` elements of x.
Shape infer(const char* op, std::int64_t numel, const Shape& wanted, const Tensor& x) {
  Shape shape = wanted;
  int open = -1;
  for (int axis = 0; axis < shape.ndim(); ++axis) {
    if (shape[axis] != -1) continue;
    if (open >= 0)
      fail<ShapeError>(op, fmt::format("only one extent of {} may be -1", wanted.str()));
    open = axis;
    shape[axis] = 1;
  }
  const auto known = shape.numel(op);
  if (open >= 0 && known == 0)
    fail<ShapeError>(op,
                     fmt::format("the -1 in {} is ambiguous beside an extent of 0", wanted.str()));
  if (open >= 0) shape[open] = numel / known;
  if (shape.numel(op) == numel) return shape;
  if (numel == x.numel())
    fail<ShapeError>(op, fmt::format("{} has {} elements, which do not fill {}", describe(x), numel,
                                     wanted.str()));
  fail<ShapeError>(op, fmt::format("an axis of extent {} of {} does not fill {}", numel,
                                   describe(x), wanted.str()));
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& wanted) {
  need_defined("reshape", x, "x");
  const Shape own = x.shape(), shape = infer("reshape", x.numel(), wanted, x);
  if (shape == own) return x;
  return record("reshape", alias(x, shape), {x},
                {[own](const Tensor& g) { return reshape(g, own); }});
}

Tensor flatten(const Tensor& x, std::int64_t start, std::int64_t stop) {
  need_defined("flatten", x, "x");
  const Shape own = x.shape();
  if (own.ndim() == 0) return reshape(x, {1});
  const int first = own.axis(start, "flatten"), last = own.axis(stop, "flatten");
  if (first > last)
    fail<ShapeError>("flatten",
                     fmt::format("axis {} to start at is behind axis {} to stop at in {}", start,
                                 stop, describe(x)));
  Shape shape;
  std::int64_t joined = 1;
  for (int axis = 0; axis < own.ndim(); ++axis) {
    const bool inside = axis >= first && axis <= last;
    if (inside) joined *= own[axis];
    if (!inside || axis == last) shape.push_back(inside ? joined : own[axis]);
  }
  return reshape(x, shape);
}

Tensor unsqueeze(const Tensor& x, std::int64_t axis) {
  need_defined("unsqueeze", x, "x");
  const Shape own = x.shape();
  const int ndim = own.ndim() + 1;
  const int place = axis_of_result("unsqueeze", axis, ndim, x);
  Shape shape;
  for (int i = 0; i < ndim; ++i) shape.push_back(i == place ? 1 : own[i - (i > place)]);
  return record("unsqueeze", alias(x, shape), {x},
                {[place](const Tensor& g) { return squeeze(g, place); }});
}

Tensor squeeze(const Tensor& x, const Axes& axes) {
  need_defined("squeeze", x, "x");
  const Shape own = x.shape();
  const AxisSet dropped = axes.is_all() ? AxisSet() : AxisSet("squeeze", x, axes);
  Shape shape;
  for (int axis = 0; axis < own.ndim(); ++axis) {
    if (dropped.contains(axis) && own[axis] != 1)
      fail<ShapeError>("squeeze", fmt::format("axis {} of {} has extent {}, not 1", axis,
                                              describe(x), own[axis]));
    if (!dropped.contains(axis) && !(axes.is_all() && own[axis] == 1)) shape.push_back(own[axis]);
  }
  if (shape == own) return x;
  return record("squeeze", alias(x, shape), {x},
                {[own](const Tensor& g) { return reshape(g, own); }});
}

Tensor unflatten(const Tensor& x, std::int64_t axis, const Shape& extents) {
  need_defined("unflatten", x, "x");
  const Shape own = x.shape();
  const int place = own.axis(axis, "unflatten");
  const Shape part = infer("unflatten", own[place], extents, x);
  Shape shape;
  for (int i = 0; i < own.ndim(); ++i)
    if (i != place)
      shape.push_back(own[i]);
    else
      for (auto extent : part) shape.push_back(extent);
  return reshape(x, shape);
}

Tensor movedim(const Tensor& x, const IntegerList& source, const IntegerList& destination) {
  need_defined("movedim", x, "x");
  const int ndim = x.ndim();
  if (source.size() != destination.size())
    fail<ShapeError>(
        "movedim", fmt::format("{} axes to move to {} places", source.size(), destination.size()));
  std::vector<std::int64_t> order(at(ndim), -1);
  AxisSet moved("movedim", x, source), filled("movedim", x, destination);
  for (std::size_t i = 0; i < source.size(); ++i)
    order[at(x.shape().axis(destination[i], "movedim"))] = x.shape().axis(source[i], "movedim");
  int next = 0;
  for (auto& axis : order) {
    if (axis >= 0) continue;
    while (moved.contains(next)) ++next;
    axis = next++;
  }
  return permute(x, order);
}

Tensor movedim(const Tensor& x, std::int64_t source, std::int64_t destination) {
  return movedim(x, IntegerList(source), IntegerList(destination));
}

Tensor transpose(const Tensor& x, std::int64_t axis0, std::int64_t axis1) {
  need_defined("transpose", x, "x");
  const Shape shape = x.shape();
  const int a = shape.axis(axis0, "transpose"), b = shape.axis(axis1, "transpose"),
            ndim = shape.ndim();
  if (a == b) return x;
  if (std::min(a, b) == ndim - 2)
    return record("transpose", transposed(x), {x}, {[](const Tensor& g) { return transpose(g); }});
  auto from = strides_of(shape);
  Shape result = shape;
  std::swap(from[at(a)], from[at(b)]);
  std::swap(result[a], result[b]);
  return record("transpose", strided_copy("transpose", x, result, from), {x},
                {[a, b](const Tensor& g) { return transpose(g, a, b); }});
}

Tensor permute(const Tensor& x, const IntegerList& order) {
  need_defined("permute", x, "x");
  const Shape own = x.shape();
  const int ndim = own.ndim();
  std::vector<std::int64_t> inverse(order.size(), -1);
  const auto check = [&](bool is_permutation) {
    if (!is_permutation)
      fail<ShapeError>("permute", fmt::format("order [{}] must name each axis of {} once",
                                              fmt::join(order, ", "), describe(x)));
  };
  check(order.size() == at(ndim));
  const auto strides = strides_of(own);
  Strides from{};
  Shape shape = own;
  int moved = 0;
  for (int i = 0; i < ndim; ++i) {
    const int axis = own.axis(order[at(i)], "permute");
    check(inverse[at(axis)] == -1);
    inverse[at(axis)] = i;
    from[at(i)] = strides[at(axis)];
    shape[i] = own[axis];
    moved += axis != i;
  }
  if (moved == 0) return x;
  if (moved == 2 && inverse[at(ndim - 1)] == ndim - 2) return transpose(x);
  return record("permute", strided_copy("permute", x, shape, from), {x},
                {[inverse = std::move(inverse)](const Tensor& g) { return permute(g, inverse); }});
}

Tensor expand(const Tensor& x, const Shape& wanted) {
  need_defined("expand", x, "x");
  const Shape own = x.shape();
  Shape shape = wanted;
  const int offset = shape.ndim() - own.ndim();
  for (int axis = std::max(offset, 0); axis < shape.ndim(); ++axis)
    if (shape[axis] == -1) shape[axis] = own[axis - offset];
  if (!broadcasts_to(own, shape) || std::find(shape.begin(), shape.end(), -1) != shape.end())
    fail<ShapeError>("expand",
                     fmt::format("{} does not broadcast to {}", describe(x), wanted.str()));
  if (shape == own) return x;
  const auto strides = strides_of(own);
  Strides from{};
  for (int axis = offset; axis < shape.ndim(); ++axis)
    from[at(axis)] = own[axis - offset] == 1 ? 0 : strides[at(axis - offset)];
  // The cotangent stays as it is: the engine sums it to x's shape.
  return record("expand", strided_copy("expand", x, shape, from), {x},
                {[](const Tensor& g) { return g; }});
}

}  // namespace gradtape
