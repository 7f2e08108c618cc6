#include "gradtape/autograd/kernels/sort.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;

template <class T> struct Item {
  T value;
  int64_t at;
};

template <class T> bool is_nan(T x) { return x != x; }

/// Whether value a comes before b: NaN is larger than every number.
template <Order order, class T> bool precedes(T a, T b) {
  if constexpr (order == Order::ascending)
    return a < b || (is_nan(b) && !is_nan(a));
  else
    return a > b || (is_nan(a) && !is_nan(b));
}

/// The same, with equal values in the order of their places: no two items are equivalent, so every
/// sort is stable.
template <Order order>
constexpr auto before = [](const auto& a, const auto& b) {
  if (precedes<order>(a.value, b.value)) return true;
  return !precedes<order>(b.value, a.value) && a.at < b.at;
};

void count(AxisView view, int64_t results, std::size_t element_bytes, double steps) {
  const auto lanes = static_cast<double>(view.outer * view.inner);
  const auto n = static_cast<double>(view.n);
  detail::count_work(lanes * n * steps, lanes * (n * static_cast<double>(element_bytes) +
                                                 static_cast<double>(results) * sizeof(int64_t)));
}

double steps_of_sort(int64_t n) { return std::log2(static_cast<double>(std::max<int64_t>(n, 2))); }

/// f(items of the lane, o, j) for every lane.
template <class T, class F> void for_lanes(const T* x, AxisView view, F f) {
  const auto [outer, n, inner] = view;
  const auto grain = detail::elementwise_grain / 16 / (n + 1) + 1;
  detail::parallel_for(outer * inner, grain, [=, n = n, inner = inner](int64_t begin, int64_t end) {
    std::vector<Item<T>> items(static_cast<std::size_t>(n));
    for (auto lane = begin; lane < end; ++lane) {
      const auto o = lane / inner, j = lane % inner;
      const T* from = x + o * n * inner + j;
      for (int64_t i = 0; i < n; ++i) items[static_cast<std::size_t>(i)] = {from[i * inner], i};
      f(items, o, j);
    }
  });
}

template <Order order, class T> void argsort_by(const T* x, int64_t* y, AxisView view, int64_t k) {
  for_lanes(x, view, [=](std::vector<Item<T>>& items, int64_t o, int64_t j) {
    if (k == view.n)
      std::sort(items.begin(), items.end(), before<order>);
    else
      std::partial_sort(items.begin(), items.begin() + k, items.end(), before<order>);
    for (int64_t i = 0; i < k; ++i)
      y[(o * k + i) * view.inner + j] = items[static_cast<std::size_t>(i)].at;
  });
}

}  // namespace

template <class T> void argsort(const T* x, int64_t* y, AxisView view, Order order, int64_t k) {
  count(view, k, sizeof(T), steps_of_sort(k));
  if (order == Order::ascending)
    argsort_by<Order::ascending>(x, y, view, k);
  else
    argsort_by<Order::descending>(x, y, view, k);
}

template <class T> void select(const T* x, int64_t* y, AxisView view, int64_t k) {
  count(view, 1, sizeof(T), 1);
  for_lanes(x, view, [=](std::vector<Item<T>>& items, int64_t o, int64_t j) {
    const auto place = items.begin() + k;
    std::nth_element(items.begin(), place, items.end(), before<Order::ascending>);
    y[o * view.inner + j] = place->at;
  });
}

template <class T> void mode(const T* x, int64_t* y, AxisView view) {
  count(view, 1, sizeof(T), steps_of_sort(view.n));
  for_lanes(x, view, [=](std::vector<Item<T>>& items, int64_t o, int64_t j) {
    std::sort(items.begin(), items.end(), before<Order::ascending>);
    std::size_t most = 0;
    for (std::size_t first = 0, last = 0; first < items.size(); first = last) {
      while (last < items.size() &&
             !precedes<Order::ascending>(items[first].value, items[last].value))
        ++last;
      if (last - first <= most) continue;
      most = last - first;
      y[o * view.inner + j] = items[last - 1].at;
    }
  });
}

template <class T>
void searchsorted(const T* sorted, const T* x, int64_t* y, const Search& search) {
  const auto [rows, n, count, shared, right] = search;
  const auto elements = static_cast<double>(rows * count);
  detail::count_work(elements * steps_of_sort(n),
                     elements * (sizeof(T) + sizeof(int64_t)) +
                         static_cast<double>(n * (shared ? 1 : rows)) * sizeof(T));
  detail::parallel_for(
      rows * count, detail::elementwise_grain / 16,
      [=, n = n, count = count, shared = shared, right = right](int64_t begin, int64_t end) {
        for (auto k = begin; k < end; ++k) {
          const T* row = sorted + (shared ? 0 : k / count * n);
          const auto less = precedes<Order::ascending, T>;
          const T* found = right ? std::upper_bound(row, row + n, x[k], less)
                                 : std::lower_bound(row, row + n, x[k], less);
          y[k] = found - row;
        }
      });
}

template void argsort(const float*, int64_t*, AxisView, Order, int64_t);
template void argsort(const double*, int64_t*, AxisView, Order, int64_t);
template void argsort(const int64_t*, int64_t*, AxisView, Order, int64_t);
template void argsort(const bool*, int64_t*, AxisView, Order, int64_t);
template void select(const float*, int64_t*, AxisView, int64_t);
template void select(const double*, int64_t*, AxisView, int64_t);
template void select(const int64_t*, int64_t*, AxisView, int64_t);
template void select(const bool*, int64_t*, AxisView, int64_t);
template void mode(const float*, int64_t*, AxisView);
template void mode(const double*, int64_t*, AxisView);
template void mode(const int64_t*, int64_t*, AxisView);
template void mode(const bool*, int64_t*, AxisView);
template void searchsorted(const float*, const float*, int64_t*, const Search&);
template void searchsorted(const double*, const double*, int64_t*, const Search&);
template void searchsorted(const int64_t*, const int64_t*, int64_t*, const Search&);
template void searchsorted(const bool*, const bool*, int64_t*, const Search&);

}  // namespace gradtape::kernels
