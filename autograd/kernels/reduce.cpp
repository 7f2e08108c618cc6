#include "gradtape/autograd/kernels/reduce.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <type_traits>

#include "gradtape/autograd/elementwise/pack.hpp"
#include "gradtape/autograd/kernels/finite.hpp"
#include "gradtape/autograd/kernels/product.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;

struct Plus {
  template <class T> static constexpr T identity() { return 0; }
  template <class V> V operator()(V a, V b) const {
    return static_cast<V>(detail::wraps(a) + detail::wraps(b));
  }
};
struct Times {
  template <class T> static constexpr T identity() { return 1; }
  template <class V> V operator()(V a, V b) const {
    return static_cast<V>(detail::wraps(a) * detail::wraps(b));
  }
};
struct Larger {
  template <class T> static constexpr T identity() {
    if constexpr (std::numeric_limits<T>::has_infinity)
      return -std::numeric_limits<T>::infinity();
    else
      return std::numeric_limits<T>::lowest();
  }
  template <class V> V operator()(V a, V b) const {
    const Pack<V> p(a), q(b);
    return where(q > p, q, where(q == q, p, q)).v;  // a NaN in p stays: no comparison with it holds
  }
};
struct Smaller {
  template <class T> static constexpr T identity() {
    if constexpr (std::numeric_limits<T>::has_infinity)
      return std::numeric_limits<T>::infinity();
    else
      return std::numeric_limits<T>::max();
  }
  template <class V> V operator()(V a, V b) const {
    const Pack<V> p(a), q(b);
    return where(q < p, q, where(q == q, p, q)).v;
  }
};

// Elements of a row that one loop reduces: the fewer fit a register, the sooner their sum is added
// up by halves, which keeps its digits.
constexpr int64_t leaf = 16 * sizeof(xsimd::batch<float>);

/// Up to `leaf` elements. Four registers of partial results hide the latency of the operation.
template <class Op, class T> T reduce_leaf(const T* x, int64_t n) {
  using V = xsimd::batch<T>;
  constexpr auto width = static_cast<int64_t>(V::size);
  const Op op;
  T result = Op::template identity<T>();
  int64_t i = 0;
  if (n >= width) {
    V a = V::load_unaligned(x);
    i = width;
    if (n >= 4 * width) {
      V b = V::load_unaligned(x + width), c = V::load_unaligned(x + 2 * width),
        d = V::load_unaligned(x + 3 * width);
      for (i = 4 * width; i + 4 * width <= n; i += 4 * width) {
        a = op(a, V::load_unaligned(x + i));
        b = op(b, V::load_unaligned(x + i + width));
        c = op(c, V::load_unaligned(x + i + 2 * width));
        d = op(d, V::load_unaligned(x + i + 3 * width));
      }
      a = op(op(a, b), op(c, d));
    }
    for (; i + width <= n; i += width) a = op(a, V::load_unaligned(x + i));
    result = detail::combine_lanes(a, op);
  }
  for (; i < n; ++i) result = op(result, x[i]);
  return result;
}

/// What the results of parts of a row are kept in: sums of floats as doubles, that long ones have
/// all their digits.
template <class Op, class Out>
using Partial =
    std::conditional_t<std::is_same_v<Op, Plus> && std::is_same_v<Out, float>, double, Out>;

template <class Op, class Out, class T> Partial<Op, Out> reduce_row(const T* x, int64_t n) {
  if constexpr (std::is_floating_point_v<T>) {
    if (n <= leaf) return reduce_leaf<Op>(x, n);
    const auto half = (n / 2 + leaf - 1) / leaf * leaf;
    return Op()(reduce_row<Op, T>(x, half), reduce_row<Op, T>(x + half, n - half));
  } else {
    Out result = Op::template identity<Out>();
    for (int64_t i = 0; i < n; ++i) result = Op()(result, static_cast<Out>(x[i]));
    return result;
  }
}

