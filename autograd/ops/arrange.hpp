/// Rearranging: flip, roll, pad, repeat, windows, diagonals and triangles.
#pragma once

#include <cstdint>
#include <vector>

#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// The elements in reverse order along the given axes, or along all.
[[nodiscard]] Tensor flip(const Tensor& x, const Axes& axes = {});
/// The elements moved `shift` places on along each given axis, those past the end to the front;
/// with no axis given, through x flattened.
[[nodiscard]] Tensor roll(const Tensor& x, std::int64_t shift, const Axes& axes = {});
/// The same with a shift for each axis. Throws ShapeError unless there are as many.
[[nodiscard]] Tensor roll(const Tensor& x, const IntegerList& shifts, const IntegerList& axes);
/// Turned k times by 90 degrees in the plane of two axes, from axis0 towards axis1. Throws
/// ShapeError for equal axes.
[[nodiscard]] Tensor rot90(const Tensor& x, std::int64_t k = 1, std::int64_t axis0 = 0,
                           std::int64_t axis1 = 1);

/// x side by side with itself, counts[i] times along axis i; axes are put in front of the shorter
/// of the shape and the counts. Throws ValueError for a negative count.
[[nodiscard]] Tensor tile(const Tensor& x, const IntegerList& counts);
/// Each row along `axis` `count` times in a row: [a, b] -> [a, a, b, b]. Throws ValueError for a
/// negative count.
[[nodiscard]] Tensor repeat_interleave(const Tensor& x, std::int64_t count, std::int64_t axis = 0);
/// Row i counts[i] times; counts: int64 [n]. Throws ShapeError, ValueError.
[[nodiscard]] Tensor repeat_interleave(const Tensor& x, const Tensor& counts,
                                       std::int64_t axis = 0);

/// The order of the axes of meshgrid.
enum class MeshOrder : std::uint8_t {
  ij,  ///< Axis i runs through tensor i, as in matrices.
  xy,  ///< The first two axes swapped, as in pictures.
};
/// Coordinates of a grid: tensor i of at most one axis, spread over the shape of all their extents.
[[nodiscard]] std::vector<Tensor> meshgrid(const std::vector<Tensor>& coordinates,
                                           MeshOrder order = MeshOrder::ij);

/// What pad fills the border with.
enum class PadMode : std::uint8_t {
  constant,   ///< options.value
  reflect,    ///< The mirror image without the edge: c b | a b c | b a
  replicate,  ///< The edge: a a | a b c | c c
  circular,   ///< The other end: b c | a b c | a b
};
/// Options of pad.
struct PadOptions {
  PadMode mode = PadMode::constant;  ///< What the border holds.
  double value = 0;                  ///< What PadMode::constant puts there; any number.
};
/// Adds a border: widths are (before, after) of the last axis, then of the one before it, and so
/// on, as in PyTorch; a negative width cuts off. Throws ValueError for a width that the mode cannot
/// serve.
[[nodiscard]] Tensor pad(const Tensor& x, const IntegerList& widths,
                         const PadOptions& options = {});

/// All windows of `size` rows along `axis`, `step` apart: [..., n, ...] -> [..., (n - size) / step
/// + 1, ..., size]. Throws ValueError.
[[nodiscard]] Tensor unfold(const Tensor& x, std::int64_t axis, std::int64_t size,
                            std::int64_t step = 1);

/// A vector as the diagonal of a square matrix of zeros, or the diagonal of a matrix; `offset`
/// diagonals above the main one, below it where negative. Throws ShapeError.
[[nodiscard]] Tensor diag(const Tensor& x, std::int64_t offset = 0);
/// The diagonal x[..., i, i + offset, ...] in the plane of axis0 and axis1, as the last axis of the
/// result.
[[nodiscard]] Tensor diagonal(const Tensor& x, std::int64_t offset = 0, std::int64_t axis0 = 0,
                              std::int64_t axis1 = 1);
/// Zeros with the last axis of x as the diagonal at `offset` of the plane of two new axes, axis0
/// and axis1 of the result: the transpose of diagonal.
[[nodiscard]] Tensor diag_embed(const Tensor& x, std::int64_t offset = 0, std::int64_t axis0 = -2,
                                std::int64_t axis1 = -1);
/// The lower triangle of the last two axes, up to `diagonal` diagonals above the main one; zeros
/// elsewhere. Throws ShapeError for fewer than two axes.
[[nodiscard]] Tensor tril(const Tensor& x, std::int64_t diagonal = 0);
/// The upper triangle, from `diagonal` diagonals above the main one on.
[[nodiscard]] Tensor triu(const Tensor& x, std::int64_t diagonal = 0);

}  // namespace gradtape
