/// Systems with a triangular matrix, and what blocked factorizations are made of, on row-major
/// matrices that may be parts of larger ones: `stride` is the distance between two rows in memory.
#pragma once

#include <cstdint>

#include "gradtape/autograd/runtime/transpose.hpp"

namespace gradtape::kernels {

template <class T> struct Block {
  T* data;
  std::int64_t stride;

  T* row(std::int64_t i) const { return data + i * stride; }
  Block at(std::int64_t i, std::int64_t j) const { return {row(i) + j, stride}; }
  operator Block<const T>() const { return {data, stride}; }
};

/// How solve_triangular reads its matrix: the upper or lower triangle of what is stored, ones on
/// its diagonal if `unit`, and all of that transposed if `transposed`.
struct Triangular {
  bool upper, left, unit, transposed = false;
};
/// x = a^-1 x (left; x: n x other) or x = x a^-1 (x: other x n), in place. A 0 on the diagonal
/// divides.
template <class T>
void solve_triangular(Block<const T> a, std::int64_t n, Block<T> x, std::int64_t other,
                      Triangular how);

/// c -= a b for c: m x n and inner extent k, on one thread; a or b is read as the transpose of what
/// is stored if so marked.
template <class T>
void subtract_product(Block<const T> a, bool a_transposed, Block<const T> b, bool b_transposed,
                      Block<T> c, std::int64_t m, std::int64_t n, std::int64_t k);

/// to = from^T for from: rows x cols.
template <class T>
void transpose(Block<const T> from, std::int64_t rows, std::int64_t cols, Block<T> to) {
  detail::transpose_block(from.data, from.stride, to.data, to.stride, rows, cols);
}

}  // namespace gradtape::kernels
