#include "gradtape/autograd/parallel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/runtime/serial.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace gradtape {
namespace {
std::atomic<int> thread_count{0};  // 0: not asked for yet
thread_local bool serial = false;
}  // namespace

int num_threads() {
  if (serial) return 1;
#ifdef _OPENMP
  const int count = thread_count.load(std::memory_order_relaxed);
  return count ? count : omp_get_max_threads();
#else
  return 1;
#endif
}

void set_num_threads(int count) {
  constexpr int most = 1024;
  if (count < 1 || count > most)
    fail<ValueError>(
        "set_num_threads",
        fmt::format("needs {}, got {}",
                    count < 1 ? "at least 1 thread" : fmt::format("at most {} threads", most),
                    count));
  thread_count.store(count, std::memory_order_relaxed);
#ifdef _OPENMP
  omp_set_num_threads(count);
#endif
}

namespace detail {

Serial::Serial() : before_(std::exchange(serial, true)) {
#ifdef _OPENMP
  threads_before_ = omp_get_max_threads();
  omp_set_num_threads(1);
#endif
}

Serial::~Serial() {
  serial = before_;
#ifdef _OPENMP
  omp_set_num_threads(threads_before_);
#endif
}

void run_parallel(std::int64_t n, std::int64_t grain, void (*f)(void*, std::int64_t, std::int64_t),
                  void* context) {
#ifdef _OPENMP
  const auto pieces = std::min<std::int64_t>(num_threads(), (n + grain - 1) / grain);
  if (pieces > 1 && !omp_in_parallel()) {
    // Long ranges start at multiples of 64 elements, so that no two threads write to one cache
    // line.
    const std::int64_t unit = n >= 4096 ? 64 : 1;
    const auto edge = [&](std::int64_t i) {
      return i == pieces ? n : i * n / pieces / unit * unit;
    };
    std::exception_ptr error;
#pragma omp parallel for num_threads(static_cast<int>(pieces)) schedule(static)
    for (std::int64_t piece = 0; piece < pieces; ++piece) {
      try {
        f(context, edge(piece), edge(piece + 1));
      } catch (...) {
#pragma omp critical(gradtape_parallel_error)
        if (!error) error = std::current_exception();
      }
    }
    if (error) std::rethrow_exception(error);
    return;
  }
#else
  (void)grain;
#endif
  f(context, 0, n);
}

}  // namespace detail
}  // namespace gradtape
