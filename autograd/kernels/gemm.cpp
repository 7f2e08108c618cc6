#include "gradtape/autograd/kernels/gemm.hpp"

#include <gradtape_blas.h>
#include <gradtape_onednn.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <string>
#include <type_traits>

#include "gradtape/autograd/kernels/blas.hpp"
#include "gradtape/autograd/kernels/gemm_simd.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/serial.hpp"
#include "gradtape/autograd/runtime/work.hpp"
#if GRADTAPE_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

namespace gradtape::kernels {
namespace {

std::atomic<GemmPath> chosen_path{GemmPath::automatic};

/// Up to this many multiply-adds a direct loop is done before the others have looked at their
/// arguments.
constexpr std::int64_t tiny = 96;

template <class T> void direct(const Matrix<T>& a, const Matrix<T>& b, T* c, bool accumulate) {
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t j = 0; j < b.cols; ++j) {
      T sum = accumulate ? c[i * b.cols + j] : T(0);
      for (std::int64_t k = 0; k < a.cols; ++k) sum += a(i, k) * b(k, j);
      c[i * b.cols + j] = sum;
    }
}

template <class T> Strided<T> strided(const Matrix<T>& x) {
  return x.transposed ? Strided<T>{x.data, 1, x.rows} : Strided<T>{x.data, x.cols, 1};
}

/// Rows [first, last) of c, or columns of it, on this thread.
struct Part {
  std::int64_t first_row, last_row, first_col, last_col;
};

template <class T>
void by_registers(const Matrix<T>& a, const Matrix<T>& b, T* c, bool accumulate, Part part) {
  const auto x = strided(a), y = strided(b);
  const auto m = part.last_row - part.first_row, n = part.last_col - part.first_col;
  T* const to = c + part.first_row * b.cols + part.first_col;
  const T* const from_a = x.at(part.first_row, 0);
  const T* const from_b = y.at(0, part.first_col);
  if (b.cols == 1)
    multiply_row<T>(b.data, {from_a, x.cols_apart, x.rows_apart}, m, a.cols, to, accumulate);
  else if (a.rows == 1)
    multiply_row<T>(a.data, {from_b, y.rows_apart, y.cols_apart}, n, a.cols, to, accumulate);
  else
    multiply<T>({from_a, x.rows_apart, x.cols_apart}, {from_b, y.rows_apart, y.cols_apart}, m, n,
                a.cols, to, b.cols, accumulate);
}

/// The columns or the rows, whichever are more, divided among the threads. Elements do not depend
/// on what is computed with them, so neither do the bits on the number of threads.
template <class T>
void on_registers(const Matrix<T>& a, const Matrix<T>& b, T* c, bool accumulate) {
  constexpr std::int64_t grain = 1 << 19;  // multiply-adds that are worth a thread
  constexpr std::int64_t unit = 32;        // rows or columns
  const bool columns = b.cols >= a.rows;
  const auto extent = columns ? b.cols : a.rows, across = columns ? a.rows : b.cols;
  const auto units = (extent + unit - 1) / unit;
  detail::parallel_for(
      units, grain / (unit * across * a.cols) + 1, [&](std::int64_t begin, std::int64_t end) {
        const auto first = begin * unit, last = std::min(extent, end * unit);
        by_registers(a, b, c, accumulate,
                     columns ? Part{0, a.rows, first, last} : Part{first, last, 0, b.cols});
      });
}

/// A part by BLAS, or by oneDNN where it is there and faster: float32. On this thread.
template <class T>
void by_library(const Matrix<T>& a, const Matrix<T>& b, T* c, bool accumulate, Part part) {
  const auto m = part.last_row - part.first_row, n = part.last_col - part.first_col, k = a.cols;
  const BlasOperand<T> x{strided(a).at(part.first_row, 0), a.leading(), a.transposed},
      y{strided(b).at(0, part.first_col), b.leading(), b.transposed};
  T* const to = c + part.first_row * b.cols + part.first_col;
  const T beta = accumulate ? 1 : 0;
#if GRADTAPE_ONEDNN
  if constexpr (std::is_same_v<T, float>) {
    const detail::Serial one_thread;
    const auto flag = [](bool transposed) { return transposed ? 'T' : 'N'; };
    if (dnnl_sgemm(flag(x.transposed), flag(y.transposed), m, n, k, 1, x.data, x.stride, y.data,
                   y.stride, beta, to, b.cols) == dnnl_success)
      return;
  }
#endif
  blas_gemm<T>(m, n, k, 1, x, y, beta, to, b.cols);
}

/// In parts that depend on the extents alone, whatever the number of threads: a library may sum the
/// same element in another order where the product has other extents. Eight parts, as square as can
/// be, since each packs its operands for itself.
template <class T> void in_parts(const Matrix<T>& a, const Matrix<T>& b, T* c, bool accumulate) {
  constexpr std::int64_t enough = 8, least = 128;  // parts, and rows or columns of one
  std::int64_t down = 1, across = 1;
  while (down * across < enough) {
    const auto rows = a.rows / down, cols = b.cols / across;
    if (std::max(rows, cols) < 2 * least) break;
    (rows > cols ? down : across) *= 2;
  }
  const auto edge = [](std::int64_t extent, std::int64_t parts, std::int64_t i) {
    return i == parts ? extent : i * extent / parts / 16 * 16;
  };
  detail::parallel_for(down * across, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      const auto row = i / across, col = i % across;
      by_library(a, b, c, accumulate,
                 Part{edge(a.rows, down, row), edge(a.rows, down, row + 1),
                      edge(b.cols, across, col), edge(b.cols, across, col + 1)});
    }
  });
}

