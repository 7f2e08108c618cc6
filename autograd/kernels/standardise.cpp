#include "gradtape/autograd/kernels/standardise.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;

/// One sum for each of several functions.
template <std::size_t count> using Sums = std::array<double, count>;

constexpr int lanes = 32;  // sums side by side, which the compiler keeps in registers

/// sum[k] += f(i + k)
template <class T, class F> void add_lanes(T* sum, int64_t i, const F& f) {
  for (int k = 0; k < lanes; ++k) sum[k] += f(i + k);
}
/// The sum of the lanes, which are lost.
template <class T> double total(T* sum) {
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int k = 0; k < half; ++k) sum[k] += sum[k + half];
  return static_cast<double>(sum[0]);
}

/// Sums of f(begin) ... f(end - 1). Lanes are emptied into doubles before their rounding errors add
/// up.
template <class T, std::size_t... S, class... F>
Sums<sizeof...(F)> sums_over(std::index_sequence<S...>, int64_t begin, int64_t end, F... f) {
  constexpr int64_t block = 32 * lanes;
  Sums<sizeof...(F)> sums{};
  for (int64_t i = begin; i < end;) {
    const auto stop = std::min(end, i + block);
    T sum[sizeof...(F)][lanes] = {};
    for (; i + lanes <= stop; i += lanes) (add_lanes(sum[S], i, f), ...);
    for (; i < stop; ++i) ((sums[S] += static_cast<double>(f(i))), ...);
    ((sums[S] += total(sum[S])), ...);
  }
  return sums;
}

/// Calls part(begin, end) for pieces of [0, n), in parallel where there are several, and gives the
/// sum of the results in order: the same for every number of threads.
template <class Result, class Part, class Add>
Result in_pieces(int64_t n, int64_t piece, Part part, Add add) {
  const auto count = (n + piece - 1) / piece;
  if (count <= 1) return part(int64_t{0}, n);
  std::vector<Result> results(static_cast<std::size_t>(count));
  detail::parallel_for(count, 1, [&](int64_t first, int64_t last) {
    for (auto i = first; i < last; ++i)
      results[static_cast<std::size_t>(i)] = part(i * piece, std::min(n, (i + 1) * piece));
  });
  for (std::size_t i = 1; i < results.size(); ++i) add(results[0], results[i]);
  return results[0];
}

/// Sums over the elements of group k; f takes their offsets.
template <class T, class... F>
Sums<sizeof...(F)> group_sums(AxisView groups, int64_t k, const F&... f) {
  using Result = Sums<sizeof...(F)>;
  const auto add = [](Result& to, const Result& from) {
    for (std::size_t s = 0; s < to.size(); ++s) to[s] += from[s];
  };
  Result sums{};
  for (int64_t o = 0; o < groups.outer; ++o) {
    const auto first = (o * groups.n + k) * groups.inner;
    const auto part = [&](int64_t begin, int64_t end) {
      return sums_over<T>(std::index_sequence_for<F...>(), first + begin, first + end, f...);
    };
    add(sums, in_pieces<Result>(groups.inner, 4 * detail::elementwise_grain, part, add));
  }
  return sums;
}

// Groups of inner 1 lie across the rows of a matrix; they are summed side by side, a band of
// columns at a time, so that memory is read in order.

constexpr int64_t band = 64;

/// Sums for the columns [begin, end); f takes the column and the offset of an element.
template <class T, class... F>
std::array<std::array<double, band>, sizeof...(F)> band_sums(AxisView groups, int64_t begin,
                                                             int64_t end, const F&... f) {
  using Result = std::array<std::array<double, band>, sizeof...(F)>;
  const auto width = end - begin;
  const auto rows = [&](int64_t row, int64_t stop) {
    Result sums{};
    while (row < stop) {
      T part[sizeof...(F)][band] = {};
      for (const auto last = std::min(stop, row + 32); row < last; ++row)
        for (int64_t j = 0; j < width; ++j) {
          std::size_t s = 0;
          ((part[s++][j] += f(begin + j, row * groups.n + begin + j)), ...);
        }
      for (std::size_t s = 0; s < sums.size(); ++s)
        for (std::size_t j = 0; j < band; ++j) sums[s][j] += static_cast<double>(part[s][j]);
    }
    return sums;
  };
  const auto add = [](Result& to, const Result& from) {
    for (std::size_t s = 0; s < to.size(); ++s)
      for (std::size_t j = 0; j < band; ++j) to[s][j] += from[s][j];
  };
  return in_pieces<Result>(groups.outer, 4 * detail::elementwise_grain / width + 1, rows, add);
}

/// f(begin, end) for bands of columns.
template <class F> void for_bands(AxisView groups, F f) {
  const auto bands = (groups.n + band - 1) / band;
  const auto grain = detail::elementwise_grain / (groups.outer * band + 1) + 1;
  detail::parallel_for(bands, grain, [&](int64_t first, int64_t last) {
    for (auto i = first; i < last; ++i) f(i * band, std::min((i + 1) * band, groups.n));
  });
}

