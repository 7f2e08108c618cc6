/// Products of vectors, matrices and tensors. The operands' dtypes must agree; int64 works too, but
/// for linear.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Matrix product with NumPy's rules for every rank: [n, k] x [k, m], vectors, and batches that
/// broadcast. Throws ShapeError when the inner dimensions differ.
[[nodiscard]] Tensor matmul(const Tensor& a, const Tensor& b);
/// x W^T + b.  x: [..., in], weight: [out, in], bias: [out] or undefined -> [..., out]
[[nodiscard]] Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
/// Matrix products of a batch, without broadcasting: [b, n, k] x [b, k, m] -> [b, n, m]. Throws
/// ShapeError.
[[nodiscard]] Tensor bmm(const Tensor& a, const Tensor& b);
/// sum_i a_i b_i of two vectors of one length -> 0-d. Throws ShapeError.
[[nodiscard]] Tensor dot(const Tensor& a, const Tensor& b);
/// a_i b_j of two vectors: [n], [m] -> [n, m]. Throws ShapeError.
[[nodiscard]] Tensor outer(const Tensor& a, const Tensor& b);
/// Sums over the last `count` axes of a against the first `count` of b: the shapes that are left,
/// joined. Throws ShapeError where the extents differ.
[[nodiscard]] Tensor tensordot(const Tensor& a, const Tensor& b, int count = 2);
/// The same over axes_a[i] of a against axes_b[i] of b.
[[nodiscard]] Tensor tensordot(const Tensor& a, const Tensor& b, const IntegerList& axes_a,
                               const IntegerList& axes_b);
/// Kronecker product: every element of a times the whole of b, axis by axis: [n, m], [p, q] ->
/// [n p, m q]. The shorter shape is filled up with leading ones. Throws ShapeError past 4 axes.
[[nodiscard]] Tensor kron(const Tensor& a, const Tensor& b);
/// Cross product of the vectors of length 3 along `axis`; the other axes broadcast. Throws
/// ShapeError.
[[nodiscard]] Tensor cross(const Tensor& a, const Tensor& b, std::int64_t axis = -1);
/// Sums of products by Einstein's convention: one letter an axis, one list of letters an operand.
/// Letters that the output lacks are summed over; a letter twice in one operand is its diagonal;
/// `...` stands for axes that broadcast. Without `->` the output has the ellipsis' axes and the
/// letters that occur once, in alphabetical order (capitals first). Axes of extent 1 broadcast.
///
///     einsum("bij,bjk->bik", {a, b})     // batches of matrix products
///     einsum("ii", {a})                  // the trace
///
/// Operands are joined two at a time, smallest result first, each pair by one batched matmul.
/// Throws ValueError for a malformed string, ShapeError for shapes that do not fit it.
[[nodiscard]] Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands);

}  // namespace gradtape
