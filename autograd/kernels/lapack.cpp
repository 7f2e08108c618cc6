// LAPACK stores by columns: what it reads in a row-major matrix is the transpose. So it is given
// the transpose's problem wherever that has the same factors (Cholesky: upper for lower; QR: LQ;
// SVD: U and V change places), and elements are moved only for LU with row pivots.

#include "gradtape/autograd/kernels/lapack.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <complex>
#include <limits>
#include <type_traits>

// xtensor-blas brings functions of LAPACK for either precision (those of FLENS, on raw pointers);
// its own xt::linalg takes and gives containers, and does not batch.
#include <gradtape_cblas.h>
#include <xflens/cxxblas/auxiliary/auxiliary.h>
#include <xflens/cxxblas/typedefs.h>
#include <xflens/cxxlapack/interface/gelqf.h>
#include <xflens/cxxlapack/interface/gesdd.h>
#include <xflens/cxxlapack/interface/getrf.h>
#include <xflens/cxxlapack/interface/getri.h>
#include <xflens/cxxlapack/interface/getrs.h>
#include <xflens/cxxlapack/interface/orglq.h>
#include <xflens/cxxlapack/interface/potrf.h>
#include <xflens/cxxlapack/interface/syevd.h>
#include <xflens/cxxlapack/interface/gelqf.tcc>
#include <xflens/cxxlapack/interface/gesdd.tcc>
#include <xflens/cxxlapack/interface/getrf.tcc>
#include <xflens/cxxlapack/interface/getri.tcc>
#include <xflens/cxxlapack/interface/getrs.tcc>
#include <xflens/cxxlapack/interface/orglq.tcc>
#include <xflens/cxxlapack/interface/potrf.tcc>
#include <xflens/cxxlapack/interface/syevd.tcc>

#include "gradtape/autograd/kernels/blas.hpp"
#include "gradtape/autograd/kernels/product.hpp"
#include "gradtape/autograd/runtime/serial.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }
int narrow(std::int64_t n) { return static_cast<int>(n); }

template <class T> bool finite(const T* a, std::int64_t count) {
  return std::all_of(a, a + count, [](T x) { return std::isfinite(x); });
}
template <class T> void fill_nan(T* y, std::int64_t count) {
  if (y) std::fill_n(y, count, std::numeric_limits<T>::quiet_NaN());
}
template <class T> void transpose(const T* from, std::int64_t rows, std::int64_t cols, T* to) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < cols; ++j) to[j * rows + i] = from[i * cols + j];
}

/// Calls routine(work, length) twice: for the length of the workspace, and with one.
template <class T, class Routine> int with_workspace(const Routine& routine) {
  const detail::Serial serial;
  T best = 0;
  routine(&best, -1);
  const int length = std::max(1, static_cast<int>(best) + 1);  // + 1: a float rounds large lengths
  std::vector<T> work(size(length));
  return routine(work.data(), length);
}

/// Counts `flops` over operands and results of `elements`.
template <class T> void count(double flops, double elements) {
  detail::count_work(flops, elements * sizeof(T));
}
double cube(std::int64_t n) {
  return static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
}
double product(std::int64_t m, std::int64_t n) {
  return static_cast<double>(m) * static_cast<double>(n);
}

}  // namespace

template <class T>
Lu<T>::Lu(const T* a, std::int64_t n)
    : n_(n), factors_(a, a + n * n), swaps_(size(n)), finite_(finite(a, n * n)) {
  count<T>(2 * cube(n) / 3, product(n, n));
  if (!finite_ || n == 0) return;
  const detail::Serial serial;
  const int order = narrow(n);
  zero_pivot_ = cxxlapack::getrf(order, order, factors_.data(), order, swaps_.data());
}

template <class T> bool Lu<T>::near_singular() const {
  T smallest = std::numeric_limits<T>::infinity(), largest = 0;
  for (std::int64_t i = 0; i < n_; ++i) {
    smallest = std::min(smallest, std::abs(pivot(i)));
    largest = std::max(largest, std::abs(pivot(i)));
  }
  return finite_ && n_ > 0 &&
         smallest <= static_cast<T>(n_) * 16 * std::numeric_limits<T>::epsilon() * largest;
}

