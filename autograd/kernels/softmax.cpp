#include "gradtape/autograd/kernels/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "gradtape/autograd/elementwise/math.hpp"
#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using detail::combine_lanes;
using std::int64_t;

template <class T> using Register = xsimd::batch<T>;
template <class T> constexpr int64_t width = static_cast<int64_t>(Register<T>::size);
template <class T> constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T> constexpr T log_half = T(-0.6931471805599453);

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

/// e^x for x <= 0 or NaN. AVX-512's instruction for y 2^n serves where that is subnormal too;
/// xsimd's gives 0 there. Always inlined: a call would load all constants again.
template <class T> [[gnu::always_inline]] inline Register<T> exp_of(const Register<T>& x) {
#ifdef __AVX512F__
  if constexpr (sizeof(Register<T>) == 64) {
    using P = Pack<Register<T>>;
    return math::times_exp(P(1), math::at_least(P(x), sizeof(T) == 4 ? -104 : -746), P(0)).v;
  }
#endif
  return xsimd::exp(x);
}

constexpr auto plus = [](const auto& a, const auto& b) { return a + b; };
constexpr auto larger = [](const auto& a, const auto& b) { return xsimd::max(a, b); };

/// What is subtracted from a row before exp so that it does not overflow: its largest element. NaN
/// for a row of -inf, which has no softmax.
template <class T> T shift_of(const T* x, int64_t n) {
  const auto same = [](int64_t, const auto& v) { return v; };
  const T shift =
      combine_lanes(reduce<T>({x}, -infinity<T>, n, -infinity<T>, same, larger), larger);
  return shift == -infinity<T> ? std::numeric_limits<T>::quiet_NaN() : shift;
}

/// v - shift; 0 for the largest element even where it is infinite, so that what tends to a limit as
/// an element grows has the limit at infinity.
template <class T> Register<T> shifted(const Register<T>& v, T shift) {
  return xsimd::select(v == Register<T>(shift), Register<T>(T(0)), v - Register<T>(shift));
}
template <class T> T shifted(T v, T shift) { return v == shift ? 0 : v - shift; }

/// log(sum(exp(x - shift))). Where one element is most of the sum, it has the digits of the rest.
template <class T> T log_sum_of_exp(const T* x, T shift, int64_t n) {
  Register<T> tops(T(0));
  const auto term = [shift, &tops](int64_t, const auto& v) {
    const auto top = v == Register<T>(shift);
    tops += xsimd::select(top, Register<T>(T(1)), Register<T>(T(0)));
    return xsimd::select(top, Register<T>(T(0)), exp_of<T>(v - Register<T>(shift)));
  };
  const T rest = combine_lanes(reduce<T>({x}, -infinity<T>, n, T(0), term, plus), plus);
  const T count = combine_lanes(tops, plus);
  return count == 1 ? std::log1p(rest) : std::log(count + rest);
}

/// g * d, and 0 where g is 0 even if d is infinite or NaN.
template <class T> Register<T> masked_mul(const Register<T>& g, const Register<T>& d) {
  return xsimd::select(g == Register<T>(T(0)), Register<T>(T(0)), g * d);
}

/// The gradient of a row sums up to 0. The element that is more than half of a softmax loses the
/// digits of its own; the others have them, so it becomes what they lack.
template <class T> void balance(T* dx, int64_t top, int64_t n) {
  const auto same = [](int64_t, const auto& v) { return v; };
  dx[top] = 0;
  dx[top] = 0 - combine_lanes(reduce<T>({dx}, T(0), n, T(0), same, plus), plus);
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
          const Register<T> e = exp_of<T>(shifted<T>(v, shift));
          if (k + width<T> <= n)
            e.store_unaligned(to + k);
          else
            store_part(e, to + k, n - k);
          return e;
        },
        plus);
    const T factor = T(1) / combine_lanes(sums, plus);
    map<T>({to}, to, n, [=](const auto& e) { return e * factor; });
  });
}

