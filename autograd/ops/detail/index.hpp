/// What the index ops share; for ops/*.cpp only.
#pragma once

#include "gradtape/autograd/ops/index.hpp"

namespace gradtape::detail {

/// The elements of `index`. Throws in the name of `op` unless they are int64 in [-extent, extent).
const std::int64_t* checked_index(const char* op, const Tensor& index, std::int64_t extent);
/// The same for what does not count from the end, such as words and classes: in [0, extent).
const std::int64_t* checked_label(const char* op, const Tensor& index, std::int64_t extent);

/// The transpose of index_select: zeros with `extent` along `axis`, to which row i of g is added at
/// index[i].
Tensor index_select_backward(const Tensor& g, std::int64_t axis, const Tensor& index,
                             std::int64_t extent);
/// The transpose of gather: zeros of `shape`, to which g's elements are added where gather would
/// read.
Tensor gather_backward(const Tensor& g, std::int64_t axis, const Tensor& index, const Shape& shape);

/// scatter and scatter_add, recorded in the name of `op`.
Tensor scatter_as(const char* op, const Tensor& x, std::int64_t axis, const Tensor& index,
                  const Tensor& source);
Tensor scatter_add_as(const char* op, const Tensor& x, std::int64_t axis, const Tensor& index,
                      const Tensor& source);

/// The first elements of `source`, as many along each axis as index has; a scalar fills them all.
/// Throws ShapeError in the name of `op`.
Tensor scatter_source(const char* op, const Tensor& source, const Tensor& index);

/// The row-major positions of the true elements of a bool tensor: int64 [n].
Tensor true_positions(const Tensor& mask);

}  // namespace gradtape::detail
