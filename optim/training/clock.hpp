/// Time, for what reports it. For sources only: <chrono> takes a compiler long.
#pragma once

#include <chrono>

namespace gradtape::optim::detail {

/// Seconds since some moment, never going back.
[[nodiscard]] inline double clock_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace gradtape::optim::detail
