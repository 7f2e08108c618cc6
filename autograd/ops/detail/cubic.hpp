/// The kernel of cubic interpolation, for ops/*.cpp only.
#pragma once

#include <array>

namespace gradtape::detail {

/// Keys' cubic convolution with a = -3/4: the weights of the pixels at -1, 0, 1 and 2 for a
/// position t in [0, 1). T: double, or Tensor elementwise. (Keys, "Cubic convolution interpolation
/// for digital image processing", 1981, equation 15.)
template <class T> std::array<T, 4> cubic_weights(const T& t) {
  constexpr double a = -0.75;
  const auto near = [](const T& d) { return ((a + 2) * d - (a + 3)) * d * d + 1.0; };
  const auto far = [](const T& d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)};
}

}  // namespace gradtape::detail
