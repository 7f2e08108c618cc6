#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gradtape/autograd/kernels/strided.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

std::size_t at(int axis) {
  return static_cast<std::size_t>(axis);
}

/// The distance in elements between neighbours along each axis of a contiguous tensor.
std::array<std::int64_t, max_ndim> strides_of(const Shape& shape) {
  std::array<std::int64_t, max_ndim> strides{};
  std::int64_t stride = 1;
  for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
    strides[at(axis)] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/// A fresh tensor of `shape` whose axis i walks through x in steps of from[i] elements.
Tensor strided_copy(const Tensor& x, const Shape& shape,
                    const std::array<std::int64_t, max_ndim>& from) {
  const auto to = strides_of(shape);
  std::array<kernels::CopyAxis, max_ndim> axes;
  for (int axis = 0; axis < shape.ndim(); ++axis)
    axes[at(axis)] = {shape[axis], from[at(axis)], to[at(axis)]};
  Tensor y = empty(shape, x.dtype());
  kernels::copy(x.raw(), mutable_data<void>(y), size_of(x.dtype()),
                {axes.data(), at(shape.ndim())});
  return y;
}

/// `wanted` with its -1, if any, replaced by the extent that keeps the number of elements.
Shape infer(const Tensor& x, const Shape& wanted) {
  Shape shape = wanted;
  int open = -1;
  std::int64_t known = 1;
  for (int axis = 0; axis < shape.ndim(); ++axis) {
    if (shape[axis] != -1) {
      known *= shape[axis];
      continue;
    }
    if (open >= 0)
      fail<ShapeError>("reshape", fmt::format("only one extent of {} may be -1", wanted.str()));
    open = axis;
  }
  if (open >= 0 && known == 0)
    fail<ShapeError>("reshape",
                     fmt::format("the -1 in {} is ambiguous beside an extent of 0", wanted.str()));
  if (open >= 0) shape[open] = x.numel() / known;
  if (shape.numel() != x.numel())
    fail<ShapeError>("reshape", fmt::format("{} has {} elements, which do not fill {}", describe(x),
                                            x.numel(), wanted.str()));
  return shape;
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& wanted) {
  const Shape own = x.shape(), shape = infer(x, wanted);
  if (shape == own) return x;
  return record("reshape", alias(x, shape), {x},
                {[own](const Tensor& g) { return reshape(g, own); }});
}

Tensor flatten(const Tensor& x, std::int64_t start, std::int64_t stop) {
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
  const Shape own = x.shape();
  const int ndim = own.ndim() + 1;
  if (axis < -ndim || axis >= ndim)
    fail<ShapeError>("unsqueeze",
                     fmt::format("axis {} is out of range for a result of {} axes from {}", axis,
                                 ndim, describe(x)));
  const auto place = static_cast<int>(axis < 0 ? axis + ndim : axis);
  Shape shape;
  for (int i = 0; i < ndim; ++i) shape.push_back(i == place ? 1 : own[i - (i > place)]);
  return record("unsqueeze", alias(x, shape), {x},
                {[place](const Tensor& g) { return squeeze(g, place); }});
}

Tensor squeeze(const Tensor& x, std::int64_t axis) {
  const Shape own = x.shape();
  const int place = own.axis(axis, "squeeze");
  if (own[place] != 1)
    fail<ShapeError>("squeeze", fmt::format("axis {} of {} has extent {}, not 1", axis, describe(x),
                                            own[place]));
  Shape shape;
  for (int i = 0; i < own.ndim(); ++i)
    if (i != place) shape.push_back(own[i]);
  return record("squeeze", alias(x, shape), {x},
                {[place](const Tensor& g) { return unsqueeze(g, place); }});
}

Tensor transpose(const Tensor& x, std::int64_t axis0, std::int64_t axis1) {
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
  return record("transpose", strided_copy(x, result, from), {x},
                {[a, b](const Tensor& g) { return transpose(g, a, b); }});
}

Tensor permute(const Tensor& x, const std::vector<std::int64_t>& order) {
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
  std::array<std::int64_t, max_ndim> from{};
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
  return record("permute", strided_copy(x, shape, from), {x},
                {[inverse = std::move(inverse)](const Tensor& g) { return permute(g, inverse); }});
}

Tensor expand(const Tensor& x, const Shape& wanted) {
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
  std::array<std::int64_t, max_ndim> from{};
  for (int axis = offset; axis < shape.ndim(); ++axis)
    from[at(axis)] = own[axis - offset] == 1 ? 0 : strides[at(axis - offset)];
  // The cotangent stays as it is: the engine sums it to x's shape.
  return record("expand", strided_copy(x, shape, from), {x}, {[](const Tensor& g) { return g; }});
}

}  // namespace gradtape
