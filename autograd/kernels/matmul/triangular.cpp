// Divided in halves until matrix products do nearly all of the work: OpenBLAS's own trsm takes two
// to three times as long for a few hundred rows.

#include "gradtape/autograd/kernels/matmul/triangular.hpp"

#include <gradtape_blas.h>

#include <algorithm>
#include <type_traits>

#include "gradtape/autograd/kernels/matmul/blas.hpp"
#include "gradtape/autograd/runtime/serial.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;

/// Triangles of up to so many rows are solved by plain loops.
constexpr int64_t small = 32;
/// Up to so many rows and right sides, element by element.
constexpr int64_t tiny = 8, few = 4;
/// So many right sides are brought into columns at a time.
constexpr int64_t strip = 64;

/// Where a block of `n` rows is divided: a multiple of 16, near the middle.
int64_t half(int64_t n) { return (n / 2 + 15) / 16 * 16; }

/// A small triangle as it is read: neither transposed nor part of a larger matrix.
template <class T> struct Packed {
  T at[small][small];
  bool lower, unit;

  Packed(Block<const T> a, int64_t n, Triangular how)
      : lower(how.upper == how.transposed), unit(how.unit) {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) at[i][j] = how.transposed ? a.row(j)[i] : a.row(i)[j];
  }
};

/// x_i = (x_i - sum_k a_ik x_k) / a_ii over `count` rows from `first` on.
template <class T>
void solve_row(const Packed<T>& a, int64_t i, int64_t first, int64_t last, Block<T> x,
               int64_t cols) {
  T* const to = x.row(i);
  auto k = first;
  for (; k + 3 < last; k += 4) {
    const T a0 = a.at[i][k], a1 = a.at[i][k + 1], a2 = a.at[i][k + 2], a3 = a.at[i][k + 3];
    const T *x0 = x.row(k), *x1 = x.row(k + 1), *x2 = x.row(k + 2), *x3 = x.row(k + 3);
#pragma omp simd
    for (int64_t j = 0; j < cols; ++j)
      to[j] -= (a0 * x0[j] + a1 * x1[j]) + (a2 * x2[j] + a3 * x3[j]);
  }
  for (; k < last; ++k) {
    const T a0 = a.at[i][k];
    const T* const x0 = x.row(k);
#pragma omp simd
    for (int64_t j = 0; j < cols; ++j) to[j] -= a0 * x0[j];
  }
  if (a.unit) return;
  const T pivot = a.at[i][i];
#pragma omp simd
  for (int64_t j = 0; j < cols; ++j) to[j] /= pivot;
}

template <class T> void solve_packed(const Packed<T>& a, int64_t n, Block<T> x, int64_t cols) {
  if (a.lower)
    for (int64_t i = 0; i < n; ++i) solve_row(a, i, 0, i, x, cols);
  else
    for (int64_t i = n - 1; i >= 0; --i) solve_row(a, i, i + 1, n, x, cols);
}

/// One right side of a tiny system, x[0], x[stride], ...
template <class T>
void solve_tiny(Block<const T> a, int64_t n, T* x, int64_t stride, Triangular how) {
  const bool lower = how.upper == how.transposed;
  for (int64_t step = 0; step < n; ++step) {
    const auto i = lower ? step : n - 1 - step, first = lower ? 0 : i + 1, last = lower ? i : n;
    T sum = x[i * stride];
    for (auto k = first; k < last; ++k)
      sum -= (how.transposed ? a.row(k)[i] : a.row(i)[k]) * x[k * stride];
    x[i * stride] = how.unit ? sum : sum / a.row(i)[i];
  }
}

/// One right side of a system whose columns are the rows of a: they lie in memory as x does.
template <class T> void solve_by_rows(Block<const T> a, int64_t n, T* x, Triangular how) {
  for (int64_t step = 0; step < n; ++step) {
    const auto i = how.upper ? step : n - 1 - step;
    const auto first = how.upper ? i + 1 : 0, last = how.upper ? n : i;
    const T* const row = a.row(i);
    if (!how.unit) x[i] /= row[i];
    const T known = x[i];
#pragma omp simd
    for (auto k = first; k < last; ++k) x[k] -= row[k] * known;
  }
}