/// f(k) for every group.
template <class F> void for_groups(AxisView groups, F f) {
  const auto grain = detail::elementwise_grain / (groups.outer * groups.inner + 1) + 1;
  detail::parallel_for(groups.n, grain, [&](int64_t begin, int64_t end) {
    for (auto k = begin; k < end; ++k) f(k);
  });
}

/// f(offset) for the elements of group k, long runs in parallel.
template <class F> void for_group(AxisView groups, int64_t k, F f) {
  const auto run = [](int64_t begin, int64_t end, const F own) {  // a copy that no store can change
    for (auto at = begin; at < end; ++at) own(at);
  };
  for (int64_t o = 0; o < groups.outer; ++o) {
    const auto first = (o * groups.n + k) * groups.inner;
    if (groups.inner <= detail::elementwise_grain) {
      run(first, first + groups.inner, f);
      continue;
    }
    detail::parallel_for(groups.inner, detail::elementwise_grain,
                         [=](int64_t begin, int64_t end) { run(first + begin, first + end, f); });
  }
}

/// f(k, offset) for every element of groups of inner 1.
template <class F> void for_columns(AxisView groups, F f) {
  const auto grain = detail::elementwise_grain / groups.n + 1;
  detail::parallel_for(groups.outer, grain, [&](int64_t first, int64_t last) {
    for (auto row = first; row < last; ++row)
      for (int64_t k = 0; k < groups.n; ++k) f(k, row * groups.n + k);
  });
}

void count(AxisView groups, std::size_t element, int flops, int arrays) {
  const auto n = groups.outer * groups.n * groups.inner;
  detail::count_work(flops * n, static_cast<std::size_t>(arrays * n) * element);
}

double size_of_group(AxisView groups) { return static_cast<double>(groups.outer * groups.inner); }

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

/// Moments of group k in a type of larger range: for elements that are all equal, not finite, or
/// whose squares are not.
template <class T>
void wide_moments(const T* x, const Frame<T>& frame, AxisView groups, int64_t k) {
  using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;
  const Wide n = static_cast<Wide>(size_of_group(groups));
  const T first = x[k * groups.inner];
  bool constant = true;
  Wide mean = 0, farthest = 0, square = 0;
  for_elements(x, groups, k, [&](T v) { constant = constant && v == first; });
  if (!constant) for_elements(x, groups, k, [&](T v) { mean += v; });
  mean = constant ? first : mean / n;
  if (!std::isfinite(mean)) {
    frame.shrink[k] = 1;
    frame.center[k] = static_cast<T>(mean);
    frame.rest[k] = 0;
    frame.scale[k] = std::numeric_limits<T>::quiet_NaN();
    return;
  }
  for_elements(x, groups, k, [&](T v) { farthest = std::max(farthest, std::abs(v - mean)); });
  constexpr int limit = std::numeric_limits<T>::max_exponent - 8;
  const int exponent = farthest > 0 ? std::clamp(std::ilogb(farthest), -limit, limit) : 0;
  const Wide shrink = std::ldexp(Wide(1), -exponent);
  for_elements(x, groups, k, [&](T v) { square += (v - mean) * shrink * ((v - mean) * shrink); });
  frame.shrink[k] = static_cast<T>(shrink);
  frame.center[k] = static_cast<T>(mean * shrink);
  frame.rest[k] = static_cast<T>(mean * shrink - frame.center[k]);
  frame.scale[k] = static_cast<T>(square / n);
}

/// Moments from the sums of x - center and of its square.
template <class T>
void set_moments(const T* x, const Frame<T>& frame, AxisView groups, int64_t k, double sum,
                 double sum_squares) {
  const double n = size_of_group(groups), correction = sum / n, center = frame.center[k];
  frame.shrink[k] = 1;
  frame.center[k] = static_cast<T>(center + correction);
  frame.rest[k] = static_cast<T>(correction - (static_cast<double>(frame.center[k]) - center));
  frame.scale[k] = static_cast<T>(std::max(sum_squares / n - correction * correction, 0.0));
  if (!in_range(frame.scale[k])) wide_moments(x, frame, groups, k);
}

/// g d, and 0 where g is 0 even if d is infinite or NaN.
template <class T> T masked_mul(T g, T d) { return g == 0 ? T(0) : g * d; }

/// The frame of one group.
template <class T> struct View {
  View(const Frame<const T>& frame, int64_t k)
      : shrink(frame.shrink[k]),
        center(frame.center[k]),
        rest(frame.rest[k]),
        scale(frame.scale[k]) {}
  T operator()(T x) const { return ((x * shrink - center) - rest) * scale; }
  /// The gradient of x from that of y = (*this)(x) and the means over the group.
  T gradient(T g, T x, T mean_g, T mean_gy) const {
    return masked_mul(g - mean_g - masked_mul(mean_gy, (*this)(x)), scale) * shrink;
  }

  T shrink, center, rest, scale;
};

}  // namespace

