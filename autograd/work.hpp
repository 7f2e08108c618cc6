/// The work that kernels do, counted where they do it; see cost.hpp for what reads it.
#pragma once

#include <cstddef>

namespace gradtape::detail {

/// Floating-point operations and bytes of memory traffic.
struct Work {
  double flops = 0, bytes = 0;

  friend Work operator-(Work a, Work b) { return {a.flops - b.flops, a.bytes - b.bytes}; }
  friend Work operator+(Work a, Work b) { return {a.flops + b.flops, a.bytes + b.bytes}; }
};

/// What this thread's kernels have done since it started.
inline constinit thread_local Work work;

/// Called once by every kernel. A multiply-add is two flops, every other function of an element
/// one; bytes are those of the operands and the result, each read or written once.
inline void count_work(double flops, double bytes) {
  work.flops += flops;
  work.bytes += bytes;
}

/// Bytes of elements that this thread has allocated less those that it has freed; what values hold
/// inside their own small blocks is not counted.
inline constinit thread_local std::ptrdiff_t held_bytes = 0;

}  // namespace gradtape::detail
