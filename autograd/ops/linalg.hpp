/// Linear algebra on the last two axes; all axes before them are batches. Extents of 0 work: the
/// determinant of a 0 x 0 matrix is 1. A matrix with a NaN or an infinity gives NaN. Floating only
/// (DtypeError); ShapeError for fewer than two axes, and for a matrix that must be square and is
/// not. Gradients hold to every order, by Giles 2008, "Collected matrix derivative results for
/// forward and reverse mode algorithmic differentiation", where no other source is named.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// A matrix that has no such inverse, factor or solution. The message names the matrix of the
/// batch.
struct LinalgError : Error {
  using Error::Error;
};

/// a^-1. Throws LinalgError for a singular matrix (a pivot that is exactly 0).
[[nodiscard]] Tensor inv(const Tensor& a);
/// The solution x of a x = b.  a: [..., n, n], b: [..., n, k], or [n] or [..., n] with the batches
/// of a -> like b. Batches broadcast. Throws LinalgError for a singular matrix.
[[nodiscard]] Tensor solve(const Tensor& a, const Tensor& b);

/// Options of solve_triangular.
struct TriangularOptions {
  bool upper = false;          ///< Read the upper triangle of a, not the lower.
  bool left = true;            ///< Solve a x = b, not x a = b.
  bool unitriangular = false;  ///< Take the diagonal as ones, whatever a holds there.
};
/// The solution x of a x = b or x a = b for triangular a: [..., n, n]; the other triangle is not
/// read. b: [..., n, k], or [..., k, n] on the right. Batches broadcast. A 0 on the diagonal
/// divides, so that infinities or NaNs come out.
[[nodiscard]] Tensor solve_triangular(const Tensor& a, const Tensor& b,
                                      TriangularOptions options = {});

/// The lower triangular l with l l^T = a, of a symmetric positive-definite matrix of which only the
/// lower triangle is read; the gradient is symmetric. Throws LinalgError for a leading minor that
/// is not positive. Murray 2016, "Differentiation of the Cholesky decomposition", eq. 9.
[[nodiscard]] Tensor cholesky(const Tensor& a);
/// The solution x of (l l^T) x = b for a Cholesky factor l: [..., n, n]; b: [..., n, k]. With
/// `upper` the factor is l^T. Batches broadcast.
[[nodiscard]] Tensor cholesky_solve(const Tensor& b, const Tensor& l, bool upper = false);

/// The determinant, [..., n, n] -> [...]. The gradient is right for singular matrices too: the
/// cofactors, by way of the SVD. (The second derivative then is, unless two singular values are
/// equal.)
[[nodiscard]] Tensor det(const Tensor& a);

/// det(a) = sign exp(logabsdet)
struct Slogdet {
  Tensor sign;       ///< -1, 0 or 1; not differentiated
  Tensor logabsdet;  ///< -inf for a singular matrix, where its gradient is NaN
};
/// Sign and logarithm of the determinant, [..., n, n] -> [...] each.
[[nodiscard]] Slogdet slogdet(const Tensor& a);

/// p l u = a
struct Lu {
  Tensor p;  ///< [..., m, m], a permutation; not differentiated
  Tensor l;  ///< [..., m, k], lower triangular with ones on the diagonal; k = min(m, n)
  Tensor u;  ///< [..., k, n], upper triangular
};
/// LU factorization with row pivots, [..., m, n]. The gradient needs the leading k x k part of p^T
/// a to be regular.
[[nodiscard]] Lu lu(const Tensor& a);

/// q r = a
struct Qr {
  Tensor q;  ///< [..., m, k], orthonormal columns; k = min(m, n)
  Tensor r;  ///< [..., k, n], upper triangular; the signs of its diagonal are LAPACK's
};
/// Reduced QR factorization, [..., m, n]. The gradient needs the first k columns of a to be
/// independent. Walter and Lehmann 2010, "Algorithmic differentiation of linear algebra functions".
[[nodiscard]] Qr qr(const Tensor& a);