// The mean is found as its distance from the first element, so that it is exact where all are
// equal; then once more as its distance from that mean.
template <class T> void moments(const T* x, Frame<T> frame, AxisView groups) {
  count(groups, sizeof(T), 6, 1);
  const double n = size_of_group(groups);
  if (groups.inner == 1)
    return for_bands(groups, [=](int64_t begin, int64_t end) {
      const auto sums =
          band_sums<T>(groups, begin, end, [=](int64_t k, int64_t at) { return x[at] - x[k]; });
      T* const center = frame.center;
      for (auto k = begin; k < end; ++k)
        center[k] = static_cast<T>(x[k] + sums[0][static_cast<std::size_t>(k - begin)] / n);
      const auto deviation = [=](int64_t k, int64_t at) { return x[at] - center[k]; };
      const auto corrected =
          band_sums<T>(groups, begin, end, deviation,
                       [=](int64_t k, int64_t at) { return deviation(k, at) * deviation(k, at); });
      for (auto k = begin; k < end; ++k)
        set_moments(x, frame, groups, k, corrected[0][static_cast<std::size_t>(k - begin)],
                    corrected[1][static_cast<std::size_t>(k - begin)]);
    });
  for_groups(groups, [=](int64_t k) {
    const T first = x[k * groups.inner];
    const auto sums = group_sums<T>(groups, k, [=](int64_t at) { return x[at] - first; });
    const T center = frame.center[k] = static_cast<T>(first + sums[0] / n);
    const auto deviation = [=](int64_t at) { return x[at] - center; };
    const auto corrected = group_sums<T>(groups, k, deviation,
                                         [=](int64_t at) { return deviation(at) * deviation(at); });
    set_moments(x, frame, groups, k, corrected[0], corrected[1]);
  });
}

template <class T> void invert(Frame<T> frame, double eps, int64_t groups) {
  const double root = std::sqrt(eps);
  for (int64_t k = 0; k < groups; ++k) {
    const double square = frame.scale[k], shrink = frame.shrink[k];
    frame.scale[k] = static_cast<T>(
        1 / (shrink == 1 ? std::sqrt(square + eps) : std::hypot(std::sqrt(square), root * shrink)));
  }
}

template <class T> void standardise(const T* x, Frame<const T> frame, T* y, AxisView groups) {
  count(groups, sizeof(T), 4, 2);
  if (groups.inner == 1)
    return for_columns(groups, [=](int64_t k, int64_t at) { y[at] = View<T>(frame, k)(x[at]); });
  for_groups(groups, [=](int64_t k) {
    const View<T> view(frame, k);
    for_group(groups, k, [=](int64_t at) { y[at] = view(x[at]); });
  });
}

template <class T>
void standardise_backward(const T* g, const T* x, Frame<const T> frame, T* dx, AxisView groups) {
  count(groups, sizeof(T), 12, 3);
  const double n = size_of_group(groups);
  if (groups.inner == 1) {
    std::vector<T> means(static_cast<std::size_t>(2 * groups.n));
    T *const mean_g = means.data(), *const mean_gy = mean_g + groups.n;
    for_bands(groups, [=](int64_t begin, int64_t end) {
      const auto sums = band_sums<T>(
          groups, begin, end, [=](int64_t, int64_t at) { return g[at]; },
          [=](int64_t k, int64_t at) { return masked_mul(g[at], View<T>(frame, k)(x[at])); });
      for (auto k = begin; k < end; ++k) {
        mean_g[k] = static_cast<T>(sums[0][static_cast<std::size_t>(k - begin)] / n);
        mean_gy[k] = static_cast<T>(sums[1][static_cast<std::size_t>(k - begin)] / n);
      }
    });
    return for_columns(groups, [=](int64_t k, int64_t at) {
      dx[at] = View<T>(frame, k).gradient(g[at], x[at], mean_g[k], mean_gy[k]);
    });
  }
  for_groups(groups, [=](int64_t k) {
    const View<T> view(frame, k);
    const auto sums = group_sums<T>(
        groups, k, [=](int64_t at) { return g[at]; },
        [=](int64_t at) { return masked_mul(g[at], view(x[at])); });
    const T mean_g = static_cast<T>(sums[0] / n), mean_gy = static_cast<T>(sums[1] / n);
    for_group(groups, k,
              [=](int64_t at) { dx[at] = view.gradient(g[at], x[at], mean_g, mean_gy); });
  });
}

template void moments(const float*, Frame<float>, AxisView);
template void moments(const double*, Frame<double>, AxisView);
template void invert(Frame<float>, double, int64_t);
template void invert(Frame<double>, double, int64_t);
template void standardise(const float*, Frame<const float>, float*, AxisView);
template void standardise(const double*, Frame<const double>, double*, AxisView);
template void standardise_backward(const float*, const float*, Frame<const float>, float*,
                                   AxisView);
template void standardise_backward(const double*, const double*, Frame<const double>, double*,
                                   AxisView);

}  // namespace gradtape::kernels
