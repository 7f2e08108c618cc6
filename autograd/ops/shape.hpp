/// Shape: reshape and slices along the leading axis share the elements, the others copy.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// The same elements, row-major, under another shape; one extent may be -1. Throws ShapeError.
Tensor reshape(const Tensor& x, const Shape& shape);
/// Swaps two axes. The last two cost nothing until the result is read outside matmul.
Tensor transpose(const Tensor& x, std::int64_t axis0 = -2, std::int64_t axis1 = -1);
/// Axis i of the result is axis order[i] of x. Throws ShapeError unless order is a permutation.
Tensor permute(const Tensor& x, const std::vector<std::int64_t>& order);
/// Broadcasts x to `shape`; -1 keeps an extent. Throws ShapeError.
Tensor expand(const Tensor& x, const Shape& shape);
/// Sums x over the axes that broadcasting `shape` to x's shape would expand: the transpose of
/// expand.
Tensor sum_to(const Tensor& x, const Shape& shape);
/// "To the end" in a slice.
inline constexpr std::int64_t end = std::numeric_limits<std::int64_t>::max();
/// x[..., start:stop:step, ...] along `axis`, with Python's rules for negative and outlying bounds;
/// step >= 1.
Tensor slice(const Tensor& x, std::int64_t axis, std::int64_t start, std::int64_t stop = end,
             std::int64_t step = 1);
/// Row i: x[i] along axis 0, one axis fewer. Throws ShapeError when i is outside [-n, n).
Tensor select(const Tensor& x, std::int64_t axis, std::int64_t i);
/// A new axis of extent 1 at `axis`, counted in the result.
Tensor unsqueeze(const Tensor& x, std::int64_t axis);
/// Drops the axis `axis` of extent 1. Throws ShapeError for another extent.
Tensor squeeze(const Tensor& x, std::int64_t axis);
/// Axes start ... stop (both included) joined into one.
Tensor flatten(const Tensor& x, std::int64_t start = 0, std::int64_t stop = -1);
/// Joins tensors along an existing axis. Throws ShapeError, DtypeError.
Tensor concat(const std::vector<Tensor>& parts, std::int64_t axis = 0);
/// Joins tensors of one shape along a new axis. Throws ShapeError, DtypeError.
Tensor stack(const std::vector<Tensor>& parts, std::int64_t axis = 0);

}  // namespace gradtape