/// From how many multiply-adds on a library is faster than our own loops: it prefetches, and its
/// registers may be wider than those that this file was compiled for.
template <class T> std::int64_t large() {
  constexpr bool library = GRADTAPE_BLAS || (GRADTAPE_ONEDNN && std::is_same_v<T, float>);
  if (!library) return std::numeric_limits<std::int64_t>::max();
#if defined(__x86_64__) && !defined(__AVX512F__)
  static const bool wider = [] {
    const std::string name = blas_kernels();
    return name == "SkylakeX" || name == "Cooperlake" || name == "SapphireRapids";
  }();
  if (wider) return 1 << 19;
#endif
  return 1 << 22;
}

}  // namespace

template <class T> void gemm(const Matrix<T>& a, const Matrix<T>& b, T* c, bool accumulate) {
  if (a.rows == 0 || b.cols == 0) return;
  const auto work = a.rows * b.cols * a.cols;
  detail::count_work(2 * work, static_cast<std::int64_t>(sizeof(T)) *
                                   (a.rows * a.cols + b.rows * b.cols + a.rows * b.cols));
  if (a.cols == 0) {
    if (!accumulate) std::fill_n(c, a.rows * b.cols, T(0));
    return;
  }
  if constexpr (std::is_floating_point_v<T>) {
    const auto path = chosen_path.load(std::memory_order_relaxed);
    const bool library =
        path == GemmPath::automatic ? work > large<T>() : path == GemmPath::library;
    if (library && a.rows > 1 && b.cols > 1) return in_parts(a, b, c, accumulate);
    if (work > tiny || path == GemmPath::registers) return on_registers(a, b, c, accumulate);
  }
  direct(a, b, c, accumulate);
}

template void gemm(const Matrix<float>&, const Matrix<float>&, float*, bool);
template void gemm(const Matrix<double>&, const Matrix<double>&, double*, bool);
template void gemm(const Matrix<std::int64_t>&, const Matrix<std::int64_t>&, std::int64_t*, bool);

void set_gemm_path(GemmPath path) { chosen_path.store(path, std::memory_order_relaxed); }

bool fits_blas(std::int64_t m, std::int64_t n, std::int64_t k) {
  return std::max({m, n, k}) <= std::numeric_limits<int>::max();
}

}  // namespace gradtape::kernels