template <class T> void softmax_backward(const T* g, const T* y, T* dx, AxisView rows) {
  count<T>(rows, 5, 3);
  for_rows(rows, [=, n = rows.n](int64_t row) {
    const T *const c = g + row * n, *const p = y + row * n;
    Register<T> largest(T(0));
    const auto product = [&largest](int64_t, const auto& v, const auto& w) {
      largest = xsimd::max(largest, w);
      return masked_mul<T>(v, w);
    };
    const Register<T> total(combine_lanes(reduce<T>({c, p}, T(0), n, T(0), product, plus), plus));
    map<T>({c, p}, dx + row * n, n, [=](const auto& v, const auto& w) {
      return masked_mul<T>(v, w) - masked_mul<T>(total, w);
    });
    if (const T most = combine_lanes(largest, larger); most > T(0.5))
      balance(dx + row * n, std::find(p, p + n, most) - p, n);
  });
}

template <class T> void log_softmax(const T* x, T* y, AxisView rows) {
  count<T>(rows, 6, 2);
  for_rows(rows, [=, n = rows.n](int64_t row) {
    const T* const from = x + row * n;
    const T shift = shift_of(from, n), log_sum = log_sum_of_exp(from, shift, n);
    map<T>({from}, y + row * n, n, [=](const auto& v) { return shifted<T>(v, shift) - log_sum; });
  });
}

template <class T> void log_softmax_backward(const T* g, const T* y, T* dx, AxisView rows) {
  count<T>(rows, 4, 3);
  for_rows(rows, [=, n = rows.n](int64_t row) {
    const T *const c = g + row * n, *const p = y + row * n;
    const auto same = [](int64_t, const auto& v) { return v; };
    const Register<T> total(combine_lanes(reduce<T>({c}, T(0), n, T(0), same, plus), plus));
    map<T>({c, p}, dx + row * n, n,
           [=](const auto& v, const auto& w) { return v - masked_mul<T>(total, exp_of<T>(w)); });
    if (const T most = shift_of(p, n); most > log_half<T>)
      balance(dx + row * n, std::find(p, p + n, most) - p, n);
  });
}

namespace {

/// The two numbers that take a row from logits to log probabilities.
template <class T> struct LogOffset {
  T shift, log_sum;

  static LogOffset of(const T* x, T* offsets, int64_t n) {
    const T shift = shift_of(x, n);
    return {offsets[0] = shift, offsets[1] = log_sum_of_exp(x, shift, n)};
  }
};

/// The sum of the weights of n classes.
template <class T> double sum_of(const T* weight, int64_t n) {
  if (!weight) return static_cast<double>(n);
  return std::accumulate(weight, weight + n, 0.0);
}

/// sum_c weight_c (-log_softmax(x)_c)
template <class T>
double weighted_loss(const T* x, const T* weight, double sum, LogOffset<T> offset, int64_t n) {
  const T shift = offset.shift;
  const auto plain = [=](int64_t, const auto& v) { return -shifted<T>(v, shift); };
  const auto times = [=](int64_t, const auto& v, const auto& w) {
    return masked_mul<T>(w, -shifted<T>(v, shift));
  };
  const auto above = weight ? reduce<T>({x, weight}, T(0), n, T(0), times, plus)
                            : reduce<T>({x}, shift, n, T(0), plain, plus);
  return static_cast<double>(combine_lanes(above, plus)) +
         sum * static_cast<double>(offset.log_sum);
}

}  // namespace

template <class T>
void cross_entropy(const T* x, const ClassTargets<T>& target, T* offsets, double* loss,
                   AxisView rows) {
  const auto [index, weight, smoothing] = target;
  count<T>(rows, smoothing > 0 ? 7 : 4, 1);
  const auto n = rows.n;
  const double share = smoothing / static_cast<double>(n), sum = sum_of(weight, n);
  for_rows(rows, [=, index = index, weight = weight, smoothing = smoothing](int64_t row) {
    const T* const from = x + row * n;
    const auto offset = LogOffset<T>::of(from, offsets + 2 * row, n);
    const auto c = index[row];
    loss[row] = 0;
    if (c < 0) return;
    const double own = (1 - smoothing) * static_cast<double>(weight ? weight[c] : T(1));
    if (own != 0)
      loss[row] = own * (static_cast<double>(offset.log_sum) +
                         static_cast<double>(-shifted(from[c], offset.shift)));
    if (share > 0) loss[row] += share * weighted_loss(from, weight, sum, offset, n);
  });
}

