#include "gradtape/autograd/kernels/standardise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "gradtape/autograd/kernels/group_loops.hpp"

namespace gradtape::kernels {
namespace {

using namespace group_loops;

/// f(x) for the elements of group k, in order.
template <class T, class F> void for_elements(const T* x, AxisView groups, int64_t k, F f) {
  for (int64_t o = 0; o < groups.outer; ++o)
    for (int64_t i = 0; i < groups.inner; ++i) f(x[(o * groups.n + k) * groups.inner + i]);
}

/// Whether a mean square is neither too large nor too small to have been summed up in T.
template <class T> bool in_range(T square) {
  constexpr bool narrow = std::is_same_v<T, float>;
  return square > T(narrow ? 1e-28 : 1e-280) && square < T(narrow ? 1e36 : 1e300);
}

template <class T> using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

/// The frame of group k about `mean` in a type of larger range.
template <class T>
void wide_frame(const T* x, const Frame<T>& frame, AxisView groups, int64_t k, Wide<T> mean) {
  if (!std::isfinite(mean)) {
    frame.shrink[k] = 1;
    frame.center[k] = static_cast<T>(mean);
    frame.rest[k] = 0;
    frame.variance[k] = std::numeric_limits<T>::quiet_NaN();
    return;
  }
  Wide<T> farthest = 0, square = 0;
  for_elements(x, groups, k, [&](T v) { farthest = std::max(farthest, std::abs(v - mean)); });
  constexpr int limit = std::numeric_limits<T>::max_exponent - 8;
  const int exponent = farthest > 0 ? std::clamp(std::ilogb(farthest), -limit, limit) : 0;
  const Wide<T> shrink = std::ldexp(Wide<T>(1), -exponent);
  for_elements(x, groups, k, [&](T v) { square += (v - mean) * shrink * ((v - mean) * shrink); });
  frame.shrink[k] = static_cast<T>(shrink);
  frame.center[k] = static_cast<T>(mean * shrink);
  frame.rest[k] = static_cast<T>(mean * shrink - frame.center[k]);
  frame.variance[k] = static_cast<T>(square / static_cast<Wide<T>>(size_of_group(groups)));
}
/// Moments of group k for elements that are all equal, not finite, or whose squares are not.
template <class T>
void wide_moments(const T* x, const Frame<T>& frame, AxisView groups, int64_t k) {
  const T first = x[k * groups.inner];
  bool constant = true;
  Wide<T> sum = 0;
  for_elements(x, groups, k, [&](T v) { constant = constant && v == first; });
  if (!constant) for_elements(x, groups, k, [&](T v) { sum += v; });
  wide_frame(x, frame, groups, k,
             constant ? first : sum / static_cast<Wide<T>>(size_of_group(groups)));
}

/// Moments from the sums of x - center and of its square.
template <class T>
void set_moments(const T* x, const Frame<T>& frame, AxisView groups, int64_t k, double sum,
                 double sum_squares) {
  const double n = size_of_group(groups), correction = sum / n, center = frame.center[k];
  frame.shrink[k] = 1;
  frame.center[k] = static_cast<T>(center + correction);
  frame.rest[k] = static_cast<T>(correction - (static_cast<double>(frame.center[k]) - center));
  frame.variance[k] = static_cast<T>(std::max(sum_squares / n - correction * correction, 0.0));
  if (!in_range(frame.variance[k])) wide_moments(x, frame, groups, k);
}

}  // namespace

// The mean is found as its distance from the first element, so that it is exact where all are
// equal; then once more as its distance from that mean.

template <class T>
void moments_of(const T* x, Frame<T> frame, AxisView groups, int64_t begin, int64_t end) {
  const double n = size_of_group(groups);
  T* const center = frame.center;
  if (groups.inner == 1) {
    const auto sums =
        band_sums<T>(groups, begin, end, [=](int64_t k, int64_t at) { return x[at] - x[k]; });
    for (auto k = begin; k < end; ++k)
      center[k] = static_cast<T>(x[k] + sums[0][static_cast<std::size_t>(k - begin)] / n);
    const auto deviation = [=](int64_t k, int64_t at) { return x[at] - center[k]; };
    const auto corrected = band_sums<T>(groups, begin, end, deviation, [=](int64_t k, int64_t at) {
      return deviation(k, at) * deviation(k, at);
    });
    for (auto k = begin; k < end; ++k)
      set_moments(x, frame, groups, k, corrected[0][static_cast<std::size_t>(k - begin)],
                  corrected[1][static_cast<std::size_t>(k - begin)]);
    return;
  }
  for (auto k = begin; k < end; ++k) {
    const T first = x[k * groups.inner];
    const auto sums = group_sums<T>(groups, k, [=](int64_t at) { return x[at] - first; });
    const T middle = center[k] = static_cast<T>(first + sums[0] / n);
    const auto deviation = [=](int64_t at) { return x[at] - middle; };
    const auto corrected = group_sums<T>(groups, k, deviation,
                                         [=](int64_t at) { return deviation(at) * deviation(at); });
    set_moments(x, frame, groups, k, corrected[0], corrected[1]);
  }
}

template <class T>
void squares_of(const T* x, Frame<T> frame, AxisView groups, int64_t begin, int64_t end) {
  for (auto k = begin; k < end; ++k) {
    const auto sums = group_sums<T>(groups, k, [=](int64_t at) { return x[at] * x[at]; });
    frame.shrink[k] = 1;
    frame.center[k] = frame.rest[k] = 0;
    frame.variance[k] = static_cast<T>(sums[0] / size_of_group(groups));
    if (!in_range(frame.variance[k])) wide_frame<T>(x, frame, groups, k, 0);
  }
}

template <class T> void moments(const T* x, Frame<T> frame, AxisView groups) {
  count(groups, sizeof(T), 6, 1);
  for_groups(groups, [=](int64_t begin, int64_t end) { moments_of(x, frame, groups, begin, end); });
}

template void moments_of(const float*, Frame<float>, AxisView, int64_t, int64_t);
template void moments_of(const double*, Frame<double>, AxisView, int64_t, int64_t);
template void squares_of(const float*, Frame<float>, AxisView, int64_t, int64_t);
template void squares_of(const double*, Frame<double>, AxisView, int64_t, int64_t);
template void moments(const float*, Frame<float>, AxisView);
template void moments(const double*, Frame<double>, AxisView);

}  // namespace gradtape::kernels
