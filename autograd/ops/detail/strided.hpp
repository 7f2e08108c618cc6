/// Views as ops: results whose elements lie at regular steps in another tensor; for ops/*.cpp only.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "gradtape/autograd/ops/shape.hpp"

namespace gradtape::detail {

/// One stride per axis, in elements.
using Strides = std::array<std::int64_t, max_ndim>;

/// The strides of a contiguous tensor.
Strides strides_of(const Shape& shape);
/// The index along every axis of the element at `place`.
std::vector<std::int64_t> index_of(std::int64_t place, const Shape& shape);

/// `axis` counted from the front, in a result of `ndim` axes made from x. Throws ShapeError.
int axis_of_result(const char* op, std::int64_t axis, int ndim, const Tensor& x);

/// a * b, an extent made of two. Throws ShapeError in the name of `op` where it overflows.
std::int64_t extent_product(const char* op, std::int64_t a, std::int64_t b, const Tensor& x);

/// Where the elements of a result lie in another tensor: axis i steps by strides[i] from `offset`.
struct View {
  void push_back(std::int64_t extent, std::int64_t stride);

  Shape shape;
  Strides strides{};
  std::int64_t offset = 0;
};

/// The elements of x that the view points at: shared where they are contiguous, else copied. Not
/// recorded; `op` is for errors.
Tensor copy_view(const char* op, const Tensor& x, const View& view);
/// The same, recorded as `op`.
Tensor read_view(const char* op, const Tensor& x, const View& view);
/// The transpose of read_view: zeros of `shape`, to which g's elements are added where the view
/// points. Recorded as "strided_add".
Tensor add_view(const Tensor& g, const View& view, const Shape& shape);

}  // namespace gradtape::detail