template <class T> void Lu<T>::solve(const T* b, T* x, std::int64_t cols) const {
  count<T>(2 * product(n_, n_) * static_cast<double>(cols), product(n_, n_ + 2 * cols));
  if (n_ == 0 || cols == 0) return;
  if (!finite_) return fill_nan(x, n_ * cols);
  const detail::Serial serial;
  const int order = narrow(n_), count = narrow(cols);
  std::vector<T> columns(size(n_ * cols));
  transpose(b, n_, cols, columns.data());
  cxxlapack::getrs('T', order, count, factors_.data(), order, swaps_.data(), columns.data(), order);
  transpose(columns.data(), cols, n_, x);
}

template <class T> void Lu<T>::inverse(T* y) const {
  count<T>(4 * cube(n_) / 3, 2 * product(n_, n_));
  if (n_ == 0) return;
  if (!finite_) return fill_nan(y, n_ * n_);
  const int order = narrow(n_);
  std::copy(factors_.begin(), factors_.end(), y);
  with_workspace<T>([&](T* work, int length) {
    return cxxlapack::getri(order, y, order, swaps_.data(), work, length);
  });
}

template <class T> bool Lu<T>::odd() const {
  bool odd = false;
  for (std::int64_t i = 0; i < n_; ++i) odd ^= swaps_[size(i)] != i + 1;
  return odd;
}

template <class T> void Lu<T>::determinant(T& sign, T& log_magnitude) const {
  log_magnitude = 0;
  if (!finite_) return sign = log_magnitude = std::numeric_limits<T>::quiet_NaN(), void();
  sign = odd() ? T(-1) : T(1);
  for (std::int64_t i = 0; i < n_; ++i) {
    const T p = pivot(i);
    sign *= p < 0 ? T(-1) : p > 0 ? T(1) : T(0);
    log_magnitude += std::log(std::abs(p));
  }
}

template <class T> T Lu<T>::determinant() const {
  if (!finite_) return std::numeric_limits<T>::quiet_NaN();
  ProductApart<T> y(odd() ? T(-1) : T(1));
  for (std::int64_t i = 0; i < n_; ++i) y *= pivot(i);
  return y.value();
}

template <class T>
void lu(const T* a, std::int64_t m, std::int64_t n, std::int64_t* p, T* l, T* u) {
  count<T>(product(n, n) * static_cast<double>(m), product(m, 2 * n) + product(n, n));
  for (std::int64_t i = 0; i < m; ++i) p[i] = i;
  if (!finite(a, m * n)) return fill_nan(l, m * n), fill_nan(u, n * n);
  if (n == 0) return;
  std::vector<T> columns(size(m * n));
  std::vector<int> swaps(size(n));
  transpose(a, m, n, columns.data());
  const detail::Serial serial;
  const int rows = narrow(m), cols = narrow(n);
  cxxlapack::getrf(rows, cols, columns.data(), rows, swaps.data());
  std::vector<std::int64_t> order(p, p + m);  // row i of l u is row order[i] of a
  for (std::int64_t i = 0; i < n; ++i) std::swap(order[size(i)], order[size(swaps[size(i)] - 1)]);
  for (std::int64_t i = 0; i < m; ++i) p[order[size(i)]] = i;
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      const T x = columns[size(j * m + i)];
      l[i * n + j] = i > j ? x : i == j ? T(1) : T(0);
      if (i < n) u[i * n + j] = i > j ? T(0) : x;
    }
}

template <class T> int cholesky(const T* a, std::int64_t n, T* l) {
  count<T>(cube(n) / 3, 2 * product(n, n));
  if (n == 0) return 0;
  bool is_finite = true;
  for (std::int64_t i = 0; i < n; ++i) {
    is_finite = is_finite && finite(a + i * n, i + 1);
    std::copy_n(a + i * n, i + 1, l + i * n);
    std::fill_n(l + i * n + i + 1, n - i - 1, T(0));
  }
  if (!is_finite) return fill_nan(l, n * n), 0;
  const detail::Serial serial;
  const int order = narrow(n);
  return cxxlapack::potrf('U', order, l, order);
}

template <class T>
void solve_triangular(const T* a, std::int64_t n, T* x, std::int64_t other, Triangle triangle) {
  count<T>(product(n, n) * static_cast<double>(other), product(n, n) / 2 + 2 * product(n, other));
  if (n == 0 || other == 0) return;
  const int rows = narrow(triangle.left ? n : other), cols = narrow(triangle.left ? other : n);
  const detail::Serial serial;
  const auto solve = [&](auto trsm) {
    trsm(CblasRowMajor, triangle.left ? CblasLeft : CblasRight,
         triangle.upper ? CblasUpper : CblasLower, CblasNoTrans,
         triangle.unit ? CblasUnit : CblasNonUnit, rows, cols, 1, a, narrow(n), x, cols);
  };
  if constexpr (std::is_same_v<T, float>)
    solve(cblas_strsm);
  else
    solve(cblas_dtrsm);
}

