#include "gradtape/autograd/ops/arrange.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gradtape/autograd/kernels/linalg/triangle.hpp"
#include "gradtape/autograd/ops/detail/strided.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// The diagonal of the plane of axes a and b in a tensor of `shape`, as the view's last axis.
View diagonal_view(const Shape& shape, std::int64_t offset, int a, int b) {
  const Strides strides = strides_of(shape);
  const auto row = strides[static_cast<std::size_t>(a)], col = strides[static_cast<std::size_t>(b)];
  View view;
  for (int axis = 0; axis < shape.ndim(); ++axis)
    if (axis != a && axis != b)
      view.push_back(shape[axis], strides[static_cast<std::size_t>(axis)]);
  // Beyond the matrix the diagonal is empty, and the offset does not matter.
  const auto above = std::clamp<std::int64_t>(offset, 0, shape[b]);
  const auto below = offset < -shape[a] ? shape[a] : std::max<std::int64_t>(-offset, 0);
  view.push_back(std::max<std::int64_t>(0, std::min(shape[a] - below, shape[b] - above)),
                 row + col);
  view.offset = above * col + below * row;
  return view;
}

void need_two(const char* op, int a, int b) {
  if (a == b) fail<ShapeError>(op, fmt::format("needs two axes, got axis {} twice", a));
}

Tensor triangle(const char* op, const Tensor& x, std::int64_t diagonal, bool lower) {
  const Shape shape = x.shape();
  if (shape.ndim() < 2)
    fail<ShapeError>(op, fmt::format("needs a matrix or a batch of them, got {}", describe(x)));
  const Tensor y = empty(shape, x.dtype());
  const auto rows = shape[shape.ndim() - 2], cols = shape.back();
  if (x.numel())
    kernels::triangle(x.raw(), mutable_data<void>(y), size_of(x.dtype()),
                      {x.numel() / (rows * cols), rows, cols, diagonal, lower});
  return record(op, y, {x}, {[op, diagonal, lower](const Tensor& g) {
                  return triangle(op, g, diagonal, lower);
                }});
}

}  // namespace

Tensor diagonal(const Tensor& x, std::int64_t offset, std::int64_t axis0, std::int64_t axis1) {
  need_defined("diagonal", x, "x");
  const Shape shape = x.shape();
  const int a = shape.axis(axis0, "diagonal"), b = shape.axis(axis1, "diagonal");
  need_two("diagonal", a, b);
  return read_view("diagonal", x, diagonal_view(shape, offset, a, b));
}

Tensor diag_embed(const Tensor& x, std::int64_t offset, std::int64_t axis0, std::int64_t axis1) {
  need_defined("diag_embed", x, "x");
  const Shape own = x.shape();
  if (own.ndim() == 0) fail<ShapeError>("diag_embed", "needs at least one axis, got []");
  const int ndim = own.ndim() + 1, a = axis_of_result("diag_embed", axis0, ndim, x),
            b = axis_of_result("diag_embed", axis1, ndim, x);
  need_two("diag_embed", a, b);
  constexpr std::int64_t most = std::int64_t{1} << 31;
  if (offset > most || offset < -most)
    fail<ValueError>("diag_embed", fmt::format("the offset {} is too large", offset));
  Shape shape;
  for (int axis = 0, next = 0; axis < ndim; ++axis)
    shape.push_back(axis == a || axis == b ? own.back() + std::abs(offset) : own[next++]);
  (void)shape.numel("diag_embed");
  return add_view(x, diagonal_view(shape, offset, a, b), shape);
}

Tensor diag(const Tensor& x, std::int64_t offset) {
  need_defined("diag", x, "x");
  if (x.ndim() == 1) return diag_embed(x, offset);
  if (x.ndim() == 2) return diagonal(x, offset);
  fail<ShapeError>("diag", fmt::format("takes a vector or a matrix, got {}; see diagonal and "
                                       "diag_embed",
                                       describe(x)));
}

Tensor tril(const Tensor& x, std::int64_t diagonal) { return triangle("tril", x, diagonal, true); }

Tensor triu(const Tensor& x, std::int64_t diagonal) { return triangle("triu", x, diagonal, false); }

}  // namespace gradtape
