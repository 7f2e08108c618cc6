#include "gradtape/autograd/kernels/linalg/distance.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;

/// f(matrix, row) for every row of every left matrix, whose work is n_work elements.
template <class F> void for_rows(Pairs pairs, F f) {
  const auto grain = detail::elementwise_grain / (pairs.m * pairs.d + 1) + 1;
  detail::parallel_for(pairs.count * pairs.n, grain, [&](int64_t begin, int64_t end) {
    for (auto row = begin; row < end; ++row) f(row / pairs.n, row);
  });
}

/// Counts a kernel that reads `lefts` matrices [n, d], one [m, d], and reads or writes one [n, m].
template <class T> void count(Pairs pairs, int lefts) {
  const auto [number, n, m, d] = pairs;
  detail::count_work(
      3.0 * static_cast<double>(number * n * m * d),
      static_cast<double>(sizeof(T) * number) * static_cast<double>((lefts * n + m) * d + n * m));
}

/// Every matrix [m, d] of b as [d, m]: the innermost loops run over pairs, and no sum crosses a
/// register.
template <class T> std::vector<T> transposed(const T* b, Pairs pairs) {
  const auto [count, n, m, d] = pairs;
  std::vector<T> bt(static_cast<std::size_t>(count * m * d));
  for (int64_t k = 0; k < count; ++k)
    for (int64_t j = 0; j < m; ++j)
      for (int64_t c = 0; c < d; ++c)
        bt[static_cast<std::size_t>((k * d + c) * m + j)] = b[(k * m + j) * d + c];
  return bt;
}

/// |x - y| where the sum of the squares is too large or too small to keep its digits.
template <class T> T scaled_distance(const T* x, const T* y, int64_t d) {
  T largest = 0, sum = 0;
  for (int64_t c = 0; c < d; ++c) largest = std::max(largest, std::abs(x[c] - y[c]));
  if (largest == 0 || std::isinf(largest)) return largest;
  for (int64_t c = 0; c < d; ++c) {
    const T part = (x[c] - y[c]) / largest;
    sum += part * part;
  }
  return largest * std::sqrt(sum);
}

/// Squares of distances whose terms neither overflowed nor lost digits; NaN stays as it is.
template <class T> bool keeps_digits(T squares) {
  constexpr T small = sizeof(T) == 4 ? T(1e-30) : T(1e-290);
  return !((squares <= small) | (squares >= 1 / small));  // both, for SIMD
}

/// f(first, size) for pieces of 0 ... n: `tile` elements, which the compiler knows and keeps in
/// registers, while there are so many.
template <int tile, class F> void in_tiles(int64_t n, F f) {
  int64_t first = 0;
  for (; first + tile <= n; first += tile) f(first, std::integral_constant<int, tile>());
  if (first < n) f(first, static_cast<int>(n - first));
}

/// Row by row of y: zeros, to which add(at, other, sum) adds for every column c, with the offset of
/// a[i, c] and other = b[j, c]; then finish(matrix, row, out).
template <class T, class Add, class Finish>
void over_pairs(const T* b, T* y, Pairs pairs, Add add, Finish finish) {
  constexpr int tile = 256 / sizeof(T);
  const auto columns = transposed(b, pairs);
  for_rows(pairs, [=, bt = columns.data(), m = pairs.m, d = pairs.d](int64_t k, int64_t row) {
    T* const out = y + row * m;
    in_tiles<tile>(m, [&](int64_t first, auto size) {
      T sums[tile] = {};
      for (int64_t c = 0; c < d; ++c) {
        const T* const column = bt + (k * d + c) * m + first;
        for (int j = 0; j < size; ++j) sums[j] = add(row * d + c, column[j], sums[j]);
      }
      std::copy_n(sums, static_cast<int>(size), out + first);
    });
    finish(k, row, out);
  });
}

}  // namespace

template <class T> void euclidean(const T* a, const T* b, T* y, Pairs pairs) {
  const auto m = pairs.m, d = pairs.d;
  over_pairs(
      b, y, pairs,
      [=](int64_t at, T other, T sum) { return sum + (a[at] - other) * (a[at] - other); },
      [=](int64_t k, int64_t row, T* out) {
        int lost = 0;
        for (int64_t j = 0; j < m; ++j) lost |= !keeps_digits(out[j]);
        if (!lost) {
          for (int64_t j = 0; j < m; ++j) out[j] = std::sqrt(out[j]);
          return;
        }
        for (int64_t j = 0; j < m; ++j)
          out[j] = keeps_digits(out[j]) ? std::sqrt(out[j])
                                        : scaled_distance(a + row * d, b + (k * m + j) * d, d);
      });
  count<T>(pairs, 1);
}

template <class T>
void weighted_differences(const T* w, const T* a, const T* b, T* da, Pairs pairs) {
  for_rows(pairs, [=, m = pairs.m, d = pairs.d](int64_t k, int64_t row) {
    const T* const x = a + row * d;
    T* const out = da + row * d;
    std::fill_n(out, d, T(0));
    for (int64_t j = 0; j < m; ++j) {
      const T factor = w[row * m + j];
      if (factor == 0) continue;
      const T* const other = b + (k * m + j) * d;
      for (int64_t c = 0; c < d; ++c) out[c] += factor * (x[c] - other[c]);
    }
  });
  count<T>(pairs, 2);
}

template <class T>
void products_with_differences(const T* g, const T* a, const T* b, T* y, Pairs pairs) {
  over_pairs(
      b, y, pairs,
      [=](int64_t at, T other, T sum) { return g[at] == 0 ? sum : sum + g[at] * (a[at] - other); },
      [](auto...) {});
  count<T>(pairs, 2);
}

template void euclidean(const float*, const float*, float*, Pairs);
template void euclidean(const double*, const double*, double*, Pairs);
template void weighted_differences(const float*, const float*, const float*, float*, Pairs);
template void weighted_differences(const double*, const double*, const double*, double*, Pairs);
template void products_with_differences(const float*, const float*, const float*, float*, Pairs);
template void products_with_differences(const double*, const double*, const double*, double*,
                                        Pairs);

}  // namespace gradtape::kernels
