/// Loops over groups of elements (see standardise.hpp) and sums of functions of them, by fixed
/// parts: the same bits for every number of threads. For kernels/*.cpp only.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"
#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape::kernels::group_loops {

using detail::AxisView;
using std::int64_t;

/// One sum for each of several functions.
template <std::size_t count> using Sums = std::array<double, count>;

inline constexpr int lanes = 32;  // sums side by side, which the compiler keeps in registers

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

/// Sums over the elements at [first, first + n); f takes their offsets.
template <class T, class... F>
Sums<sizeof...(F)> run_sums(int64_t first, int64_t n, const F&... f) {
  using Result = Sums<sizeof...(F)>;
  const auto add = [](Result& to, const Result& from) {
    for (std::size_t s = 0; s < to.size(); ++s) to[s] += from[s];
  };
  const auto part = [&](int64_t begin, int64_t end) {
    return sums_over<T>(std::index_sequence_for<F...>(), first + begin, first + end, f...);
  };
  return in_pieces<Result>(n, 4 * detail::elementwise_grain, part, add);
}

/// Sums over the elements of group k; f takes their offsets.
template <class T, class... F>
Sums<sizeof...(F)> group_sums(AxisView groups, int64_t k, const F&... f) {
  Sums<sizeof...(F)> sums{};
  for (int64_t o = 0; o < groups.outer; ++o) {
    const auto part = run_sums<T>((o * groups.n + k) * groups.inner, groups.inner, f...);
    for (std::size_t s = 0; s < sums.size(); ++s) sums[s] += part[s];
  }
  return sums;
}

// Groups of inner 1 lie across the rows of a matrix; they are summed side by side, a band of
// columns at a time, so that memory is read in order.

inline constexpr int64_t band = 512;

/// Sums for the columns [begin, end); f takes the column and the offset of an element.
template <class T, class... F>
std::array<std::array<double, band>, sizeof...(F)> band_sums(AxisView groups, int64_t begin,
                                                             int64_t end, const F&... f) {
  using Result = std::array<std::array<double, band>, sizeof...(F)>;
  const auto width = end - begin;
  const auto columns = static_cast<std::size_t>(width);
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
        for (std::size_t j = 0; j < columns; ++j) sums[s][j] += static_cast<double>(part[s][j]);
    }
    return sums;
  };
  const auto add = [=](Result& to, const Result& from) {
    for (std::size_t s = 0; s < to.size(); ++s)
      for (std::size_t j = 0; j < columns; ++j) to[s][j] += from[s][j];
  };
  return in_pieces<Result>(groups.outer, 4 * detail::elementwise_grain / width + 1, rows, add);
}

/// f(begin, end) for parts of the groups: single ones, bands where they are columns. A band is as
/// wide as it can be for its elements to stay in a cache of 2 MB.
template <class F> void for_groups(AxisView groups, F f) {
  constexpr int64_t narrowest = 64, elements = 1 << 19;
  const auto columns = std::clamp(elements / groups.outer / narrowest * narrowest, narrowest, band);
  const auto width = groups.inner == 1 ? columns : 1;
  const auto parts = (groups.n + width - 1) / width;
  const auto grain = detail::elementwise_grain / (groups.outer * groups.inner * width + 1) + 1;
  detail::parallel_for(parts, grain, [&](int64_t first, int64_t last) {
    for (auto i = first; i < last; ++i) f(i * width, std::min((i + 1) * width, groups.n));
  });
}

/// f(begin, end) for pieces of [0, n), in parallel where it is long.
template <class F> void for_run(int64_t n, const F& f) {
  detail::parallel_for(n, detail::elementwise_grain, f);
}

inline void count(AxisView groups, std::size_t element, int flops, int arrays) {
  const auto n = groups.outer * groups.n * groups.inner;
  detail::count_work(flops * n, static_cast<std::size_t>(arrays * n) * element);
}

inline double size_of_group(AxisView groups) {
  return static_cast<double>(groups.outer * groups.inner);
}

}  // namespace gradtape::kernels::group_loops
