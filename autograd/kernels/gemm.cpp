#include "gradtape/autograd/kernels/gemm.hpp"

#include <gradtape_cblas.h>

#include <algorithm>
#include <limits>
#include <type_traits>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/serial.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

/// Up to this many multiply-adds a direct loop is done before BLAS has looked at its arguments.
constexpr std::int64_t tiny = 512;

template <class T> void direct(const Matrix<T>& a, const Matrix<T>& b, T* c, bool accumulate) {
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t j = 0; j < b.cols; ++j) {
      T sum = accumulate ? c[i * b.cols + j] : T(0);
      for (std::int64_t k = 0; k < a.cols; ++k) sum += a(i, k) * b(k, j);
      c[i * b.cols + j] = sum;
    }
}

constexpr CBLAS_TRANSPOSE flag(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }
int narrow(std::int64_t n) { return static_cast<int>(n); }

/// y = x v (+ y) for a matrix x: `stored_*` are its extents in memory.
template <class T> void gemv(const Matrix<T>& x, const T* v, T* y, T beta) {
  const int rows = narrow(x.transposed ? x.cols : x.rows), cols = narrow(x.leading());
  if constexpr (std::is_same_v<T, float>)
    cblas_sgemv(CblasRowMajor, flag(x.transposed), rows, cols, 1, x.data, cols, v, 1, beta, y, 1);
  else
    cblas_dgemv(CblasRowMajor, flag(x.transposed), rows, cols, 1, x.data, cols, v, 1, beta, y, 1);
}

/// c = a b (+ c); `leading` is the distance between the rows of a in memory, as a may be a part.
template <class T>
void blas(const Matrix<T>& a, std::int64_t leading, const Matrix<T>& b, T* c, T beta) {
  if (b.cols == 1) return gemv(a, b.data, c, beta);
  if (a.rows == 1) return gemv({b.data, b.cols, b.rows, !b.transposed}, a.data, c, beta);
  const int m = narrow(a.rows), n = narrow(b.cols), k = narrow(a.cols);
  const int lda = narrow(leading), ldb = narrow(b.leading());
  if constexpr (std::is_same_v<T, float>)
    cblas_sgemm(CblasRowMajor, flag(a.transposed), flag(b.transposed), m, n, k, 1, a.data, lda,
                b.data, ldb, beta, c, n);
  else
    cblas_dgemm(CblasRowMajor, flag(a.transposed), flag(b.transposed), m, n, k, 1, a.data, lda,
                b.data, ldb, beta, c, n);
}

/// The same on several threads, to the bit. A BLAS with threads divides a product so that its bits
/// depend on their number. This divides the rows, where OpenBLAS does not show it: its kernels take
/// them 12 at a time (seen in 0.3.21 for Sandybridge, Haswell, Zen, SkylakeX and Cooperlake), and
/// what parts it leaves are above the 10^6 multiply-adds up to which it has other kernels.
template <class T> void shared(const Matrix<T>& a, const Matrix<T>& b, T* c, T beta) {
  constexpr std::int64_t unit = 12;        // rows
  constexpr std::int64_t grain = 1 << 21;  // multiply-adds; parts have half as many or more
  const bool vector = a.rows == 1 || b.cols == 1;
  const std::int64_t alone = vector ? 1 << 13 : 1 << 18;  // BLAS starts no threads for so few
  if (num_threads() == 1 || a.rows * b.cols * a.cols <= alone)
    return blas(a, a.leading(), b, c, beta);
  const auto units = vector ? 1 : std::max<std::int64_t>(1, a.rows / unit);
  const auto part = [&](std::int64_t begin, std::int64_t end) {
    const detail::Serial one_thread;
    const auto first = begin * unit, last = end == units ? a.rows : end * unit;
    const Matrix<T> rows{a.data + first * (a.transposed ? 1 : a.cols), last - first, a.cols,
                         a.transposed};
    blas(rows, a.leading(), b, c + first * b.cols, beta);
  };
  detail::parallel_for(units, grain / (unit * b.cols * a.cols) + 1, part);
}

}  // namespace

template <class T> void gemm(const Matrix<T>& a, const Matrix<T>& b, T* c, bool accumulate) {
  if (a.rows == 0 || b.cols == 0) return;
  detail::count_work(
      2 * a.rows * b.cols * a.cols,
      static_cast<std::int64_t>(sizeof(T)) * (a.rows * a.cols + b.rows * b.cols + a.rows * b.cols));
  if (a.cols == 0) {
    if (!accumulate) std::fill_n(c, a.rows * b.cols, T(0));
    return;
  }
  if constexpr (std::is_floating_point_v<T>)
    if (a.rows * b.cols * a.cols > tiny) return shared<T>(a, b, c, accumulate ? 1 : 0);
  direct(a, b, c, accumulate);
}

template void gemm(const Matrix<float>&, const Matrix<float>&, float*, bool);
template void gemm(const Matrix<double>&, const Matrix<double>&, double*, bool);
template void gemm(const Matrix<std::int64_t>&, const Matrix<std::int64_t>&, std::int64_t*, bool);

bool fits_blas(std::int64_t m, std::int64_t n, std::int64_t k) {
  return std::max({m, n, k}) <= std::numeric_limits<int>::max();
}

}  // namespace gradtape::kernels
