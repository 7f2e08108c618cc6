#include "gradtape/autograd/parallel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <utility>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/runtime/serial.hpp"
#include "gradtape/autograd/runtime/thread_pool.hpp"

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
  const int count = thread_count.load(std::memory_order_relaxed);
  if (count) return count;
#ifdef _OPENMP
  return omp_get_max_threads();
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
  // Two pieces a thread: one that is held up leaves the other to the rest.
  const int threads = num_threads();
  const auto pieces = std::min<std::int64_t>(2 * std::int64_t{threads}, (n + grain - 1) / grain);
  if (threads == 1 || pieces < 2) return f(context, 0, n);
  struct Loop {
    std::int64_t n, pieces;
    void (*f)(void*, std::int64_t, std::int64_t);
    void* context;
    std::mutex guard{};
    std::exception_ptr error{};

    // Long ranges start at multiples of 64 elements, so that no two threads write to one cache
    // line.
    std::int64_t edge(std::int64_t piece) const {
      const std::int64_t unit = n >= 4096 ? 64 : 1;
      return piece == pieces ? n : piece * n / pieces / unit * unit;
    }
    void run(std::int64_t piece) noexcept try {
      f(context, edge(piece), edge(piece + 1));
    } catch (...) {
      const std::lock_guard lock(guard);
      if (!error) error = std::current_exception();
    }
  } loop{n, pieces, f, context};
  run_on_pool(
      {[](void* self, std::int64_t piece) { static_cast<Loop*>(self)->run(piece); }, &loop, pieces},
      static_cast<int>(std::min<std::int64_t>(threads, pieces)));
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace detail
}  // namespace gradtape
