// Matrices are divided in halves, down to blocks of a few rows, so that products do nearly all of
// the work. BLAS runs on one thread, and what it is given does not depend on the number of threads.

#include "gradtape/autograd/kernels/linalg/factor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "gradtape/autograd/kernels/finite.hpp"
#include "gradtape/autograd/kernels/matmul/triangular.hpp"
#include "gradtape/autograd/kernels/product.hpp"
#include "gradtape/autograd/runtime/serial.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;

/// Blocks of up to so many rows are factored by plain loops.
constexpr int64_t small = 16;
/// Where a block of n rows is divided.
int64_t half(int64_t n) { return (n / 2 + small - 1) / small * small; }

/// Counts `flops` over operands and results of `elements`.
template <class T> void count(double flops, double elements) {
  detail::count_work(flops, elements * sizeof(T));
}
double product(int64_t m, int64_t n) { return static_cast<double>(m) * static_cast<double>(n); }
double cube(int64_t n) { return product(n, n) * static_cast<double>(n); }

template <class T> constexpr T nan = std::numeric_limits<T>::quiet_NaN();

/// The place of the largest magnitude from `first` on, the first one of several.
template <class T> int64_t largest(const T* x, int64_t first, int64_t last) {
  T most = 0;
#pragma omp simd reduction(max : most)
  for (auto j = first; j < last; ++j) most = std::max(most, std::abs(x[j]));
  for (auto j = first; j < last; ++j)
    if (std::abs(x[j]) == most) return j;
  return first;
}

/// Exchanges row i with row swaps[i], for i in first ... last - 1 in turn, or in the reverse order.
template <class T>
void swap_rows(Block<T> x, int64_t cols, const int* swaps, int64_t first, int64_t last,
               bool reverse = false) {
  for (auto k = first; k < last; ++k) {
    const auto i = reverse ? first + last - 1 - k : k;
    if (swaps[i] != i) std::swap_ranges(x.row(i), x.row(i) + cols, x.row(swaps[i]));
  }
}

/// Factors a few columns of a from row `first` on, which are columns first ... first + cols of the
/// whole matrix. They are turned into rows meanwhile; work: cols (rows - first).
template <class T>
void factor_panel(Block<T> a, int64_t first, int64_t rows, int64_t cols, int* swaps, T* work) {
  const auto n = rows - first;
  const Block<T> panel = a.at(first, first), w{work, n};
  transpose<T>(panel, n, cols, w);
  for (int64_t k = 0; k < cols; ++k) {
    T* const column = w.row(k);
    const auto p = largest(column, k, n);
    swaps[first + k] = static_cast<int>(first + p);
    for (int64_t j = 0; j < cols; ++j) std::swap(w.row(j)[k], w.row(j)[p]);
    const T pivot = column[k];
    if (pivot != 0)
#pragma omp simd
      for (auto i = k + 1; i < n; ++i) column[i] /= pivot;
    for (auto j = k + 1; j < cols; ++j) {
      T* const to = w.row(j);
      const T u = to[k];
#pragma omp simd
      for (auto i = k + 1; i < n; ++i) to[i] -= column[i] * u;
    }
  }
  transpose<T>(w, cols, n, panel);
}

/// Factors n x n, which the compiler knows: in registers, by the same operations as factor_panel.
template <class T, int n> void factor_tiny(T* a, int* swaps) {
  T m[n][n];
  std::copy_n(a, n * n, m[0]);
  for (int k = 0; k < n; ++k) {
    int p = k;
    for (int i = k + 1; i < n; ++i)
      if (std::abs(m[i][k]) > std::abs(m[p][k])) p = i;
    swaps[k] = p;
    if (p != k) std::swap(m[k], m[p]);
    for (int i = k + 1; i < n; ++i) {
      if (m[k][k] != 0) m[i][k] /= m[k][k];
      for (int j = k + 1; j < n; ++j) m[i][j] -= m[i][k] * m[k][j];
    }
  }
  std::copy_n(m[0], n * n, a);
}

/// Whether n is at most `most`, and then factors a.
template <int most, class T> bool factor_if_tiny(T* a, int* swaps, int64_t n) {
  if (n == most) return factor_tiny<T, most>(a, swaps), true;
  if constexpr (most > 1) return factor_if_tiny<most - 1>(a, swaps, n);
  return false;
}

/// Factors `cols` columns of a from row `first` on, on which nothing is left to do from columns
/// before them.
template <class T>
void factor_blocks(Block<T> a, int64_t first, int64_t rows, int64_t cols, int* swaps, T* work) {
  if (cols <= small) return factor_panel(a, first, rows, cols, swaps, work);
  const auto left = half(cols), right = cols - left, middle = first + left;
  factor_blocks(a, first, rows, left, swaps, work);
  swap_rows(a.at(0, middle), right, swaps, first, middle);
  solve_triangular<T>(a.at(first, first), left, a.at(first, middle), right,
                      {.upper = false, .left = true, .unit = true});
  subtract_product<T>(a.at(middle, first), false, a.at(first, middle), false, a.at(middle, middle),
                      rows - middle, right, left);
  factor_blocks(a, middle, rows, right, swaps, work);
  swap_rows(a.at(0, first), left, swaps, middle, middle + right);
}