/// u diag(s) vh = a
struct Svd {
  Tensor u;   ///< [..., m, k], orthonormal columns; k = min(m, n)
  Tensor s;   ///< [..., k], descending, >= 0
  Tensor vh;  ///< [..., k, n], orthonormal rows
};
/// Reduced singular value decomposition, [..., m, n]. The gradient of s is always defined. That of
/// u and vh is where the singular values differ, and for m != n none is 0; elsewhere the terms that
/// would divide by 0 are left out: finite, but not a derivative. It is meant for functions that do
/// not depend on the signs of u and vh. Townsend 2016, "Differentiating the singular value
/// decomposition".
[[nodiscard]] Svd svd(const Tensor& a);
/// The singular values, descending: [..., m, n] -> [..., min(m, n)].
[[nodiscard]] Tensor svdvals(const Tensor& a);

/// v diag(w) v^T = a
struct Eigh {
  Tensor w;  ///< [..., n], ascending
  Tensor v;  ///< [..., n, n], an eigenvector a column
};
/// Eigenvalues and eigenvectors of a symmetric matrix, of which only the lower triangle is read;
/// the gradient is symmetric. That of v is defined where the eigenvalues differ; the terms of equal
/// ones are left out. It is meant for functions that do not depend on the signs of v.
[[nodiscard]] Eigh eigh(const Tensor& a);
/// The eigenvalues of a symmetric matrix, ascending; as eigh.
[[nodiscard]] Tensor eigvalsh(const Tensor& a);

/// The pseudo-inverse (Moore-Penrose), [..., m, n] -> [..., n, m]. Singular values up to rtol times
/// the largest count as 0; rtol: max(m, n) epsilon unless given. The gradient holds while the rank
/// stays. Golub and Pereyra 1973, "The differentiation of pseudo-inverses", eq. 4.12.
[[nodiscard]] Tensor pinv(const Tensor& a, std::optional<double> rtol = {});
/// The x of least |x| among those that minimise |a x - b|: pinv(a, rtol) b, by QR where every
/// matrix has full rank for certain.  a: [..., m, n], b: [..., m, k], or [m] or [..., m] with the
/// batches of a. Batches broadcast.
[[nodiscard]] Tensor lstsq(const Tensor& a, const Tensor& b, std::optional<double> rtol = {});

/// Options of matrix_norm.
struct MatrixNormOptions {
  bool keepdim = false;           ///< Keep the two axes with extent 1.
  std::int64_t row_axis = -2;     ///< The axis that numbers the rows.
  std::int64_t column_axis = -1;  ///< The axis that numbers the columns.
};
/// A norm of matrices by name: "fro" sqrt(sum a_ij^2), gradient 0 at 0; "nuc" the sum of the
/// singular values. Throws ValueError for another name.
[[nodiscard]] Tensor matrix_norm(const Tensor& a, std::string_view kind = "fro",
                                 MatrixNormOptions options = {});
/// A norm of matrices by order: 2 and -2 the largest and smallest singular value, 1 and -1 the
/// largest and smallest sum |a_ij| of a column, inf and -inf of a row. Throws ValueError for
/// another order, ShapeError over nothing.
[[nodiscard]] Tensor matrix_norm(const Tensor& a, double order, MatrixNormOptions options = {});

/// a^n by repeated squaring; the identity for n = 0, powers of the inverse for n < 0. Throws
/// LinalgError for n < 0 and a singular matrix.
[[nodiscard]] Tensor matrix_power(const Tensor& a, std::int64_t n);
/// e^a = sum_i a^i / i!, by scaling and squaring of Taylor polynomials; right to nearly the last
/// digit for matrices that are graded, nilpotent or far from normal too. Its derivative is a block
/// of the exponential of a matrix of twice the size: Al-Mohy and Higham 2009, eq. 1.1.
[[nodiscard]] Tensor matrix_exp(const Tensor& a);

}  // namespace gradtape
