/// The threads that loops of the library share; for sources of the library only.
#pragma once

#include <cstdint>

namespace gradtape::detail {

/// A piece of a loop: call(context, piece). Must not throw.
struct PoolJob {
  void (*call)(void* context, std::int64_t piece);
  void* context;
  std::int64_t pieces;
};

/// Runs the pieces of `job` on this thread and up to `threads` - 1 others; returns when all are
/// done. Each thread takes the next piece when it is free, so that a thread which the system does
/// not run holds nothing up. On this thread alone where another thread is using the pool, in a
/// piece of a job, and where no thread can be started.
void run_on_pool(const PoolJob& job, int threads);

}  // namespace gradtape::detail
