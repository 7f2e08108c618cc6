/// What the ops on matrices share; for ops/*.cpp only.
#pragma once

#include <vector>

#include "gradtape/autograd/runtime/parallel_items.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape::detail {

/// The axes before the last two.
Shape batch_shape(const Tensor& x);
/// `batch` with two more axes.
Shape matrices(Shape batch, std::int64_t rows, std::int64_t cols);
/// Where the matrix of each index of `batch` starts in a tensor whose own batches are `own`,
/// counted in matrices.
std::vector<std::int64_t> batch_offsets(const Shape& own, const Shape& batch);
/// "matrix 3 of the batch [4, 3, 3]", or "the matrix [3, 3]" where there is only one.
std::string describe_matrix(const Tensor& a, std::int64_t i);

/// Throws unless a is floating and has at least two axes, of extents that LAPACK can count.
void need_matrices(const char* op, const Tensor& a);
/// The same, and square.
void need_square(const char* op, const Tensor& a);

/// The elements of x in memory, or those of the tensor that it is the transpose of, where nobody
/// has read them in its own order yet.
struct Stored {
  const void* data;
  bool transposed;
};
Stored stored(const Tensor& x);

/// [..., n] -> [..., n, n], zeros off the diagonal.
Tensor as_diagonal(const Tensor& x);
/// (x + x^T) / 2
Tensor symmetric(const Tensor& x);

/// A power of two near the largest |x| of each matrix, [..., 1, 1]; 1 where that is 0 or not
/// finite. What is divided by it is as if x were of the size of 1, to the last bit. Nothing is
/// recorded.
Tensor size_of_matrix(const Tensor& x);

/// Whether b is a vector, or a batch of vectors, as the right side of a system with the matrix a.
bool is_vector_side(const Tensor& a, const Tensor& b);

/// Calls f(i) for every matrix of a batch, each some work of extent^3, on several threads where
/// that pays.
template <class F> void for_each_matrix(std::int64_t count, std::int64_t extent, const F& f) {
  parallel_items(count, elementwise_grain / (extent * extent * extent + 64) + 1, f);
}

}  // namespace gradtape::detail
