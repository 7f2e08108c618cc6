#include "gradtape/autograd/kernels/matmul/gemm.hpp"

#include <gradtape_blas.h>
#include <gradtape_onednn.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <string>
#include <type_traits>

#include "gradtape/autograd/kernels/matmul/blas.hpp"
#include "gradtape/autograd/kernels/matmul/gemm_simd.hpp"
#include "gradtape/autograd/log.hpp"
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

/// Where part i of `parts` of an extent begins; tiles of registers are rarely cut there.
std::int64_t part_edge(std::int64_t extent, std::int64_t parts, std::int64_t i) {
  return i == parts ? extent : i * extent / parts / 16 * 16;
}

/// f(part) for c in down x across parts, over the threads.
template <class F>
void for_parts(std::int64_t rows, std::int64_t cols, std::int64_t down, std::int64_t across,
               const F& f) {
  detail::parallel_for(down * across, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i)
      f(Part{part_edge(rows, down, i / across), part_edge(rows, down, i / across + 1),
             part_edge(cols, across, i % across), part_edge(cols, across, i % across + 1)});
  });
}

/// As many parts as threads can use, as square as can be, since each copies what it reads.
/// Elements do not depend on what is computed with them, so neither do the bits on the parts.
template <class T>
void on_registers(const Matrix<T>& a, const Matrix<T>& b, T* c, bool accumulate) {
  constexpr std::int64_t grain = 1 << 19;  // multiply-adds that are worth a thread
  constexpr std::int64_t least = 32;       // rows or columns of a part
  const auto m = a.rows, n = b.cols;
  const auto wanted = std::min<std::int64_t>(2 * num_threads(), m * n * a.cols / grain);
  std::int64_t down = 1, across = 1;
  if (num_threads() > 1 && wanted > 1)
    for (std::int64_t d = 1; d <= std::min(wanted, std::max<std::int64_t>(1, m / least)); ++d) {
      const auto w = std::min(wanted / d, std::max<std::int64_t>(1, n / least));
      const bool squarer = m / d + n / w < m / down + n / across;
      if (d * w > down * across || (d * w == down * across && squarer)) down = d, across = w;
    }
  for_parts(m, n, down, across, [&](Part part) { by_registers(a, b, c, accumulate, part); });
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
  for_parts(a.rows, b.cols, down, across,
            [&](Part part) { by_library(a, b, c, accumulate, part); });
}

/// From how many multiply-adds on a library is faster than our own loops. Its registers may be
/// wider than those that this file was compiled for. On AVX-512 oneDNN is faster in float32 (by a
/// tenth at most where b is not transposed), and none is in float64, divided into parts as its
/// products are: each part copies its operands.
template <class T> std::int64_t large() {
  constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max(), wide = 1 << 19;
  constexpr bool onednn = GRADTAPE_ONEDNN && std::is_same_v<T, float>;
#ifdef __AVX512F__
  return onednn ? wide : never;
#else
  if (!GRADTAPE_BLAS && !onednn) return never;
#ifdef __x86_64__
  static const bool wider = [] {
    const std::string name = blas_kernels();
    return name == "SkylakeX" || name == "Cooperlake" || name == "SapphireRapids";
  }();
  if (wider) return wide;
#endif
  return 1 << 22;
#endif
}

/// Whether a product is faster on our registers whatever its size: on AMD's Zen 4 oneDNN 2.6 takes
/// a transposed b 1.03 to 1.2 times as long, and where its rows lie a multiple of 2 KB apart twice.
bool never_by_library([[maybe_unused]] std::int64_t rows, [[maybe_unused]] bool b_transposed) {
#if defined(__x86_64__) && defined(__AVX512F__)
  static const bool amd = __builtin_cpu_is("amd");
  return GRADTAPE_ONEDNN && amd && b_transposed && rows >= 32;
#else
  return false;
#endif
}

/// Tells of a product [m, k] [k, n].
[[gnu::noinline]] void tell(std::int64_t m, std::int64_t k, std::int64_t n, bool a_transposed,
                            bool b_transposed, const char* dtype, const char* what) {
  const auto text = [](bool transposed) { return transposed ? " transposed" : ""; };
  const auto extent = [](std::int64_t i) { return static_cast<long long>(i); };
  detail::log(LogLevel::debug, "product", "[%lld, %lld]%s [%lld, %lld]%s of %s by %s", extent(m),
              extent(k), text(a_transposed), extent(k), extent(n), text(b_transposed), dtype, what);
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
    const bool library = path == GemmPath::automatic
                             ? work > large<T>() && !never_by_library(a.rows, b.transposed)
                             : path == GemmPath::library;
    const auto by = [&](const char* what) {
      if (detail::logs(LogLevel::debug))
        tell(a.rows, a.cols, b.cols, a.transposed, b.transposed,
             std::is_same_v<T, float> ? "float32" : "float64", what);
    };
    if (library && a.rows > 1 && b.cols > 1) {
      by(GRADTAPE_ONEDNN && std::is_same_v<T, float> ? "oneDNN" : "BLAS");
      return in_parts(a, b, c, accumulate);
    }
    if (work > tiny || path == GemmPath::registers) {
      by("own loops");
      return on_registers(a, b, c, accumulate);
    }
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
