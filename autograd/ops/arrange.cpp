#include "gradtape/autograd/ops/arrange.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gradtape/autograd/ops/detail/axis_set.hpp"
#include "gradtape/autograd/ops/detail/strided.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape {

using namespace detail;

namespace {

View whole(const Shape& shape) { return {shape, strides_of(shape)}; }

/// Moves the rows of one axis `shift` places on, 0 < shift < extent.
Tensor roll_rows(const Tensor& x, std::int64_t shift, int axis) {
  const auto extent = x.shape()[axis];
  Tensor y;
  {
    const auto inside = RecordingScope::inside_op();
    const Tensor own = x.detach();
    y = concat({slice(own, axis, extent - shift), slice(own, axis, 0, extent - shift)}, axis);
  }
  return record("roll", y, {x}, {[shift, extent, axis](const Tensor& g) {
                  return roll_rows(g, extent - shift, axis);
                }});
}

Tensor roll_axis(const Tensor& x, std::int64_t shift, std::int64_t axis) {
  const int a = x.shape().axis(axis, "roll");
  const auto extent = x.shape()[a];
  if (extent == 0) return x;
  const auto by = (shift % extent + extent) % extent;
  return by == 0 ? x : roll_rows(x, by, a);
}

/// Each of `outer` blocks of x `count` times in a row; `shape` is that of the result.
Tensor repeat_blocks(const Tensor& x, std::int64_t outer, std::int64_t count, const Shape& shape) {
  const auto block = outer ? x.numel() / outer : 0;
  return reshape(expand(reshape(x, {outer, 1, block}), {outer, count, block}), shape);
}

void need_count(const char* op, std::int64_t count) {
  if (count < 0) fail<ValueError>(op, fmt::format("a count must not be negative, got {}", count));
}

}  // namespace

Tensor flip(const Tensor& x, const Axes& axes) {
  const AxisSet flipped("flip", x, axes);
  const Shape shape = x.shape();
  View view = whole(shape);
  for (int axis = 0; axis < shape.ndim(); ++axis) {
    if (!flipped.contains(axis) || shape[axis] < 2) continue;
    auto& stride = view.strides[static_cast<std::size_t>(axis)];
    view.offset += (shape[axis] - 1) * stride;
    stride = -stride;
  }
  if (view.offset == 0) return x;
  return record("flip", copy_view("flip", x, view), {x},
                {[axes](const Tensor& g) { return flip(g, axes); }});
}

Tensor roll(const Tensor& x, std::int64_t shift, const Axes& axes) {
  need_defined("roll", x, "x");
  if (axes.is_all()) return reshape(roll_axis(reshape(x, {x.numel()}), shift, 0), x.shape());
  return roll(x, std::vector(axes.list.size(), shift), axes.list);
}

Tensor roll(const Tensor& x, const IntegerList& shifts, const IntegerList& axes) {
  if (shifts.size() != axes.size())
    fail<ShapeError>("roll", fmt::format("{} shifts for {} axes", shifts.size(), axes.size()));
  Tensor y = x;
  for (std::size_t i = 0; i < axes.size(); ++i) y = roll_axis(y, shifts[i], axes[i]);
  return y;
}

Tensor rot90(const Tensor& x, std::int64_t k, std::int64_t axis0, std::int64_t axis1) {
  need_defined("rot90", x, "x");
  const int a = x.shape().axis(axis0, "rot90"), b = x.shape().axis(axis1, "rot90");
  if (a == b)
    fail<ShapeError>("rot90", fmt::format("needs two axes of {}, got {} twice", describe(x), a));
  switch ((k % 4 + 4) % 4) {
    case 0:
      return x;
    case 1:
      return transpose(flip(x, b), a, b);
    case 2:
      return flip(x, {a, b});
    default:
      return flip(transpose(x, a, b), b);
  }
}

Tensor tile(const Tensor& x, const IntegerList& counts) {
  need_defined("tile", x, "x");
  for (auto count : counts) need_count("tile", count);
  const int given = static_cast<int>(counts.size()), lacking = given - x.ndim();
  Shape shape;
  for (int axis = 0; axis < lacking; ++axis) shape.push_back(1);
  for (auto extent : x.shape()) shape.push_back(extent);
  Tensor y = reshape(x, shape);
  // The last axis first: the copies grow, and all together are of the size of the result.
  for (int i = given - 1; i >= 0; --i) {
    const int axis = shape.ndim() - given + i;
    const auto count = counts[static_cast<std::size_t>(i)];
    if (count == 1) continue;
    const auto outer = axis_view(shape, axis).outer;
    shape[axis] = extent_product("tile", shape[axis], count, x);
    (void)shape.numel("tile");
    y = repeat_blocks(y, outer, count, shape);
  }
  return y;
}

