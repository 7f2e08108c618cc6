/// Whether numbers are finite; for kernels/*.cpp only.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace gradtape::kernels {

/// Whether none of n elements is a NaN or an infinity.
template <class T> bool all_finite(const T* x, std::int64_t n) {
  // An int of no more than 0 and 1, and no &&, which GCC turns into registers: bools it does not.
  int beyond = 0;
  for (std::int64_t i = 0; i < n; ++i) beyond |= !(std::abs(x[i]) <= std::numeric_limits<T>::max());
  return beyond == 0;
}

}  // namespace gradtape::kernels