/// y[j] = op_i(y[j], x[i * stride + j]) for j in [first, last), in registers V; eight rows at a
/// time, so that y is loaded and stored less.
template <class Op, class V, class Out, class T>
void reduce_columns(const T* x, int64_t n, int64_t stride, int64_t first, int64_t last, Out* y) {
  const Op op;
  const auto load = [](const auto* p) {
    if constexpr (std::is_same_v<V, Out>)
      return static_cast<Out>(*p);
    else
      return V::load_unaligned(p);
  };
  const auto store = [](V v, Out* p) {
    if constexpr (std::is_same_v<V, Out>)
      *p = v;
    else
      v.store_unaligned(p);
  };
  constexpr auto width = static_cast<int64_t>(sizeof(V) / sizeof(Out));
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const T* row = x + i * stride;
    for (auto j = first; j < last; j += width) {
      const T* p = row + j;
      const auto at = [&](int64_t k) { return load(p + k * stride); };
      const V upper = op(op(at(0), at(1)), op(at(2), at(3))),
              lower = op(op(at(4), at(5)), op(at(6), at(7)));
      store(op(load(y + j), op(upper, lower)), y + j);
    }
  }
  for (; i < n; ++i)
    for (auto j = first; j < last; j += width)
      store(op(load(y + j), load(x + i * stride + j)), y + j);
}

template <class Op, class Out, class T>
void reduce_columns(const T* x, int64_t n, int64_t stride, int64_t width, Out* y) {
  std::fill_n(y, width, Op::template identity<Out>());
  int64_t whole = 0;  // columns that fill registers
  if constexpr (std::is_floating_point_v<T>) {
    using V = xsimd::batch<T>;
    whole = width - width % static_cast<int64_t>(V::size);
    reduce_columns<Op, V>(x, n, stride, 0, whole, y);
  }
  reduce_columns<Op, Out>(x, n, stride, whole, width, y);
}

template <class Op, class Out, class T>
void reduce_strip(const T* x, int64_t n, int64_t stride, int64_t width, Out* y) {
  if (stride == 1)
    *y = static_cast<Out>(reduce_row<Op, Out>(x, n));
  else if constexpr (std::is_same_v<T, Out> || !std::is_floating_point_v<T>)
    reduce_columns<Op, Out>(x, n, stride, width, y);
}

template <class Part, class Op, class Out, class T>
void reduce_pieces(const T* x, Out* y, AxisView view);

/// Large matrices [n, inner] are cut where their shape alone says, never the number of threads: by
/// columns where they are wide, else into pieces of rows whose results are reduced in turn (which
/// also keeps tall sums accurate).
template <class Op, class Out, class T> void reduce(const T* x, Out* y, AxisView view) {
  constexpr int64_t piece = detail::elementwise_grain;
  const int64_t outer = view.outer, n = view.n, inner = view.inner, size = n * inner;
  if (size <= 2 * piece) {
    return detail::parallel_for(outer, piece / (size + 1) + 1, [=](int64_t begin, int64_t end) {
      for (auto o = begin; o < end; ++o)
        reduce_strip<Op>(x + o * size, n, inner, inner, y + o * inner);
    });
  }
  if (inner >= piece / 8) {
    constexpr int64_t columns = 1024;
    const auto strips = (inner + columns - 1) / columns;
    return detail::parallel_for(
        outer * strips, piece / (n * columns) + 1, [=](int64_t begin, int64_t end) {
          for (auto strip = begin; strip < end; ++strip) {
            const auto o = strip / strips, first = strip % strips * columns;
            reduce_strip<Op>(x + o * size + first, n, inner, std::min(columns, inner - first),
                             y + o * inner + first);
          }
        });
  }
  if (inner == 1)
    reduce_pieces<Partial<Op, Out>, Op>(x, y, view);
  else
    reduce_pieces<Out, Op>(x, y, view);
}