template <class T>
void solve_small(Block<const T> a, int64_t n, Block<T> x, int64_t other, Triangular how) {
  if (n <= tiny && other <= few) {
    if (!how.left) how.transposed = !how.transposed;
    for (int64_t j = 0; j < other; ++j)
      solve_tiny(a, n, how.left ? x.data + j : x.row(j), how.left ? x.stride : 1, how);
    return;
  }
  if (other == 1 && how.transposed == how.left && (!how.left || x.stride == 1))
    return solve_by_rows(a, n, x.data, how);
  if (how.left) return solve_packed(Packed<T>(a, n, how), n, x, other);
  how.transposed = !how.transposed;  // x a = b is a^T x^T = b^T
  const Packed<T> packed(a, n, how);
  T columns[small * strip];
  for (int64_t first = 0; first < other; first += strip) {
    const auto rows = std::min(strip, other - first);
    const Block<T> part = x.at(first, 0), turned{columns, strip};
    transpose<T>(part, rows, n, turned);
    solve_packed(packed, n, turned, rows);
    transpose<T>(turned, n, rows, part);
  }
}

template <class T>
void solve_large(Block<const T> a, int64_t n, Block<T> x, int64_t other, Triangular how) {
  if (n <= small) return solve_small(a, n, x, other, how);
  const auto h = half(n);
  const Block<const T> second = a.at(h, h), corner = how.upper ? a.at(0, h) : a.at(h, 0);
  const Block<T> x2 = how.left ? x.at(h, 0) : x.at(0, h);
  // Lower from the left and upper from the right are solved from the beginning on.
  if ((how.upper == how.transposed) == how.left) {
    solve_large(a, h, x, other, how);
    if (how.left)
      subtract_product<T>(corner, how.transposed, x, false, x2, n - h, other, h);
    else
      subtract_product<T>(x, false, corner, how.transposed, x2, other, n - h, h);
    solve_large(second, n - h, x2, other, how);
  } else {
    solve_large(second, n - h, x2, other, how);
    if (how.left)
      subtract_product<T>(corner, how.transposed, x2, false, x, h, other, n - h);
    else
      subtract_product<T>(x2, false, corner, how.transposed, x, other, h, n - h);
    solve_large(a, h, x, other, how);
  }
}

#if GRADTAPE_BLAS
/// A vector from the left, by rows or columns as they lie in memory.
template <class T> void solve_vector(Block<const T> a, int64_t n, T* x, Triangular how) {
  const auto solve = [&](auto trsv) {
    trsv(CblasRowMajor, how.upper ? CblasUpper : CblasLower,
         how.transposed ? CblasTrans : CblasNoTrans, how.unit ? CblasUnit : CblasNonUnit,
         static_cast<int>(n), a.data, static_cast<int>(a.stride), x, 1);
  };
  if constexpr (std::is_same_v<T, float>)
    solve(cblas_strsv);
  else
    solve(cblas_dtrsv);
}
#endif

}  // namespace

template <class T>
void solve_triangular(Block<const T> a, int64_t n, Block<T> x, int64_t other, Triangular how) {
  if (n == 0 || other == 0) return;
  if (n <= small) return solve_small(a, n, x, other, how);
  const detail::Serial serial;
#if GRADTAPE_BLAS
  if (other == 1 && !(how.left && x.stride > 1)) {
    if (!how.left) how.transposed = !how.transposed;
    return solve_vector(a, n, x.data, how);
  }
#endif
  solve_large(a, n, x, other, how);
}

template <class T>
void subtract_product(Block<const T> a, bool a_transposed, Block<const T> b, bool b_transposed,
                      Block<T> c, int64_t m, int64_t n, int64_t k) {
  blas_gemm<T>(m, n, k, -1, {a.data, a.stride, a_transposed}, {b.data, b.stride, b_transposed}, 1,
               c.data, c.stride);
}

template void solve_triangular(Block<const float>, int64_t, Block<float>, int64_t, Triangular);
template void solve_triangular(Block<const double>, int64_t, Block<double>, int64_t, Triangular);
template void subtract_product(Block<const float>, bool, Block<const float>, bool, Block<float>,
                               int64_t, int64_t, int64_t);
template void subtract_product(Block<const double>, bool, Block<const double>, bool, Block<double>,
                               int64_t, int64_t, int64_t);

}  // namespace gradtape::kernels
