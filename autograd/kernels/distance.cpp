#include "gradtape/autograd/kernels/distance.hpp"

#include <algorithm>
#include <cmath>
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

}  // namespace

template <class T> void euclidean(const T* a, const T* b, T* y, Pairs pairs) {
  const auto [count, n, m, d] = pairs;
  // With b transposed the innermost loop runs over the pairs: no sums across a register.
  std::vector<T> transposed(static_cast<std::size_t>(count * m * d));
  for (int64_t k = 0; k < count; ++k)
    for (int64_t j = 0; j < m; ++j)
      for (int64_t c = 0; c < d; ++c)
        transposed[static_cast<std::size_t>((k * d + c) * m + j)] = b[(k * m + j) * d + c];
  for_rows(pairs, [=, bt = transposed.data(), m = m, d = d](int64_t k, int64_t row) {
    T* const out = y + row * m;
    std::fill_n(out, m, T(0));
    for (int64_t c = 0; c < d; ++c) {
      const T x = a[row * d + c];
      const T* const column = bt + (k * d + c) * m;
      for (int64_t j = 0; j < m; ++j) out[j] += (x - column[j]) * (x - column[j]);
    }
    for (int64_t j = 0; j < m; ++j) out[j] = std::sqrt(out[j]);
  });
  const auto size = static_cast<double>(sizeof(T) * count);
  detail::count_work(3.0 * static_cast<double>(count * n * m * d),
                     size * static_cast<double>((n + m) * d + n * m));
}

template <class T>
void weighted_differences(const T* w, const T* a, const T* b, T* da, Pairs pairs) {
  const auto [count, n, m, d] = pairs;
  for_rows(pairs, [=, m = m, d = d](int64_t k, int64_t row) {
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
  const auto size = static_cast<double>(sizeof(T) * count);
  detail::count_work(3.0 * static_cast<double>(count * n * m * d),
                     size * static_cast<double>((2 * n + m) * d + n * m));
}

template void euclidean(const float*, const float*, float*, Pairs);
template void euclidean(const double*, const double*, double*, Pairs);
template void weighted_differences(const float*, const float*, const float*, float*, Pairs);
template void weighted_differences(const double*, const double*, const double*, double*, Pairs);

}  // namespace gradtape::kernels