/// By way of pieces of rows, whose results are of type Part.
template <class Part, class Op, class Out, class T>
void reduce_pieces(const T* x, Out* y, AxisView view) {
  const int64_t outer = view.outer, n = view.n, inner = view.inner;
  const auto rows = detail::elementwise_grain / inner, pieces = (n + rows - 1) / rows;
  const auto partial =
      std::make_unique_for_overwrite<Part[]>(static_cast<std::size_t>(outer * pieces * inner));
  detail::parallel_for(outer * pieces, 1, [&](int64_t begin, int64_t end) {
    for (auto p = begin; p < end; ++p) {
      const auto o = p / pieces, first = p % pieces * rows;
      reduce_strip<Op>(x + (o * n + first) * inner, std::min(rows, n - first), inner, inner,
                       partial.get() + p * inner);
    }
  });
  reduce<Op>(partial.get(), y, {outer, pieces, inner});
}

/// Where along the middle axis `Op` finds its result first.
template <class Op, class T> void locate(const T* x, int64_t* y, AxisView view) {
  const int64_t outer = view.outer, n = view.n, inner = view.inner, size = n * inner;
  const auto best = std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(outer * inner));
  reduce<Op>(x, best.get(), view);
  const auto found = [](T element, T wanted) { return element == wanted || element != element; };
  detail::parallel_for(
      outer, detail::elementwise_grain / (size + 1) + 1, [&](int64_t begin, int64_t end) {
        for (auto o = begin; o < end; ++o) {
          const T *row = x + o * size, *wanted = best.get() + o * inner;
          if (inner == 1) {
            y[o] = std::find_if(row, row + n, [&](T element) { return found(element, *wanted); }) -
                   row;
            continue;
          }
          for (auto i = n; i-- > 0;)  // backwards, so that the first is what remains
            for (int64_t j = 0; j < inner; ++j)
              if (found(row[i * inner + j], wanted[j])) y[o * inner + j] = i;
        }
      });
}

/// One operation for every element, all of which are read.
template <class T, class Out> void count(AxisView view) {
  const auto results = static_cast<double>(view.outer * view.inner);
  const auto n = static_cast<double>(view.n) * results;
  detail::count_work(n, n * sizeof(T) + results * sizeof(Out));
}

/// As all_finite, and without over- and underflow.
template <class T> bool all_normal(const T* y, int64_t n) {
  int beyond = 0;
  for (int64_t i = 0; i < n; ++i)
    beyond |= static_cast<int>(!(std::abs(y[i]) >= std::numeric_limits<T>::min())) |
              static_cast<int>(!(std::abs(y[i]) <= std::numeric_limits<T>::max()));
  return beyond == 0;
}

/// Sums over a divisor once more where they are not finite, in a type of larger range: partial sums
/// may have overflowed though the result does not.
template <class T> void sum_wide(const T* x, T* y, AxisView view, int64_t divisor) {
  using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;
  for (int64_t o = 0; o < view.outer; ++o)
    for (int64_t j = 0; j < view.inner; ++j) {
      T& result = y[o * view.inner + j];
      if (std::isfinite(result)) continue;
      Wide total = 0;
      for (int64_t i = 0; i < view.n; ++i) total += x[(o * view.n + i) * view.inner + j];
      result = static_cast<T>(total / static_cast<Wide>(divisor));
    }
}

/// Products once more where they are 0, subnormal or not finite, with exponents apart: partial
/// products may have left the range though the result does not.
template <class T> void prod_apart(const T* x, T* y, AxisView view) {
  for (int64_t o = 0; o < view.outer; ++o)
    for (int64_t j = 0; j < view.inner; ++j) {
      T& result = y[o * view.inner + j];
      if (std::isnormal(result)) continue;
      const auto at = [&](int64_t i) { return x[(o * view.n + i) * view.inner + j]; };
      bool has_zero = false;
      for (int64_t i = 0; i < view.n; ++i) has_zero |= at(i) == 0;
      if (result == 0 && has_zero) continue;
      ProductApart<T> product(1);
      for (int64_t i = 0; i < view.n; ++i) product *= at(i);
      result = product.value();
    }
}

}  // namespace

