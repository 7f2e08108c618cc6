#include "gradtape/autograd/ops/detail/strided.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/kernels/strided.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::detail {
namespace {

std::size_t at(int axis) { return static_cast<std::size_t>(axis); }

bool is_contiguous(const View& view) {
  const Strides strides = strides_of(view.shape);
  for (int axis = 0; axis < view.shape.ndim(); ++axis)
    if (view.shape[axis] != 1 && view.strides[at(axis)] != strides[at(axis)]) return false;
  return true;
}

}  // namespace

Strides strides_of(const Shape& shape) {
  Strides strides{};
  std::int64_t stride = 1;
  for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
    strides[at(axis)] = stride;
    stride *= shape[axis];
  }
  return strides;
}

std::vector<std::int64_t> index_of(std::int64_t place, const Shape& shape) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.ndim()));
  for (int axis = shape.ndim(); axis-- > 0;) {
    index[static_cast<std::size_t>(axis)] = place % shape[axis];
    place /= shape[axis];
  }
  return index;
}

int axis_of_result(const char* op, std::int64_t axis, int ndim, const Tensor& x) {
  if (axis < -ndim || axis >= ndim)
    fail<ShapeError>(op, fmt::format("axis {} is out of range for a result of {} axes from {}",
                                     axis, ndim, describe(x)));
  return static_cast<int>(axis < 0 ? axis + ndim : axis);
}

std::int64_t extent_product(const char* op, std::int64_t a, std::int64_t b, const Tensor& x) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product))
    fail<ShapeError>(op, fmt::format("an axis of {} times {} elements, from {}, is larger than any "
                                     "memory",
                                     a, b, describe(x)));
  return product;
}

void View::push_back(std::int64_t extent, std::int64_t stride) {
  shape.push_back(extent);
  strides[at(shape.ndim() - 1)] = stride;
}

Tensor copy_view(const char* op, const Tensor& x, const View& view) {
  if (view.shape.numel(op) == 0) return empty(view.shape, x.dtype(), op);
  if (is_contiguous(view)) return alias(x, view.shape, view.offset);
  const Strides to = strides_of(view.shape);
  std::array<kernels::CopyAxis, max_ndim> axes;
  for (int axis = 0; axis < view.shape.ndim(); ++axis)
    axes[at(axis)] = {view.shape[axis], view.strides[at(axis)], to[at(axis)]};
  Tensor y = empty(view.shape, x.dtype(), op);
  const auto* from = static_cast<const char*>(x.raw()) +
                     view.offset * static_cast<std::int64_t>(size_of(x.dtype()));
  kernels::copy(from, mutable_data<void>(y), size_of(x.dtype()),
                {axes.data(), at(view.shape.ndim())});
  return y;
}

Tensor read_view(const char* op, const Tensor& x, const View& view) {
  return record(op, copy_view(op, x, view), {x},
                {[view, shape = x.shape()](const Tensor& g) { return add_view(g, view, shape); }});
}

Tensor add_view(const Tensor& g, const View& view, const Shape& shape) {
  const Tensor y = zeros(shape, g.dtype());
  const Strides from = strides_of(view.shape);
  std::array<kernels::CopyAxis, max_ndim> axes;
  for (int axis = 0; axis < view.shape.ndim(); ++axis)
    axes[at(axis)] = {view.shape[axis], from[at(axis)], view.strides[at(axis)]};
  if (g.numel())
    visit_dtype(g.dtype(), [&](auto zero) {
      using T = decltype(zero);
      kernels::add(g.data<T>().data(), mutable_data<T>(y) + view.offset,
                   {axes.data(), at(view.shape.ndim())});
    });
  return record("strided_add", y, {g},
                {[view](const Tensor& c) { return read_view("strided_copy", c, view); }});
}

}  // namespace gradtape::detail