/// The factors of a, rows x cols with rows >= cols, in its place.
template <class T> void factor_in_place(Block<T> a, int64_t rows, int64_t cols, int* swaps) {
  if (rows <= small) {
    T work[small * small];
    return factor_panel(a, 0, rows, cols, swaps, work);
  }
  const detail::Serial serial;
  std::vector<T> work(static_cast<std::size_t>(std::min(cols, small) * rows));
  factor_blocks(a, 0, rows, cols, swaps, work.data());
}

/// y = l^-1 for unit lower triangular l, where y is the identity so far.
template <class T> void invert_lower(Block<const T> l, int64_t n, Block<T> y) {
  constexpr Triangular unit_lower{.upper = false, .left = true, .unit = true};
  if (n <= 2 * small) return solve_triangular<T>(l, n, y, n, unit_lower);
  const auto h = half(n);
  invert_lower(l, h, y);
  subtract_product<T>(l.at(h, 0), false, y, false, y.at(h, 0), n - h, h, h);
  solve_triangular<T>(l.at(h, h), n - h, y.at(h, 0), h, unit_lower);
  invert_lower(l.at(h, h), n - h, y.at(h, h));
}

/// l l^T = a in place, in the lower triangle.
template <class T> int cholesky_rows(Block<T> a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    T* const row = a.row(i);
    T rest = row[i];
    for (int64_t j = 0; j < i; ++j) {
      const T* const above = a.row(j);
      T sum = row[j];
      for (int64_t k = 0; k < j; ++k) sum -= row[k] * above[k];
      row[j] = sum / above[j];
      rest -= row[j] * row[j];
    }
    if (!(rest > 0)) return static_cast<int>(i) + 1;
    row[i] = std::sqrt(rest);
  }
  return 0;
}

/// c -= a a^T in the lower triangle; a: n x k.
template <class T> void subtract_square(Block<const T> a, Block<T> c, int64_t n, int64_t k) {
  if (n <= 4 * small) return subtract_product<T>(a, false, a, true, c, n, n, k);
  const auto h = half(n);
  subtract_square(a, c, h, k);
  subtract_product<T>(a.at(h, 0), false, a, true, c.at(h, 0), n - h, h, k);
  subtract_square(a.at(h, 0), c.at(h, h), n - h, k);
}

template <class T> int cholesky_blocks(Block<T> a, int64_t n) {
  if (n <= small) return cholesky_rows(a, n);
  const auto h = half(n);
  if (const int minor = cholesky_blocks(a, h)) return minor;
  solve_triangular<T>(a, h, a.at(h, 0), n - h,
                      {.upper = false, .left = false, .unit = false, .transposed = true});
  subtract_square<T>(a.at(h, 0), a.at(h, h), n - h, h);
  const int minor = cholesky_blocks(a.at(h, h), n - h);
  return minor ? static_cast<int>(h) + minor : 0;
}

}  // namespace

template <class T> void Lu<T>::factor(T* a, int* swaps, int64_t n) {
  count<T>(2 * cube(n) / 3, product(n, n));
  if (n == 0) return;
  if (!all_finite(a, n * n)) {
    swaps[0] = -1;
    return;
  }
  if (!factor_if_tiny<8>(a, swaps, n)) factor_in_place<T>({a, n}, n, n, swaps);
}

template <class T> int Lu<T>::zero_pivot() const {
  for (int64_t i = 0; finite() && i < n_; ++i)
    if (pivot(i) == 0) return static_cast<int>(i) + 1;
  return 0;
}

template <class T> bool Lu<T>::near_singular() const {
  T smallest = std::numeric_limits<T>::infinity(), largest = 0;
  for (int64_t i = 0; i < n_; ++i) {
    smallest = std::min(smallest, std::abs(pivot(i)));
    largest = std::max(largest, std::abs(pivot(i)));
  }
  return finite() && n_ > 0 &&
         smallest <= static_cast<T>(n_) * 16 * std::numeric_limits<T>::epsilon() * largest;
}

template <class T> void Lu<T>::solve(T* x, int64_t cols, bool transposed) const {
  count<T>(2 * product(n_, n_) * static_cast<double>(cols), product(n_, n_ + 2 * cols));
  if (!finite()) return std::fill_n(x, n_ * cols, nan<T>), void();
  const Block<const T> a{a_, n_};
  const Block<T> to{x, cols};
  const Triangular l{.upper = false, .left = true, .unit = true, .transposed = transposed},
      u{.upper = true, .left = true, .unit = false, .transposed = transposed};
  if (!transposed) swap_rows(to, cols, swaps_, 0, n_);
  solve_triangular(a, n_, to, cols, transposed ? u : l);
  solve_triangular(a, n_, to, cols, transposed ? l : u);
  if (transposed) swap_rows(to, cols, swaps_, 0, n_, true);
}

