/// The work that kernels do, counted where they do it; see cost.hpp for what reads it.
#pragma once

namespace gradtape::detail {

/// Floating-point operations and bytes of memory traffic.
struct Work {
  double flops = 0, bytes = 0;
};

/// What this thread's kernels have done since it started.
inline constinit thread_local Work work;

/// Called once by every kernel. A multiply-add is two flops, every other function of an element one;
/// bytes are those of the operands and the result, each read or written once.
inline void count_work(double flops, double bytes) {
  work.flops += flops;
  work.bytes += bytes;
}

}  // namespace gradtape::detail
