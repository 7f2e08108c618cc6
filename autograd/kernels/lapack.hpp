/// Factorizations and triangular systems of one row-major matrix on raw pointers: LAPACK and BLAS.
/// A matrix with a NaN or an infinity is not given to LAPACK, which may not come back from one: its
/// results are NaN. Extents must fit the integers of BLAS; see fits_blas in gemm.hpp.
#pragma once

#include <cstdint>
#include <vector>

namespace gradtape::kernels {

/// The pivoted LU factorization of the transpose of a square matrix: what systems, inverses and
/// determinants of the matrix are found from.
template <class T> class Lu {
 public:
  Lu(const T* a, std::int64_t n);

  /// 1 + the index of the first pivot that is exactly 0; 0 where there is none.
  int zero_pivot() const { return zero_pivot_; }
  /// Whether a pivot is 0, or as small as rounding leaves one that should be.
  bool near_singular() const;
  /// x = a^-1 b; b, x: n x cols.
  void solve(const T* b, T* x, std::int64_t cols) const;
  /// y = a^-1
  void inverse(T* y) const;
  /// The sign of the determinant (-1, 0, 1 or NaN) and the logarithm of its magnitude.
  void determinant(T& sign, T& log_magnitude) const;
  T determinant() const;

 private:
  T pivot(std::int64_t i) const { return factors_[static_cast<std::size_t>(i * (n_ + 1))]; }
  bool odd() const;

  std::int64_t n_;
  std::vector<T> factors_;
  std::vector<int> swaps_;
  int zero_pivot_ = 0;
  bool finite_;
};

/// a = p l u for m >= n: p[i] is the column of the 1 in row i of the permutation; l: m x n, u: n x
/// n.
template <class T> void lu(const T* a, std::int64_t m, std::int64_t n, std::int64_t* p, T* l, T* u);

/// l l^T = a, of which only the lower triangle is read. Gives the order of the first leading minor
/// that is not positive, 0 where all are.
template <class T> int cholesky(const T* a, std::int64_t n, T* l);

/// How solve_triangular reads its matrix.
struct Triangle {
  bool upper, left, unit;
};
/// x = a^-1 x (left; x: n x other) or x = x a^-1 (x: other x n), in place. A 0 on the diagonal
/// divides.
template <class T>
void solve_triangular(const T* a, std::int64_t n, T* x, std::int64_t other, Triangle triangle);

/// q r = a for m >= n; q: m x n, r: n x n.
template <class T> void qr(const T* a, std::int64_t m, std::int64_t n, T* q, T* r);

/// u diag(s) vh = a; u: m x k, s: k (descending), vh: k x n with k = min(m, n). Without u and vh
/// (null) only s. Gives 0, or LAPACK's number where the iteration did not converge.
template <class T> int svd(const T* a, std::int64_t m, std::int64_t n, T* u, T* s, T* vh);

/// v diag(w) v^T = a, symmetric, of which only the lower triangle is read; w ascending, v: n x n.
/// Without v (null) only w. Gives 0, or LAPACK's number where the iteration did not converge.
template <class T> int eigh(const T* a, std::int64_t n, T* w, T* v);

}  // namespace gradtape::kernels
