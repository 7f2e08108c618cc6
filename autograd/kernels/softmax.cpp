#include "gradtape/autograd/kernels/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;

template <class T> using Register = xsimd::batch<T>;
template <class T> constexpr int64_t width = static_cast<int64_t>(Register<T>::size);
template <class T> constexpr T infinity = std::numeric_limits<T>::infinity();

// The loops below have a fixed length, which compilers turn into masked moves: three times as fast
// for short rows.

/// The first n elements at x, n < width, with `fill` in the rest of the register.
template <class T> Register<T> load_part(const T* x, int64_t n, T fill) {
  alignas(Register<T>) T part[width<T>];
  for (int64_t k = 0; k < width<T>; ++k) part[k] = k < n ? x[k] : fill;
  return Register<T>::load_aligned(part);
}

template <class T> void store_part(const Register<T>& v, T* y, int64_t n) {
  alignas(Register<T>) T part[width<T>];
  v.store_aligned(part);
  for (int64_t k = 0; k < width<T>; ++k)
    if (k < n) y[k] = part[k];
}

/// f(k, x[k ... k + width)...) combined over all k, into one register of partial results. Past the
/// end x reads as `fill`, which f must map to something that `combine` ignores.
template <class T, std::size_t In, class F, class Combine>
Register<T> reduce(const T* const (&x)[In], T fill, int64_t n, T start, F f, Combine combine) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    Register<T> a(start), b(start);
    int64_t k = 0;
    for (; k + 2 * width<T> <= n; k += 2 * width<T>) {
      a = combine(a, f(k, Register<T>::load_unaligned(x[I] + k)...));
      b = combine(b, f(k + width<T>, Register<T>::load_unaligned(x[I] + k + width<T>)...));
    }
    if (k + width<T> <= n) {
      a = combine(a, f(k, Register<T>::load_unaligned(x[I] + k)...));
      k += width<T>;
    }
    if (k < n) b = combine(b, f(k, load_part(x[I] + k, n - k, fill)...));
    return combine(a, b);
  }(std::make_index_sequence<In>());
}

/// y[k] = f(x[k]...) for k below n. y may be one of x.
template <class T, std::size_t In, class F>
void map(const T* const (&x)[In], T* y, int64_t n, F f) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    int64_t k = 0;
    for (; k + width<T> <= n; k += width<T>)
      f(Register<T>::load_unaligned(x[I] + k)...).store_unaligned(y + k);
    if (k < n) store_part(Register<T>(f(load_part(x[I] + k, n - k, T(0))...)), y + k, n - k);
  }(std::make_index_sequence<In>());
}

constexpr auto plus = [](const auto& a, const auto& b) { return a + b; };
constexpr auto larger = [](const auto& a, const auto& b) {
  using std::max, xsimd::max;
  return max(a, b);
};

/// The elements of a register combined into one, by halves.
template <class T, class Combine> T join(const Register<T>& v, Combine combine) {
  alignas(Register<T>) T lanes[width<T>];
  v.store_aligned(lanes);
  for (auto half = width<T> / 2; half > 0; half /= 2)
    for (int64_t k = 0; k < half; ++k) lanes[k] = combine(lanes[k], lanes[k + half]);
  return lanes[0];
}

/// What is subtracted from a row before exp so that it does not overflow: its largest element.
template <class T> T shift_of(const T* x, int64_t n) {
  const auto same = [](int64_t, const auto& v) { return v; };
  return join<T>(reduce<T>({x}, -infinity<T>, n, -infinity<T>, same, larger), larger);
}

/// sum(exp(x - shift))
template <class T> T sum_of_exp(const T* x, T shift, int64_t n) {
  const auto term = [=](int64_t, const auto& v) { return xsimd::exp(v - shift); };
  return join<T>(reduce<T>({x}, -infinity<T>, n, T(0), term, plus), plus);
}

/// g * d, and 0 where g is 0 even if d is infinite or NaN.
template <class T> Register<T> masked_mul(const Register<T>& g, const Register<T>& d) {
  return xsimd::select(g == Register<T>(T(0)), Register<T>(T(0)), g * d);
}

/// `flops` operations for every element, of `arrays` arrays that are read or written.
template <class T> void count(AxisView rows, int flops, int arrays) {
  const auto n = static_cast<double>(rows.outer * rows.n);
  detail::count_work(flops * n, arrays * n * sizeof(T));
}

/// f(row) for every row; an element costs about as much as eight additions.
template <class F> void for_rows(AxisView rows, F f) {
  detail::parallel_for(rows.outer, detail::elementwise_grain / 8 / (rows.n + 1) + 1,
                       [&](int64_t begin, int64_t end) {
                         for (auto row = begin; row < end; ++row) f(row);
                       });
}

}  // namespace