template <class T> void qr(const T* a, std::int64_t m, std::int64_t n, T* q, T* r) {
  count<T>(4 * product(n, n) * static_cast<double>(m), product(m, 2 * n) + product(n, n));
  if (n == 0) return;
  if (!finite(a, m * n)) return fill_nan(q, m * n), fill_nan(r, n * n);
  std::copy_n(a, m * n, q);
  std::vector<T> reflectors(size(n));
  const int rows = narrow(n), cols = narrow(m);  // of the transpose: a^T = r^T q^T
  with_workspace<T>([&](T* work, int length) {
    return cxxlapack::gelqf(rows, cols, q, rows, reflectors.data(), work, length);
  });
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) r[i * n + j] = i > j ? T(0) : q[i * n + j];
  with_workspace<T>([&](T* work, int length) {
    return cxxlapack::orglq(rows, cols, rows, q, rows, reflectors.data(), work, length);
  });
}

template <class T> int svd(const T* a, std::int64_t m, std::int64_t n, T* u, T* s, T* vh) {
  const auto k = std::min(m, n);
  count<T>((u ? 20 : 4) * product(k, k) * static_cast<double>(std::max(m, n)),
           product(m, n) + static_cast<double>(k) + (u ? product(k, m + n) : 0));
  if (k == 0) return 0;
  if (!finite(a, m * n)) return fill_nan(u, m * k), fill_nan(s, k), fill_nan(vh, k * n), 0;
  std::vector<T> copy(a, a + m * n);
  std::vector<int> integers(size(8 * k));
  const int rows = narrow(n), cols = narrow(m), rank = narrow(k);  // of the transpose
  T none = 0;
  return with_workspace<T>([&](T* work, int length) {
    return cxxlapack::gesdd(u ? 'S' : 'N', rows, cols, copy.data(), rows, s, u ? vh : &none, rows,
                            u ? u : &none, rank, work, length, integers.data());
  });
}

template <class T> int eigh(const T* a, std::int64_t n, T* w, T* v) {
  count<T>((v ? 9 : 4.0 / 3) * cube(n), product(n, v ? 2 * n : n) + static_cast<double>(n));
  if (n == 0) return 0;
  std::vector<T> copy(size(n * n));
  bool is_finite = true;
  for (std::int64_t i = 0; i < n; ++i) {
    is_finite = is_finite && finite(a + i * n, i + 1);
    std::copy_n(a + i * n, i + 1, copy.begin() + i * n);
  }
  if (!is_finite) return fill_nan(w, n), fill_nan(v, n * n), 0;
  const detail::Serial serial;
  const int order = narrow(n);
  const auto solve = [&](T* work, int length, int* integers, int integer_length) {
    return cxxlapack::syevd(v ? 'V' : 'N', 'U', order, copy.data(), order, w, work, length,
                            integers, integer_length);
  };
  T best = 0;
  int best_integers = 0;
  solve(&best, -1, &best_integers, -1);
  std::vector<T> work(size(static_cast<std::int64_t>(best) + 1));
  std::vector<int> integers(size(best_integers));
  const int info =
      solve(work.data(), static_cast<int>(work.size()), integers.data(), best_integers);
  if (v) transpose(copy.data(), n, n, v);
  return info;
}

template class Lu<float>;
template class Lu<double>;
template void lu(const float*, std::int64_t, std::int64_t, std::int64_t*, float*, float*);
template void lu(const double*, std::int64_t, std::int64_t, std::int64_t*, double*, double*);
template int cholesky(const float*, std::int64_t, float*);
template int cholesky(const double*, std::int64_t, double*);
template void solve_triangular(const float*, std::int64_t, float*, std::int64_t, Triangle);
template void solve_triangular(const double*, std::int64_t, double*, std::int64_t, Triangle);
template void qr(const float*, std::int64_t, std::int64_t, float*, float*);
template void qr(const double*, std::int64_t, std::int64_t, double*, double*);
template int svd(const float*, std::int64_t, std::int64_t, float*, float*, float*);
template int svd(const double*, std::int64_t, std::int64_t, double*, double*, double*);
template int eigh(const float*, std::int64_t, float*, float*);
template int eigh(const double*, std::int64_t, double*, double*);

}  // namespace gradtape::kernels