template <class T, class Out> void sum(const T* x, Out* y, AxisView view) {
  count<T, Out>(view);
  reduce<Plus>(x, y, view);
  if constexpr (std::is_floating_point_v<T>)
    if (view.n > 2 && !all_finite(y, view.outer * view.inner)) sum_wide(x, y, view, 1);
}
template <class T> void mean(const T* x, T* y, AxisView view) {
  count<T, T>(view);
  reduce<Plus>(x, y, view);
  const auto results = view.outer * view.inner;
  const bool finite = all_finite(y, results);
  for (int64_t i = 0; i < results; ++i) y[i] /= static_cast<T>(view.n);
  if (!finite) sum_wide(x, y, view, view.n);
}
template <class T, class Out> void prod(const T* x, Out* y, AxisView view) {
  count<T, Out>(view);
  reduce<Times>(x, y, view);
  if constexpr (std::is_floating_point_v<T>)
    if (view.n > 2 && !all_normal(y, view.outer * view.inner)) prod_apart(x, y, view);
}
template <class T> void max(const T* x, T* y, AxisView view) {
  count<T, T>(view);
  reduce<Larger>(x, y, view);
}
template <class T> void min(const T* x, T* y, AxisView view) {
  count<T, T>(view);
  reduce<Smaller>(x, y, view);
}
template <class T> void argmax(const T* x, int64_t* y, AxisView view) {
  count<T, int64_t>(view);
  locate<Larger>(x, y, view);
}
template <class T> void argmin(const T* x, int64_t* y, AxisView view) {
  count<T, int64_t>(view);
  locate<Smaller>(x, y, view);
}

template <class T> void exclusive_prod(const T* x, T* y, AxisView view) {
  const int64_t outer = view.outer, n = view.n, inner = view.inner, size = n * inner;
  if (size == 0) return;
  const auto elements = static_cast<double>(outer * size);
  detail::count_work(3 * elements, 2 * elements * sizeof(T));
  detail::parallel_for(
      outer, detail::elementwise_grain / size + 1, [=](int64_t begin, int64_t end) {
        const auto after = std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(inner));
        T* const behind = after.get();
        for (auto o = begin; o < end; ++o) {
          const T* from = x + o * size;
          T* to = y + o * size;
          std::fill_n(to, inner, T(1));
          for (int64_t k = inner; k < size; ++k)
            to[k] = to[k - inner] * from[k - inner];  // products of what is before
          std::fill_n(behind, inner, T(1));
          for (auto i = n; i-- > 0;)
            for (int64_t j = 0; j < inner; ++j) {
              to[i * inner + j] *= behind[j];
              behind[j] *= from[i * inner + j];
            }
        }
      });
}

template void sum(const float*, float*, AxisView);
template void sum(const double*, double*, AxisView);
template void sum(const int64_t*, int64_t*, AxisView);
template void sum(const bool*, int64_t*, AxisView);
template void mean(const float*, float*, AxisView);
template void mean(const double*, double*, AxisView);
template void prod(const float*, float*, AxisView);
template void prod(const double*, double*, AxisView);
template void prod(const int64_t*, int64_t*, AxisView);
template void prod(const bool*, int64_t*, AxisView);
template void max(const float*, float*, AxisView);
template void max(const double*, double*, AxisView);
template void max(const int64_t*, int64_t*, AxisView);
template void max(const bool*, bool*, AxisView);
template void min(const float*, float*, AxisView);
template void min(const double*, double*, AxisView);
template void min(const int64_t*, int64_t*, AxisView);
template void min(const bool*, bool*, AxisView);
template void argmax(const float*, int64_t*, AxisView);
template void argmax(const double*, int64_t*, AxisView);
template void argmax(const int64_t*, int64_t*, AxisView);
template void argmax(const bool*, int64_t*, AxisView);
template void argmin(const float*, int64_t*, AxisView);
template void argmin(const double*, int64_t*, AxisView);
template void argmin(const int64_t*, int64_t*, AxisView);
template void argmin(const bool*, int64_t*, AxisView);
template void exclusive_prod(const float*, float*, AxisView);
template void exclusive_prod(const double*, double*, AxisView);

}  // namespace gradtape::kernels
