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

using detail::combine_lanes, detail::FirstLanes, detail::larger_of;
using std::int64_t;

template <class T> using Register = xsimd::batch<T>;
template <class T> constexpr int64_t width = static_cast<int64_t>(Register<T>::size);
template <class T> constexpr T infinity = std::numeric_limits<T>::infinity();
/// More than half of a softmax, by so much that rounding makes no two elements so; its logarithm.
template <class T> constexpr T half = T(0.51);
template <class T> constexpr T log_half = T(-0.6733445532637656);

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
    if (const FirstLanes<T> left(n - k); k < n)
      b = combine(b, f(k, left.load(x[I] + k, Register<T>(fill))...));
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
    if (const FirstLanes<T> left(n - k); k < n) left.store(f(left.load(x[I] + k)...), y + k);
  }(std::make_index_sequence<In>());
}

constexpr auto plus = [](const auto& a, const auto& b) { return a + b; };
constexpr auto larger = [](const auto& a, const auto& b) { return larger_of(a, b); };
constexpr auto same = [](std::int64_t, const auto& v) { return v; };

/// y[k] = f(x[k]...) for k below n, and the sum of those of which left_out(x[0]) does not hold. y
/// may be one of x.
///
/// A row of a softmax's gradient sums up to 0. The element that is more than half of the softmax
/// loses the digits of its own; the others have them, so it becomes what they lack.
template <class T, std::size_t In, class F, class LeftOut>
T map_and_sum(const T* const (&x)[In], T* y, int64_t n, F f, LeftOut left_out) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    Register<T> sum(T(0));
    const auto kept = [&](const auto& first, const auto& value) {
      return xsimd::select(left_out(first), Register<T>(T(0)), value);
    };
    int64_t k = 0;
    for (; k + width<T> <= n; k += width<T>) {
      const Register<T> in[]{Register<T>::load_unaligned(x[I] + k)...}, value = f(in[I]...);
      value.store_unaligned(y + k);
      sum += kept(in[0], value);
    }
    if (const FirstLanes<T> left(n - k); k < n) {
      const Register<T> in[]{left.load(x[I] + k)...}, value = f(in[I]...);
      left.store(value, y + k);
      sum += left.keep(kept(in[0], value));
    }
    return combine_lanes(sum, plus);
  }(std::make_index_sequence<In>());
}

