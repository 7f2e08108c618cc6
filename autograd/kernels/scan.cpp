#include "gradtape/autograd/kernels/scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <type_traits>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;
using std::uint64_t;

/// What elements of type T accumulate in: integers in those that wrap around.
template <class T> using Wide = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;

template <class T> void count(AxisView view, int operands, double flops = 1) {
  const auto n = static_cast<double>(view.outer * view.n * view.inner);
  detail::count_work(flops * n, (operands + 1) * n * sizeof(T));
}

/// Calls step(state, offset of the element, i) along `lanes` lanes of n contiguous elements, side
/// by side: one would wait for its state at every step.
template <int lanes, class State, class Step>
void walk_lanes(int64_t first, int64_t n, State start, Direction direction, Step step) {
  State states[lanes];
  std::fill_n(states, lanes, start);
  for (int64_t k = 0; k < n; ++k) {
    const auto i = direction == Direction::forward ? k : n - 1 - k;
    for (int lane = 0; lane < lanes; ++lane) step(states[lane], first + lane * n + i, i);
  }
}

/// Calls step(state of lane j, offset of element [o, i, j], i) along every lane; the states of one
/// row lie side by side.
template <class State, class Step>
void walk(AxisView view, State start, Direction direction, Step step) {
  const auto outer = view.outer, n = view.n, inner = view.inner, size = n * inner;
  if (size == 0) return;
  detail::parallel_for(outer, detail::elementwise_grain / size + 1, [=](int64_t o, int64_t end) {
    constexpr int together = 8;
    for (; inner == 1 && o + together <= end; o += together)
      walk_lanes<together>(o * n, n, start, direction, step);
    for (; inner == 1 && o < end; ++o) walk_lanes<1>(o * n, n, start, direction, step);
    if (o == end) return;
    const auto states = std::make_unique<State[]>(static_cast<std::size_t>(inner));
    for (; o < end; ++o) {
      std::fill_n(states.get(), inner, start);
      for (int64_t k = 0; k < n; ++k) {
        const auto i = direction == Direction::forward ? k : n - 1 - k;
        const auto row = o * size + i * inner;
        for (int64_t j = 0; j < inner; ++j) step(states[static_cast<std::size_t>(j)], row + j, i);
      }
    }
  });
}

/// Where wins(new, old) last held; a NaN wins over all that is not one.
template <class T, class Wins> void last_winner(const T* x, int64_t* y, AxisView view, Wins wins) {
  struct Best {
    T value;
    int64_t at;
  };
  count<T>(view, 1);
  walk(view, Best{T(), -1}, Direction::forward, [=](Best& best, int64_t k, int64_t i) {
    const T value = x[k];
    const bool first = best.at < 0, nan = value != value, number = best.value == best.value;
    const bool won = first | nan | (number & wins(value, best.value));  // without a branch
    best.value = won ? value : best.value;
    best.at = won ? i : best.at;
    y[k] = best.at;
  });
}

/// log(sum(exp)) of what came so far, as largest + log(sum): the sum of exp(x - largest).
struct LogSum {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;

  double add(double x) {
    if (x == largest)
      sum += 1;  // infinities too, whose difference is NaN
    else if (x < largest)
      sum += std::exp(x - largest);
    else {
      sum = sum * std::exp(largest - x) + 1;
      largest = x;
    }
    return largest + std::log(sum);
  }
};

}  // namespace

template <class T> void cumsum(const T* x, T* y, AxisView view, Direction direction) {
  count<T>(view, 1);
  walk(view, Wide<T>(0), direction, [=](Wide<T>& sum, int64_t k, int64_t) {
    y[k] = static_cast<T>(sum += static_cast<Wide<T>>(x[k]));
  });
}

template <class T> void cumprod(const T* x, T* y, AxisView view) {
  count<T>(view, 1);
  walk(view, Wide<T>(1), Direction::forward, [=](Wide<T>& product, int64_t k, int64_t) {
    y[k] = static_cast<T>(product *= static_cast<Wide<T>>(x[k]));
  });
}

template <class T> void logcumsumexp(const T* x, T* y, AxisView view) {
  count<T>(view, 1, 3);
  walk(view, LogSum(), Direction::forward, [=](LogSum& sum, int64_t k, int64_t) {
    y[k] = static_cast<T>(sum.add(static_cast<double>(x[k])));
  });
}

template <class T> void cummax(const T* x, int64_t* y, AxisView view) {
  last_winner(x, y, view, [](T a, T b) { return a >= b; });
}
template <class T> void cummin(const T* x, int64_t* y, AxisView view) {
  last_winner(x, y, view, [](T a, T b) { return a <= b; });
}

template <class T>
void recurrence(const T* a, const T* b, T* h, AxisView view, Direction direction) {
  count<T>(view, 2, 2);
  const auto ahead = direction == Direction::forward ? 0 : view.inner;
  const auto last = direction == Direction::forward ? -1 : view.n - 1;  // has no a of its own
  walk(view, 0.0, direction, [=](double& value, int64_t k, int64_t i) {
    const double factor = value == 0 || i == last ? 0 : static_cast<double>(a[k + ahead]);
    value = static_cast<double>(b[k]) + factor * value;
    h[k] = static_cast<T>(value);
  });
}

template void cumsum(const float*, float*, AxisView, Direction);
template void cumsum(const double*, double*, AxisView, Direction);
template void cumsum(const int64_t*, int64_t*, AxisView, Direction);
template void cumprod(const float*, float*, AxisView);
template void cumprod(const double*, double*, AxisView);
template void cumprod(const int64_t*, int64_t*, AxisView);
template void logcumsumexp(const float*, float*, AxisView);
template void logcumsumexp(const double*, double*, AxisView);
template void cummax(const float*, int64_t*, AxisView);
template void cummax(const double*, int64_t*, AxisView);
template void cummax(const int64_t*, int64_t*, AxisView);
template void cummin(const float*, int64_t*, AxisView);
template void cummin(const double*, int64_t*, AxisView);
template void cummin(const int64_t*, int64_t*, AxisView);
template void recurrence(const float*, const float*, float*, AxisView, Direction);
template void recurrence(const double*, const double*, double*, AxisView, Direction);

}  // namespace gradtape::kernels
