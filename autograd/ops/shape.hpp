/// Shape: reshape and slices along the leading axis share the elements, the others copy.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// The same elements, row-major, under another shape; one extent may be -1. Throws ShapeError.
[[nodiscard]] Tensor reshape(const Tensor& x, const Shape& shape);
/// Swaps the axes axis0 and axis1. The last two cost nothing until the result is read outside
/// matmul.
[[nodiscard]] Tensor transpose(const Tensor& x, std::int64_t axis0 = -2, std::int64_t axis1 = -1);
/// Axis i of the result is axis order[i] of x. Throws ShapeError unless order is a permutation.
[[nodiscard]] Tensor permute(const Tensor& x, const IntegerList& order);
/// Axis source[i] of x becomes axis destination[i] of the result; the others keep their order.
/// Throws ShapeError.
[[nodiscard]] Tensor movedim(const Tensor& x, const IntegerList& source,
                             const IntegerList& destination);
/// As above, along one axis.
[[nodiscard]] Tensor movedim(const Tensor& x, std::int64_t source, std::int64_t destination);
/// Broadcasts x to `shape`; -1 keeps an extent. Throws ShapeError.
[[nodiscard]] Tensor expand(const Tensor& x, const Shape& shape);
/// Sums x over the axes that broadcasting `shape` to x's shape would expand: the transpose of
/// expand.
[[nodiscard]] Tensor sum_to(const Tensor& x, const Shape& shape);
/// "To the end" in range and slice.
inline constexpr std::int64_t to_end = std::numeric_limits<std::int64_t>::max();
/// x[..., start:stop:step, ...] along `axis`, with Python's rules for negative and outlying bounds;
/// step >= 1.
[[nodiscard]] Tensor slice(const Tensor& x, std::int64_t axis, std::int64_t start,
                           std::int64_t stop = to_end, std::int64_t step = 1);
/// The `length` rows from `start` on; unlike those of slice, the bounds must be inside. Throws
/// ValueError.
[[nodiscard]] Tensor narrow(const Tensor& x, std::int64_t axis, std::int64_t start,
                            std::int64_t length);
/// Row i: x[i] along axis 0, one axis fewer. Throws ShapeError when i is outside [-n, n).
[[nodiscard]] Tensor select(const Tensor& x, std::int64_t axis, std::int64_t i);
/// A new axis of extent 1 at `axis`, counted in the result.
[[nodiscard]] Tensor unsqueeze(const Tensor& x, std::int64_t axis);
/// Drops the given axes, or all those of extent 1. Throws ShapeError for a given one of another
/// extent.
[[nodiscard]] Tensor squeeze(const Tensor& x, const Axes& axes = {});
/// Axes start ... stop (both included) joined into one.
[[nodiscard]] Tensor flatten(const Tensor& x, std::int64_t start = 0, std::int64_t stop = -1);
/// One axis split into several: [6] -> [2, 3]; one extent may be -1. Throws ShapeError.
[[nodiscard]] Tensor unflatten(const Tensor& x, std::int64_t axis, const Shape& extents);
/// Joins tensors along an existing axis. Throws ShapeError, DtypeError.
[[nodiscard]] Tensor concat(const std::vector<Tensor>& parts, std::int64_t axis = 0);
/// Joins tensors of one shape along a new axis. Throws ShapeError, DtypeError.
[[nodiscard]] Tensor stack(const std::vector<Tensor>& parts, std::int64_t axis = 0);
/// Parts of `size` rows along `axis`, the last one smaller where they do not come out even. Throws
/// ValueError for a size below 1.
[[nodiscard]] std::vector<Tensor> split(const Tensor& x, std::int64_t size, std::int64_t axis = 0);
/// Parts of sizes[i] rows along `axis`. Throws ValueError unless they add up to its extent.
[[nodiscard]] std::vector<Tensor> split(const Tensor& x, const IntegerList& sizes,
                                        std::int64_t axis = 0);
/// At most `count` parts of equal size along `axis`, the last one smaller where they do not come
/// out even. Throws ValueError for a count below 1.
[[nodiscard]] std::vector<Tensor> chunk(const Tensor& x, std::int64_t count, std::int64_t axis = 0);
/// The rows along `axis`, one axis fewer each: the inverse of stack.
[[nodiscard]] std::vector<Tensor> unbind(const Tensor& x, std::int64_t axis = 0);

}  // namespace gradtape