template <class T>
void cross_entropy_backward(const T* x, const ClassTargets<T>& target, const T* offsets,
                            RowScale<T> scale, T* dx, AxisView rows) {
  const auto [index, weight, smoothing] = target;
  count<T>(rows, smoothing > 0 ? 6 : 4, 2);
  const auto n = rows.n;
  const double share = smoothing / static_cast<double>(n), sum = sum_of(weight, n);
  for_rows(rows, [=, index = index, weight = weight, smoothing = smoothing](int64_t row) {
    const T g = scale[row];
    const auto c = index[row];
    T* const to = dx + row * n;
    if (g == 0 || c < 0) return void(std::fill_n(to, n, T(0)));  // even where the softmax is NaN
    const T shift = offsets[2 * row], log_sum = offsets[2 * row + 1];
    const double own = (1 - smoothing) * static_cast<double>(weight ? weight[c] : T(1));
    const T all = g * static_cast<T>(own + share * sum), spread = g * static_cast<T>(share);
    const auto softmax = [=](const auto& v) {
      return exp_of<T>(shifted<T>(v, shift) - log_sum) * all;
    };
    if (share == 0)
      map<T>({x + row * n}, to, n, softmax);
    else if (!weight)
      map<T>({x + row * n}, to, n, [=](const auto& v) { return softmax(v) - spread; });
    else
      map<T>({x + row * n, weight}, to, n,
             [=](const auto& v, const auto& w) { return softmax(v) - spread * w; });
    to[c] -= g * static_cast<T>(own);
    if (shifted(x[row * n + c], shift) - log_sum > log_half<T>) balance(to, c, n);
  });
}

template <class T>
void cross_entropy(const T* x, const SoftTargets<T>& target, T* offsets, double* loss,
                   AxisView rows) {
  count<T>(rows, 7, 2);
  const auto n = rows.n;
  for_rows(rows, [=, wanted = target.wanted](int64_t row) {
    const T* const from = x + row * n;
    const auto [shift, log_sum] = LogOffset<T>::of(from, offsets + 2 * row, n);
    const auto term = [shift = shift, log_sum = log_sum](int64_t, const auto& v, const auto& a) {
      return masked_mul<T>(a, log_sum - shifted<T>(v, shift));
    };
    loss[row] = static_cast<double>(
        combine_lanes(reduce<T>({from, wanted + row * n}, T(0), n, T(0), term, plus), plus));
  });
}

template <class T>
void cross_entropy_backward(const T* x, const SoftTargets<T>& target, const T* offsets,
                            RowScale<T> scale, T* dx, AxisView rows) {
  count<T>(rows, 6, 3);
  const auto n = rows.n;
  for_rows(rows, [=, wanted = target.wanted](int64_t row) {
    const T g = scale[row];
    const T* const a = wanted + row * n;
    T* const to = dx + row * n;
    if (g == 0) return void(std::fill_n(to, n, T(0)));
    const T shift = offsets[2 * row], log_sum = offsets[2 * row + 1];
    const auto same = [](int64_t, const auto& v) { return v; };
    const Register<T> sum(combine_lanes(reduce<T>({a}, T(0), n, T(0), same, plus), plus));
    map<T>({x + row * n, a}, to, n, [=](const auto& v, const auto& w) {
      return g * (masked_mul<T>(sum, exp_of<T>(shifted<T>(v, shift) - log_sum)) - w);
    });
    if (-log_sum > log_half<T>)
      balance(to, std::find(x + row * n, x + (row + 1) * n, shift) - (x + row * n), n);
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
template void cross_entropy(const float*, const ClassTargets<float>&, float*, double*, AxisView);
template void cross_entropy_backward(const float*, const ClassTargets<float>&, const float*,
                                     RowScale<float>, float*, AxisView);
template void cross_entropy(const float*, const SoftTargets<float>&, float*, double*, AxisView);
template void cross_entropy_backward(const float*, const SoftTargets<float>&, const float*,
                                     RowScale<float>, float*, AxisView);
template void cross_entropy(const double*, const ClassTargets<double>&, double*, double*, AxisView);
template void cross_entropy_backward(const double*, const ClassTargets<double>&, const double*,
                                     RowScale<double>, double*, AxisView);
template void cross_entropy(const double*, const SoftTargets<double>&, double*, double*, AxisView);
template void cross_entropy_backward(const double*, const SoftTargets<double>&, const double*,
                                     RowScale<double>, double*, AxisView);

}  // namespace gradtape::kernels
