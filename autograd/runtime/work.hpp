/// The work that kernels do, counted where they do it; see cost.hpp for what reads it.
#pragma once

#include <cstdint>

namespace gradtape::detail {

/// What kernels did between two moments.
struct Work {
  std::int64_t flops = 0;  ///< Floating-point operations.
  std::int64_t bytes = 0;  ///< Memory traffic.

  Work since(const Work& before) const { return {flops - before.flops, bytes - before.bytes}; }
};

/// What this thread's kernels have done since it started.
inline constinit thread_local Work work;

/// Called once by every kernel. A multiply-add is two flops, every other function of an element
/// one; bytes are those of the operands and the result, each read or written once.
template <class Flops, class Bytes> void count_work(Flops flops, Bytes bytes) {
  work = {work.flops + static_cast<std::int64_t>(flops),
          work.bytes + static_cast<std::int64_t>(bytes)};
}

/// The bytes that this thread has allocated for values less those that it has freed; values of up
/// to 256 bytes live in their own small blocks and are not counted.
inline constinit thread_local std::int64_t held_bytes = 0;

}  // namespace gradtape::detail