Tensor repeat_interleave(const Tensor& x, std::int64_t count, std::int64_t axis) {
  need_defined("repeat_interleave", x, "x");
  need_count("repeat_interleave", count);
  Shape shape = x.shape();
  const int a = shape.axis(axis, "repeat_interleave");
  const auto outer = axis_view(shape, a).outer * shape[a];
  shape[a] = extent_product("repeat_interleave", shape[a], count, x);
  (void)shape.numel("repeat_interleave");
  return repeat_blocks(x, outer, count, shape);
}

Tensor repeat_interleave(const Tensor& x, const Tensor& counts, std::int64_t axis) {
  need_defined("repeat_interleave", x, "x");
  need_defined("repeat_interleave", counts, "counts");
  if (counts.is_weak() && counts.dtype() == int64)
    return repeat_interleave(x, counts.item<std::int64_t>(), axis);
  const int a = x.shape().axis(axis, "repeat_interleave");
  const auto extent = x.shape()[a];
  if (counts.dtype() != int64)
    fail<DtypeError>("repeat_interleave",
                     fmt::format("the counts must be int64, got {}", name(counts.dtype())));
  if (counts.shape() != Shape{extent})
    fail<ShapeError>("repeat_interleave",
                     fmt::format("counts {} for the {} rows along axis {} of {}", describe(counts),
                                 extent, axis, describe(x)));
  std::int64_t total = 0;
  for (const auto count : counts.data<std::int64_t>()) {
    need_count("repeat_interleave", count);
    if (__builtin_add_overflow(total, count, &total))
      fail<ShapeError>("repeat_interleave", "the counts add up to more than any memory holds");
  }
  const Tensor rows = empty({total}, int64, "repeat_interleave");
  auto* next = mutable_data<std::int64_t>(rows);
  for (std::int64_t i = 0; i < extent; ++i)
    next = std::fill_n(next, counts.data<std::int64_t>()[static_cast<std::size_t>(i)], i);
  return index_select(x, a, rows);
}

std::vector<Tensor> meshgrid(const std::vector<Tensor>& coordinates, MeshOrder order) {
  std::vector<Tensor> grid;
  const bool swapped = order == MeshOrder::xy && coordinates.size() > 1;
  const auto axis_of = [&](std::size_t i) {
    return static_cast<int>(swapped && i < 2 ? 1 - i : i);
  };
  Shape shape;
  for (std::size_t i = 0; i < coordinates.size(); ++i) {
    if (coordinates[i].ndim() > 1)
      fail<ShapeError>("meshgrid", fmt::format("takes tensors of at most one axis, got {}",
                                               describe(coordinates[i])));
    shape.push_back(1);
  }
  const Shape ones = shape;
  for (std::size_t i = 0; i < coordinates.size(); ++i) shape[axis_of(i)] = coordinates[i].numel();
  (void)shape.numel("meshgrid");
  for (std::size_t i = 0; i < coordinates.size(); ++i) {
    Shape own = ones;
    own[axis_of(i)] = coordinates[i].numel();
    grid.push_back(expand(reshape(coordinates[i], own), shape));
  }
  return grid;
}

Tensor unfold(const Tensor& x, std::int64_t axis, std::int64_t size, std::int64_t step) {
  need_defined("unfold", x, "x");
  const Shape shape = x.shape();
  const int a = shape.axis(axis, "unfold");
  if (step < 1) fail<ValueError>("unfold", fmt::format("step must be at least 1, got {}", step));
  if (size < 0 || size > shape[a])
    fail<ValueError>(
        "unfold", fmt::format("windows of {} do not fit axis {} of {}", size, axis, describe(x)));
  View view = whole(shape);
  auto& stride = view.strides[static_cast<std::size_t>(a)];
  view.shape[a] = (shape[a] - size) / step + 1;
  view.push_back(size, stride);
  if (view.shape[a] > 1) stride *= step;  // else a huge step would overflow
  return read_view("unfold", x, view);
}

}  // namespace gradtape