/// For left_out: what is equal to x, what is more.
template <class T> auto equal_to(T x) {
  return [x](const auto& v) { return v == Register<T>(x); };
}
template <class T> auto above(T x) {
  return [x](const auto& v) { return v > Register<T>(x); };
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

/// What is subtracted from a row before exp so that it does not overflow: its largest element. NaN
/// for a row of -inf, which has no softmax.
template <class T> T shift_of(const T* x, int64_t n) {
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

/// sum(exp(x - shift)) - 1. Where one element is most of the sum, it has the digits of the rest.
template <class T> T sum_of_exp_minus_1(const T* x, T shift, int64_t n) {
  Register<T> tops(T(0));
  const auto term = [shift, &tops](int64_t, const auto& v) {
    const auto top = v == Register<T>(shift);
    tops += xsimd::select(top, Register<T>(T(1)), Register<T>(T(0)));
    return xsimd::select(top, Register<T>(T(0)), exp_of<T>(v - Register<T>(shift)));
  };
  const T rest = combine_lanes(reduce<T>({x}, -infinity<T>, n, T(0), term, plus), plus);
  const T count = combine_lanes(tops, plus);
  return count - 1 + rest;
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

/// The rows that are worth a thread; an element costs about as much as eight additions.
int64_t grain(AxisView rows) { return detail::elementwise_grain / 8 / (rows.n + 1) + 1; }

/// f(row) for every row.
template <class F> void for_rows(AxisView rows, F f) {
  detail::parallel_for(rows.outer, grain(rows), [=](int64_t begin, int64_t end) {
    for (auto row = begin; row < end; ++row) f(row);
  });
}

/// A few rows that stay in the cache between two looks at them.
struct RowBlock {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

/// f(block) for blocks of at most width<T> rows.
template <class T, class F> void for_blocks(AxisView rows, F f) {
  constexpr int64_t cached = int64_t{1} << 13;  // bytes, a part of the first cache
  const auto element = static_cast<int64_t>(sizeof(T));
  const auto size = std::clamp<int64_t>(cached / element / (rows.n + 1), 1, width<T>);
  detail::parallel_for(rows.outer, grain(rows), [=](int64_t begin, int64_t end) {
    for (auto row = begin; row < end; row += size) f(RowBlock{row, std::min(row + size, end)});
  });
}

/// What takes the rows of a block from logits to log probabilities: x - shift - log_sum. One
/// logarithm serves as many rows as a register has elements.
template <class T> void log_offsets(const T* x, T* shift, T* log_sum, int64_t rows, int64_t n) {
  for (int64_t row = 0; row < rows; ++row) {
    shift[row] = shift_of(x + row * n, n);
    log_sum[row] = sum_of_exp_minus_1(x + row * n, shift[row], n);
  }
  map<T>({log_sum}, log_sum, rows, [](const auto& v) { return math::log1p(v); });
}

}  // namespace

template <class T> void softmax(const T* x, T* y, AxisView rows) {
  count<T>(rows, 5, 2);  // max, minus, exp, plus, times
  for_rows(rows, [=, n = rows.n](int64_t row) {
    const T* const from = x + row * n;
    T* const to = y + row * n;
    const T shift = shift_of(from, n);
    const auto exp_of_shifted = [=](const auto& v) { return exp_of<T>(shifted<T>(v, shift)); };
    const T sum = map_and_sum<T>({from}, to, n, exp_of_shifted, above(infinity<T>));
    map<T>({to}, to, n, [factor = T(1) / sum](const auto& e) { return e * factor; });
  });
}

template <class T> void softmax_backward(const T* g, const T* y, T* dx, AxisView rows) {
  count<T>(rows, 5, 3);
  for_rows(rows, [=, n = rows.n](int64_t row) {
    const T *const c = g + row * n, *const p = y + row * n;
    Register<T> largest(T(0));
    const auto product = [&largest](int64_t, const auto& v, const auto& w) {
      largest = larger_of(largest, w);
      return masked_mul<T>(v, w);
    };
    const Register<T> total(combine_lanes(reduce<T>({c, p}, T(0), n, T(0), product, plus), plus));
    const auto gradient = [=](const auto& w, const auto& v) {
      return masked_mul<T>(v, w) - masked_mul<T>(total, w);
    };
    T* const to = dx + row * n;
    const T rest = map_and_sum<T>({p, c}, to, n, gradient, above(half<T>));
    if (const T most = combine_lanes(largest, larger); most > half<T>)
      to[std::find(p, p + n, most) - p] = 0 - rest;
  });
}

template <class T> void log_softmax(const T* x, T* y, AxisView rows) {
  count<T>(rows, 6, 2);
  for_blocks<T>(rows, [=, n = rows.n](RowBlock block) {
    T shifts[width<T>], log_sums[width<T>];
    const T* const from = x + block.begin * n;
    T* const to = y + block.begin * n;
    log_offsets(from, shifts, log_sums, block.size(), n);
    for (int64_t row = 0; row < block.size(); ++row)
      map<T>({from + row * n}, to + row * n, n,
             [shift = shifts[row], log_sum = log_sums[row]](const auto& v) {
               return shifted<T>(v, shift) - log_sum;
             });
  });
}

template <class T> void log_softmax_backward(const T* g, const T* y, T* dx, AxisView rows) {
  count<T>(rows, 4, 3);
  for_rows(rows, [=, n = rows.n](int64_t row) {
    const T *const c = g + row * n, *const p = y + row * n;
    const Register<T> total(combine_lanes(reduce<T>({c}, T(0), n, T(0), same, plus), plus));
    const auto gradient = [=](const auto& w, const auto& v) {
      return v - masked_mul<T>(total, exp_of<T>(w));
    };
    T* const to = dx + row * n;
    const T rest = map_and_sum<T>({p, c}, to, n, gradient, above(log_half<T>));
    if (const T most = shift_of(p, n); most > log_half<T>)
      to[std::find(p, p + n, most) - p] = 0 - rest;
  });
}

namespace {

/// loss[row] = loss_of(row, shift, log_sum) for every row, of which offsets keeps the last two.
template <class T, class F>
void for_losses(const T* x, T* offsets, double* loss, AxisView rows, F loss_of) {
  T *const shifts = offsets, *const log_sums = offsets + rows.outer;
  for_blocks<T>(rows, [=, n = rows.n](RowBlock block) {
    log_offsets(x + block.begin * n, shifts + block.begin, log_sums + block.begin, block.size(), n);
    for (auto row = block.begin; row < block.end; ++row)
      loss[row] = loss_of(row, shifts[row], log_sums[row]);
  });
}

/// The sum of the weights of n classes.
template <class T> double sum_of(const T* weight, int64_t n) {
  if (!weight) return static_cast<double>(n);
  return std::accumulate(weight, weight + n, 0.0);
}

/// sum_c weight_c (-log_softmax(x)_c)
template <class T>
double weighted_loss(const T* x, const T* weight, double sum, T shift, T log_sum, int64_t n) {
  const auto plain = [=](int64_t, const auto& v) { return -shifted<T>(v, shift); };
  const auto times = [=](int64_t, const auto& v, const auto& w) {
    return masked_mul<T>(w, -shifted<T>(v, shift));
  };
  const auto above = weight ? reduce<T>({x, weight}, T(0), n, T(0), times, plus)
                            : reduce<T>({x}, shift, n, T(0), plain, plus);
  return static_cast<double>(combine_lanes(above, plus)) + sum * static_cast<double>(log_sum);
}

}  // namespace

template <class T>
void cross_entropy(const T* x, const ClassTargets<T>& target, T* offsets, double* loss,
                   AxisView rows) {
  const auto [index, weight, smoothing] = target;
  count<T>(rows, smoothing > 0 ? 7 : 4, 1);
  const auto n = rows.n;
  const double share = smoothing / static_cast<double>(n), sum = sum_of(weight, n);
  const auto loss_of = [=, index = index, weight = weight, smoothing = smoothing](
                           int64_t row, T shift, T log_sum) {
    const T* const from = x + row * n;
    const auto c = index[row];
    if (c < 0) return 0.0;
    double result = 0;
    const double own = (1 - smoothing) * static_cast<double>(weight ? weight[c] : T(1));
    if (own != 0)
      result = own * (static_cast<double>(log_sum) + static_cast<double>(-shifted(from[c], shift)));
    if (share > 0) result += share * weighted_loss(from, weight, sum, shift, log_sum, n);
    return result;
  };
  for_losses(x, offsets, loss, rows, loss_of);
}

template <class T>
void cross_entropy_backward(const T* x, const ClassTargets<T>& target, const T* offsets,
                            RowScale<T> scale, T* dx, AxisView rows) {
  const auto [index, weight, smoothing] = target;
  count<T>(rows, smoothing > 0 ? 6 : 4, 2);
  const auto n = rows.n;
  const double share = smoothing / static_cast<double>(n), sum = sum_of(weight, n);
  const T *const shifts = offsets, *const log_sums = offsets + rows.outer;
  for_rows(rows, [=, index = index, weight = weight, smoothing = smoothing](int64_t row) {
    const T g = scale[row];
    const auto c = index[row];
    T* const to = dx + row * n;
    if (g == 0 || c < 0) return void(std::fill_n(to, n, T(0)));  // even where the softmax is NaN
    const T shift = shifts[row], log_sum = log_sums[row];
    const double own = (1 - smoothing) * static_cast<double>(weight ? weight[c] : T(1));
    const T all = g * static_cast<T>(own + share * sum), spread = g * static_cast<T>(share);
    const auto softmax = [=](const auto& v) {
      return exp_of<T>(shifted<T>(v, shift) - log_sum) * all;
    };
    const T* const from = x + row * n;
    const auto smoothed = [=](const auto& v) { return softmax(v) - spread; };
    const auto weighted = [=](const auto& v, const auto& w) { return softmax(v) - spread * w; };
    const auto write = [&]<std::size_t In>(const T* const(&in)[In], const auto& f) {
      if (shifted(from[c], shift) - log_sum > log_half<T>) {
        to[c] = 0 - map_and_sum<T>(in, to, n, f, equal_to(from[c]));
      } else {
        map<T>(in, to, n, f);
        to[c] -= g * static_cast<T>(own);
      }
    };
    if (share == 0)
      write({from}, softmax);
    else if (!weight)
      write({from}, smoothed);
    else
      write({from, weight}, weighted);
  });
}

template <class T>
void cross_entropy(const T* x, const SoftTargets<T>& target, T* offsets, double* loss,
                   AxisView rows) {
  count<T>(rows, 7, 2);
  const auto n = rows.n;
  const auto loss_of = [=, wanted = target.wanted](int64_t row, T shift, T log_sum) {
    const auto term = [=](int64_t, const auto& v, const auto& a) {
      return masked_mul<T>(a, log_sum - shifted<T>(v, shift));
    };
    const auto terms = reduce<T>({x + row * n, wanted + row * n}, T(0), n, T(0), term, plus);
    return static_cast<double>(combine_lanes(terms, plus));
  };
  for_losses(x, offsets, loss, rows, loss_of);
}

template <class T>
void cross_entropy_backward(const T* x, const SoftTargets<T>& target, const T* offsets,
                            RowScale<T> scale, T* dx, AxisView rows) {
  count<T>(rows, 6, 3);
  const auto n = rows.n;
  const T *const shifts = offsets, *const log_sums = offsets + rows.outer;
  for_rows(rows, [=, wanted = target.wanted](int64_t row) {
    const T g = scale[row];
    const T* const a = wanted + row * n;
    T* const to = dx + row * n;
    if (g == 0) return void(std::fill_n(to, n, T(0)));
    const T shift = shifts[row], log_sum = log_sums[row];
    const Register<T> sum(combine_lanes(reduce<T>({a}, T(0), n, T(0), same, plus), plus));
    const T* const from = x + row * n;
    const auto gradient = [=](const auto& v, const auto& w) {
      return g * (masked_mul<T>(sum, exp_of<T>(shifted<T>(v, shift) - log_sum)) - w);
    };
    const T rest = map_and_sum<T>({from, a}, to, n, gradient, equal_to(shift));
    if (-log_sum > log_half<T>) to[std::find(from, from + n, shift) - from] = 0 - rest;
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
