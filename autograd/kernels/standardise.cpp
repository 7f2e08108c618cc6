#include "gradtape/autograd/kernels/standardise.hpp"

#include <algorithm>
#include <vector>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;

/// The sum of f(0) ... f(n - 1), in lanes that the compiler turns into registers.
template <class T, class F> double sum_of(int64_t n, F f) {
  constexpr int lanes = 32;
  T sum[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int k = 0; k < lanes; ++k) sum[k] += f(i + k);
  double total = 0;
  for (; i < n; ++i) total += f(i);
  for (int k = 0; k < lanes; ++k) total += sum[k];
  return total;
}

/// g d, and 0 where g is 0 even if d is infinite or NaN.
template <class T> T masked_mul(T g, T d) { return g == 0 ? T(0) : g * d; }

/// What is left of g after its mean and its part along y are taken away.
template <class T> T projected(T g, T y, T mean_g, T mean_gy) {
  return g - mean_g - masked_mul(mean_gy, y);
}

// AxisView of inner 1 lie across the rows of a matrix; they are summed side by side, a band of
// columns at a time, so that memory is read in order.

constexpr int64_t band = 64;

/// sums[k] += f(row, k) for the columns k in [begin, end) and all rows, f(row, k, offset).
template <class F>
void column_sums(AxisView groups, int64_t begin, int64_t end, double* sums, F f) {
  std::fill(sums, sums + (end - begin), 0.0);
  for (int64_t row = 0; row < groups.outer; ++row)
    for (int64_t k = begin; k < end; ++k)
      sums[k - begin] += static_cast<double>(f(k, row * groups.n + k));
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

/// f(offset) for the runs of `inner` elements that make group k.
template <class F> void for_runs(AxisView groups, int64_t k, F f) {
  for (int64_t o = 0; o < groups.outer; ++o) f((o * groups.n + k) * groups.inner);
}

void count(AxisView groups, std::size_t element, int flops, int arrays) {
  const auto n = groups.outer * groups.n * groups.inner;
  detail::count_work(flops * n, static_cast<std::size_t>(arrays * n) * element);
}

}  // namespace

template <class T> void moments(const T* x, T* mean, T* var, AxisView groups) {
  count(groups, sizeof(T), 4, 1);
  const auto n = static_cast<double>(groups.outer * groups.inner);
  if (groups.inner == 1)
    return for_bands(groups, [=](int64_t begin, int64_t end) {
      double sums[band];
      column_sums(groups, begin, end, sums, [=](int64_t, int64_t at) { return x[at]; });
      for (auto k = begin; k < end; ++k) mean[k] = static_cast<T>(sums[k - begin] / n);
      column_sums(groups, begin, end, sums,
                  [=](int64_t k, int64_t at) { return (x[at] - mean[k]) * (x[at] - mean[k]); });
      for (auto k = begin; k < end; ++k) var[k] = static_cast<T>(sums[k - begin] / n);
    });
  for_groups(groups, [=](int64_t k) {
    double sum = 0;
    for_runs(groups, k, [&](int64_t at) {
      sum += sum_of<T>(groups.inner, [v = x + at](int64_t i) { return v[i]; });
    });
    const T center = mean[k] = static_cast<T>(sum / n);
    sum = 0;
    for_runs(groups, k, [&](int64_t at) {
      sum += sum_of<T>(groups.inner,
                       [=, v = x + at](int64_t i) { return (v[i] - center) * (v[i] - center); });
    });
    var[k] = static_cast<T>(sum / n);
  });
}

template <class T>
void standardise(const T* x, const T* mean, const T* scale, T* y, AxisView groups) {
  count(groups, sizeof(T), 2, 2);
  if (groups.inner == 1)
    return for_bands(groups, [=](int64_t begin, int64_t end) {
      for (int64_t row = 0; row < groups.outer; ++row)
        for (auto k = begin; k < end; ++k)
          y[row * groups.n + k] = (x[row * groups.n + k] - mean[k]) * scale[k];
    });
  for_groups(groups, [=](int64_t k) {
    const T center = mean[k], factor = scale[k];
    for_runs(groups, k, [=](int64_t at) {
      for (int64_t i = 0; i < groups.inner; ++i) y[at + i] = (x[at + i] - center) * factor;
    });
  });
}

template <class T>
void standardise_backward(const T* g, const T* x, const T* mean, const T* scale, T* dx,
                          AxisView groups) {
  count(groups, sizeof(T), 10, 3);
  const auto n = static_cast<double>(groups.outer * groups.inner);
  if (groups.inner == 1)
    return for_bands(groups, [=](int64_t begin, int64_t end) {
      double sums_g[band], sums_gy[band];
      column_sums(groups, begin, end, sums_g, [=](int64_t, int64_t at) { return g[at]; });
      column_sums(groups, begin, end, sums_gy, [=](int64_t k, int64_t at) {
        return masked_mul(g[at], (x[at] - mean[k]) * scale[k]);
      });
      for (int64_t row = 0; row < groups.outer; ++row)
        for (auto k = begin; k < end; ++k) {
          const auto at = row * groups.n + k;
          const T mean_g = static_cast<T>(sums_g[k - begin] / n);
          const T mean_gy = static_cast<T>(sums_gy[k - begin] / n);
          const T y = (x[at] - mean[k]) * scale[k];
          dx[at] = masked_mul(projected(g[at], y, mean_g, mean_gy), scale[k]);
        }
    });
  for_groups(groups, [=](int64_t k) {
    const T center = mean[k], factor = scale[k];
    double sum_g = 0, sum_gy = 0;
    for_runs(groups, k, [&](int64_t at) {
      sum_g += sum_of<T>(groups.inner, [v = g + at](int64_t i) { return v[i]; });
      sum_gy += sum_of<T>(groups.inner, [=, v = g + at, w = x + at](int64_t i) {
        return masked_mul(v[i], (w[i] - center) * factor);
      });
    });
    const T mean_g = static_cast<T>(sum_g / n), mean_gy = static_cast<T>(sum_gy / n);
    for_runs(groups, k, [=](int64_t at) {
      for (int64_t i = at; i < at + groups.inner; ++i)
        dx[i] = masked_mul(projected(g[i], (x[i] - center) * factor, mean_g, mean_gy), factor);
    });
  });
}

template void moments(const float*, float*, float*, AxisView);
template void moments(const double*, double*, double*, AxisView);
template void standardise(const float*, const float*, const float*, float*, AxisView);
template void standardise(const double*, const double*, const double*, double*, AxisView);
template void standardise_backward(const float*, const float*, const float*, const float*, float*,
                                   AxisView);
template void standardise_backward(const double*, const double*, const double*, const double*,
                                   double*, AxisView);

}  // namespace gradtape::kernels
