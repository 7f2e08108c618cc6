/// Decompositions of one row-major matrix by LAPACK, on raw pointers; factor.hpp has those without
/// it. A matrix with a NaN or an infinity is not given to LAPACK, which may not come back from one:
/// its results are NaN. Extents must fit the integers of BLAS; see fits_blas in gemm.hpp.
#pragma once

#include <cstdint>

namespace gradtape::kernels {

/// q r = a for m >= n; q: m x n, r: n x n.
template <class T> void qr(const T* a, std::int64_t m, std::int64_t n, T* q, T* r);

/// u diag(s) vh = a; u: m x k, s: k (descending), vh: k x n with k = min(m, n). Without u and vh
/// (null) only s. Gives 0, or LAPACK's number where the iteration did not converge.
template <class T> int svd(const T* a, std::int64_t m, std::int64_t n, T* u, T* s, T* vh);

/// v diag(w) v^T = a, symmetric, of which only the lower triangle is read; w ascending, v: n x n.
/// Without v (null) only w. Gives 0, or LAPACK's number where the iteration did not converge.
template <class T> int eigh(const T* a, std::int64_t n, T* w, T* v);

}  // namespace gradtape::kernels
