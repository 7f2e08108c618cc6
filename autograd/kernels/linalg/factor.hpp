/// Factorizations of one row-major matrix by products of its blocks, and what systems, inverses and
/// determinants are found from. A matrix with a NaN or an infinity gives NaN. Extents must fit the
/// integers of BLAS; see fits_blas in gemm.hpp.
#pragma once

#include <cstdint>

namespace gradtape::kernels {

/// A square matrix as p l u: p a permutation, l lower triangular with ones on the diagonal, u upper
/// triangular. Rows are exchanged to have the largest element of a column as its pivot.
template <class T> class Lu {
 public:
  /// Factors the n x n matrix a: l and u take its place; swaps: n.
  static void factor(T* a, int* swaps, std::int64_t n);
  /// The factors that were found.
  Lu(const T* factors, const int* swaps, std::int64_t n) : a_(factors), swaps_(swaps), n_(n) {}

  /// 1 + the index of the first pivot that is exactly 0; 0 where there is none.
  int zero_pivot() const;
  /// Whether a pivot is 0, or as small as rounding leaves one that should be.
  bool near_singular() const;
  /// x = a^-1 x, or a^-T x; x: n x cols.
  void solve(T* x, std::int64_t cols, bool transposed) const;
  /// y = a^-1
  void inverse(T* y) const;
  /// The sign of the determinant (-1, 0, 1 or NaN) and the logarithm of its magnitude.
  void determinant(T& sign, T& log_magnitude) const;
  T determinant() const;

 private:
  bool finite() const { return n_ == 0 || swaps_[0] >= 0; }
  T pivot(std::int64_t i) const { return a_[i * (n_ + 1)]; }
  bool odd() const;

  const T* a_;
  const int* swaps_;  // the row that each row was exchanged with; -1 first: not finite
  std::int64_t n_;
};

/// a = p l u for m >= n: p[i] is the column of the 1 in row i of the permutation; l: m x n, u: n x
/// n.
template <class T> void lu(const T* a, std::int64_t m, std::int64_t n, std::int64_t* p, T* l, T* u);

/// l l^T = a, of which only the lower triangle is read. Gives the order of the first leading minor
/// that is not positive, 0 where all are.
template <class T> int cholesky(const T* a, std::int64_t n, T* l);

}  // namespace gradtape::kernels