template <class T> void softmax(const T* x, T* y, AxisView rows) {
  count<T>(rows, 5, 2);  // max, minus, exp, plus, times
  for_rows(rows, [=, n = rows.n](int64_t row) {
    const T* const from = x + row * n;
    T* const to = y + row * n;
    const T shift = shift_of(from, n);
    const auto sums = reduce<T>(
        {from}, -infinity<T>, n, T(0),
        [=](int64_t k, const auto& v) {
          const Register<T> e = xsimd::exp(v - shift);
          if (k + width<T> <= n)
            e.store_unaligned(to + k);
          else
            store_part(e, to + k, n - k);
          return e;
        },
        plus);
    const T factor = T(1) / join<T>(sums, plus);
    map<T>({to}, to, n, [=](const auto& e) { return e * factor; });
  });
}

template <class T> void softmax_backward(const T* g, const T* y, T* dx, AxisView rows) {
  count<T>(rows, 5, 3);
  for_rows(rows, [=, n = rows.n](int64_t row) {
    const T *const c = g + row * n, *const p = y + row * n;
    const auto product = [](int64_t, const auto& v, const auto& w) { return masked_mul<T>(v, w); };
    const Register<T> total(join<T>(reduce<T>({c, p}, T(0), n, T(0), product, plus), plus));
    map<T>({c, p}, dx + row * n, n, [=](const auto& v, const auto& w) {
      return masked_mul<T>(v, w) - masked_mul<T>(total, w);
    });
  });
}

template <class T> void log_softmax(const T* x, T* y, AxisView rows) {
  count<T>(rows, 6, 2);
  for_rows(rows, [=, n = rows.n](int64_t row) {
    const T* const from = x + row * n;
    const T shift = shift_of(from, n), log_sum = std::log(sum_of_exp(from, shift, n));
    map<T>({from}, y + row * n, n, [=](const auto& v) { return v - shift - log_sum; });
  });
}

template <class T> void log_softmax_backward(const T* g, const T* y, T* dx, AxisView rows) {
  count<T>(rows, 4, 3);
  for_rows(rows, [=, n = rows.n](int64_t row) {
    const T *const c = g + row * n, *const p = y + row * n;
    const auto same = [](int64_t, const auto& v) { return v; };
    const Register<T> total(join<T>(reduce<T>({c}, T(0), n, T(0), same, plus), plus));
    map<T>({c, p}, dx + row * n, n,
           [=](const auto& v, const auto& w) { return v - masked_mul<T>(total, xsimd::exp(w)); });
  });
}

template <class T> T cross_entropy(const T* x, const int64_t* target, T* offsets, AxisView rows) {
  count<T>(rows, 4, 1);
  const auto n = rows.n;
  for_rows(rows, [=](int64_t row) {
    const T shift = shift_of(x + row * n, n);
    offsets[2 * row] = shift;
    offsets[2 * row + 1] = std::log(sum_of_exp(x + row * n, shift, n));
  });
  double total = 0;
  for (int64_t row = 0; row < rows.outer; ++row)
    total += static_cast<double>(offsets[2 * row + 1]) +
             static_cast<double>(offsets[2 * row] - x[row * n + target[row]]);
  return static_cast<T>(total / static_cast<double>(rows.outer));
}

template <class T>
void cross_entropy_backward(const T* x, const int64_t* target, const T* offsets, T scale, T* dx,
                            AxisView rows) {
  count<T>(rows, 4, 2);
  const auto n = rows.n;
  if (scale == 0)
    return void(std::fill_n(dx, rows.outer * n, T(0)));  // even where the softmax is NaN
  for_rows(rows, [=](int64_t row) {
    const T shift = offsets[2 * row], log_sum = offsets[2 * row + 1];
    T* const to = dx + row * n;
    map<T>({x + row * n}, to, n,
           [=](const auto& v) { return xsimd::exp(v - shift - log_sum) * scale; });
    to[target[row]] -= scale;
  });
}

template void softmax(const float*, float*, AxisView);
template void softmax(const double*, double*, AxisView);
template void softmax_backward(const float*, const float*, float*, AxisView);
template void softmax_backward(const double*, const double*, double*, AxisView);
template void log_softmax(const float*, float*, AxisView);
template void log_softmax(const double*, double*, AxisView);
template void log_softmax_backward(const float*, const float*, float*, AxisView);
template void log_softmax_backward(const double*, const double*, double*, AxisView);
template float cross_entropy(const float*, const int64_t*, float*, AxisView);
template double cross_entropy(const double*, const int64_t*, double*, AxisView);
template void cross_entropy_backward(const float*, const int64_t*, const float*, float, float*,
                                     AxisView);
template void cross_entropy_backward(const double*, const int64_t*, const double*, double, double*,
                                     AxisView);

}  // namespace gradtape::kernels