template <class T> void Lu<T>::inverse(T* y) const {
  if (!finite()) return std::fill_n(y, n_ * n_, nan<T>), void();
  std::fill_n(y, n_ * n_, T(0));
  for (int64_t i = 0; i < n_; ++i) y[i * (n_ + 1)] = 1;
  if (n_ <= small) return solve(y, n_, false);
  count<T>(4 * cube(n_) / 3, 2 * product(n_, n_));
  const auto n = static_cast<std::size_t>(n_);
  std::vector<int> from(n);  // the column of u^-1 l^-1 that each column of the inverse is
  for (int i = 0; i < n_; ++i) from[static_cast<std::size_t>(i)] = i;
  for (auto i = n; i-- > 0;) std::swap(from[i], from[static_cast<std::size_t>(swaps_[i])]);
  const Block<const T> a{a_, n_};
  const Block<T> to{y, n_};
  {
    const detail::Serial serial;
    invert_lower(a, n_, to);
  }
  solve_triangular(a, n_, to, n_, {.upper = true, .left = true, .unit = false});
  std::vector<T> row(n);
  for (int64_t i = 0; i < n_; ++i) {
    std::copy_n(to.row(i), n_, row.begin());
    for (std::size_t j = 0; j < n; ++j) to.row(i)[j] = row[static_cast<std::size_t>(from[j])];
  }
}

template <class T> bool Lu<T>::odd() const {
  bool odd = false;
  for (int64_t i = 0; i < n_; ++i) odd ^= swaps_[i] != i;
  return odd;
}

template <class T> void Lu<T>::determinant(T& sign, T& log_magnitude) const {
  log_magnitude = 0;
  if (!finite()) return sign = log_magnitude = nan<T>, void();
  sign = odd() ? T(-1) : T(1);
  for (int64_t i = 0; i < n_; ++i) {
    const T p = pivot(i);
    sign *= p < 0 ? T(-1) : p > 0 ? T(1) : T(0);
    log_magnitude += std::log(std::abs(p));
  }
}

template <class T> T Lu<T>::determinant() const {
  if (!finite()) return nan<T>;
  ProductApart<T> y(odd() ? T(-1) : T(1));
  for (int64_t i = 0; i < n_; ++i) y *= pivot(i);
  return y.value();
}

template <class T> void lu(const T* a, int64_t m, int64_t n, int64_t* p, T* l, T* u) {
  count<T>(product(n, n) * static_cast<double>(m), product(m, 2 * n) + product(n, n));
  for (int64_t i = 0; i < m; ++i) p[i] = i;
  if (!all_finite(a, m * n)) {
    std::fill_n(l, m * n, nan<T>);
    std::fill_n(u, n * n, nan<T>);
    return;
  }
  if (n == 0) return;
  std::vector<int> swaps(static_cast<std::size_t>(n));
  std::copy_n(a, m * n, l);
  factor_in_place<T>({l, n}, m, n, swaps.data());
  std::vector<int64_t> order(p, p + m);  // row i of l u is row order[i] of a
  for (int64_t i = 0; i < n; ++i)
    std::swap(order[static_cast<std::size_t>(i)],
              order[static_cast<std::size_t>(swaps[static_cast<std::size_t>(i)])]);
  for (int64_t i = 0; i < m; ++i) p[order[static_cast<std::size_t>(i)]] = i;
  for (int64_t i = 0; i < n; ++i) {
    std::fill_n(u + i * n, i, T(0));
    std::copy_n(l + i * n + i, n - i, u + i * n + i);
    l[i * n + i] = 1;
    std::fill_n(l + i * n + i + 1, n - i - 1, T(0));
  }
}

template <class T> int cholesky(const T* a, int64_t n, T* l) {
  count<T>(cube(n) / 3, 2 * product(n, n));
  bool finite = true;
  for (int64_t i = 0; i < n; ++i) {
    finite = finite && all_finite(a + i * n, i + 1);
    std::copy_n(a + i * n, i + 1, l + i * n);
  }
  if (!finite) return std::fill_n(l, n * n, nan<T>), 0;
  int minor = 0;
  if (n <= small) {
    minor = cholesky_rows<T>({l, n}, n);
  } else {
    const detail::Serial serial;
    minor = cholesky_blocks<T>({l, n}, n);
  }
  for (int64_t i = 0; i < n; ++i) std::fill_n(l + i * n + i + 1, n - i - 1, T(0));
  return minor;
}

template class Lu<float>;
template class Lu<double>;
template void lu(const float*, int64_t, int64_t, int64_t*, float*, float*);
template void lu(const double*, int64_t, int64_t, int64_t*, double*, double*);
template int cholesky(const float*, int64_t, float*);
template int cholesky(const double*, int64_t, double*);

}  // namespace gradtape::kernels
