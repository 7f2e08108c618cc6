/// Indexing by int64 tensors: negative indices count from the end. Throws ValueError for one out of
/// range.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Rows of x along `axis` in the order of index: [n]. -> x's shape with n along axis
Tensor index_select(const Tensor& x, std::int64_t axis, const Tensor& index);
/// The transpose of index_select: zeros with `extent` along `axis`, to which row i of x is added at
/// index[i].
Tensor index_add(const Tensor& x, std::int64_t axis, const Tensor& index, std::int64_t extent);
/// out[i][j][k] = x[i][index[i][j][k]][k] for axis 1; index has x's rank and at most its extents
/// off the axis.
Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& index);
/// The transpose of gather: zeros of `shape`, to which x's elements are added where gather would
/// read.
Tensor scatter_add(const Tensor& x, std::int64_t axis, const Tensor& index, const Shape& shape);
/// index: [...] -> [..., classes]; 1 at the index, 0 elsewhere.
Tensor one_hot(const Tensor& index, std::int64_t classes, Dtype dtype = float32);

}  // namespace gradtape
