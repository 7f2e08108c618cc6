#include "gradtape/autograd/ops/shape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "gradtape/autograd/kernels/strided.hpp"
#include "gradtape/autograd/ops/detail/slice.hpp"
#include "gradtape/autograd/ops/detail/strided.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape {

using namespace detail;

namespace {

char* offset_by(const Tensor& x, std::int64_t elements) {
  return static_cast<char*>(const_cast<void*>(x.raw())) +
         elements * static_cast<std::int64_t>(size_of(x.dtype()));
}

/// Rows start, start + step, ... (`count` of them) along `axis`, as a tensor of `shape`, which may
/// lack that axis.
Tensor take_rows(const Tensor& x, int axis, std::int64_t start, std::int64_t count,
                 std::int64_t step, const Shape& shape) {
  const auto from = axis_view(x.shape(), axis);
  if (count == 0) start = 0;
  if (from.outer == 1 && (step == 1 || count == 1)) return alias(x, shape, start * from.inner);
  Tensor y = empty(shape, x.dtype());
  if (y.numel() == 0) return y;
  const kernels::CopyAxis axes[] = {{from.outer, from.n * from.inner, count * from.inner},
                                    {count, step * from.inner, from.inner},
                                    {from.inner, 1, 1}};
  kernels::copy(offset_by(x, start * from.inner), mutable_data<void>(y), size_of(x.dtype()), axes);
  return y;
}

/// The number of elements of start, start + step, ... below stop.
std::int64_t steps(std::int64_t start, std::int64_t stop, std::int64_t step) {
  return stop > start ? (stop - start - 1) / step + 1 : 0;
}

}  // namespace

namespace detail {

Tensor slice_backward(const Tensor& g, int axis, std::int64_t extent, std::int64_t start,
                      std::int64_t step) {
  need_defined("slice_backward", g, "g");
  const auto from = axis_view(g.shape(), axis);
  Shape shape = g.shape();
  shape[axis] = extent;
  const Tensor y = empty(shape, g.dtype());
  const auto bytes = [&](std::int64_t rows) {
    return static_cast<std::size_t>(rows * from.inner) * size_of(g.dtype());
  };
  const auto first = step == 1 ? start : extent, after = step == 1 ? start + from.n : extent;
  for (std::int64_t o = 0; o < from.outer && from.inner > 0;
       ++o) {  // zeros around g, or everywhere where g has gaps
    std::memset(offset_by(y, o * extent * from.inner), 0, bytes(first));
    std::memset(offset_by(y, (o * extent + after) * from.inner), 0, bytes(extent - after));
  }
  const kernels::CopyAxis axes[] = {{from.outer, from.n * from.inner, extent * from.inner},
                                    {from.n, from.inner, step * from.inner},
                                    {from.inner, 1, 1}};
  if (g.numel()) kernels::copy(g.raw(), offset_by(y, start * from.inner), size_of(g.dtype()), axes);
  const auto stop = start + (from.n - 1) * step + 1;
  return record("slice_backward", y, {g},
                {[=](const Tensor& c) { return slice(c, axis, start, stop, step); }});
}

}  // namespace detail

Tensor slice(const Tensor& x, std::int64_t axis, std::int64_t start, std::int64_t stop,
             std::int64_t step) {
  need_defined("slice", x, "x");
  Shape shape = x.shape();
  const int a = shape.axis(axis, "slice");
  if (step < 1)
    fail<ValueError>("slice", fmt::format("step must be at least 1, got {}{}", step,
                                          step < 0 ? "; to walk backwards, flip first" : ""));
  const auto extent = shape[a];
  const auto bound = [&](std::int64_t i) {
    return std::clamp<std::int64_t>(i < 0 ? i + extent : i, 0, extent);
  };
  const auto first = bound(start), count = steps(first, bound(stop), step);
  if (count == extent) return x;
  shape[a] = count;
  const auto from = count ? first : 0, by = count > 1 ? step : 1;
  return record("slice", take_rows(x, a, from, count, by, shape), {x},
                {[=](const Tensor& g) { return slice_backward(g, a, extent, from, by); }});
}

Tensor select(const Tensor& x, std::int64_t axis, std::int64_t i) {
  need_defined("select", x, "x");
  const Shape own = x.shape();
  const int a = own.axis(axis, "select");
  const auto extent = own[a];
  if (i < -extent || i >= extent)
    fail<ShapeError>(
        "select", fmt::format("index {} is out of range for axis {} of {}", i, axis, describe(x)));
  Shape shape;
  for (int k = 0; k < own.ndim(); ++k)
    if (k != a) shape.push_back(own[k]);
  const auto row = i < 0 ? i + extent : i;
  return record("select", take_rows(x, a, row, 1, 1, shape), {x}, {[=](const Tensor& g) {
                  return slice_backward(unsqueeze(g, a), a, extent, row, 1);
                }});
}

Tensor narrow(const Tensor& x, std::int64_t axis, std::int64_t start, std::int64_t length) {
  need_defined("narrow", x, "x");
  const auto extent = x.size(axis);
  const auto first = start < 0 ? start + extent : start;
  if (first < 0 || length < 0 || first > extent || length > extent - first)
    fail<ValueError>("narrow", fmt::format("{} rows from {} on do not lie in axis {} of {}", length,
                                           start, axis, describe(x)));
  return slice(x, axis, first, first + length);
}

}  // namespace gradtape
