/// Loops over items that are kernels of their own.
#pragma once

#include <atomic>
#include <cstdint>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::detail {

/// Calls f(i) for every i below count, on several threads where there are more than `grain`. The
/// work that kernels count on those threads is the caller's.
template <class F> void parallel_items(std::int64_t count, std::int64_t grain, const F& f) {
  std::atomic<std::int64_t> flops = 0, bytes = 0;
  const Work* const of_caller = &work;
  parallel_for(count, grain, [&](std::int64_t begin, std::int64_t stop) {
    const Work before = work;
    for (auto i = begin; i < stop; ++i) f(i);
    if (&work == of_caller) return;
    const Work done = work.since(before);
    flops += done.flops;
    bytes += done.bytes;
  });
  if (flops > 0) count_work(flops.load(), bytes.load());
}

}  // namespace gradtape::detail
