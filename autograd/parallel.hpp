/// Loops over index ranges on several threads.
#pragma once

#include <cstdint>
#include <type_traits>

namespace gradtape {

/// The number of threads that large loops and products use, at least 1. Starts as OMP_NUM_THREADS
/// or the number of cores; as 1 in a library without OpenMP, by which BLAS is told to stay on a
/// thread.
[[nodiscard]] int num_threads();
/// Throws ValueError unless 1 <= count <= 1024. Threads are started when a loop first wants them;
/// where the system has no more to give, loops run on those that there are.
void set_num_threads(int count);

namespace detail {

/// Below this many cheap elementwise operations a loop is faster on one thread than on several.
inline constexpr std::int64_t elementwise_grain = 32768;

void run_parallel(std::int64_t n, std::int64_t grain, void (*f)(void*, std::int64_t, std::int64_t),
                  void* context);

/// The loop of parallel_for, in the program once: inlined, it would be there for one thread too.
template <class F>
[[gnu::noinline, gnu::visibility("hidden")]] void call_on_range(void* f, std::int64_t begin,
                                                                std::int64_t end) {
  if constexpr (std::is_trivially_copyable_v<F> &&
                std::is_invocable_v<const F&, std::int64_t, std::int64_t>) {
    const F copy = *static_cast<const F*>(f);  // which nothing that the loop writes can change
    copy(begin, end);
  } else {
    (*static_cast<F*>(f))(begin, end);
  }
}

/// Calls f(begin, end) on ranges of at least `grain` that together make 0 ... n, on several threads
/// where n allows. The first exception that leaves `f` is rethrown here.
template <class F> void parallel_for(std::int64_t n, std::int64_t grain, F&& f) {
  void* const context = const_cast<void*>(static_cast<const void*>(&f));
  const auto call = &call_on_range<std::remove_reference_t<F>>;
  if (n > grain) return run_parallel(n, grain, call, context);
  if (n > 0) call(context, 0, n);
}

}  // namespace detail
}  // namespace gradtape
