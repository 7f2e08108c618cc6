#include "gradtape/autograd/kernels/sort/sort.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;

template <class T> bool is_nan(T x) { return x != x; }

/// Whether value a comes before b: NaN is larger than every number.
template <class T> bool precedes(T a, T b) { return a < b || (is_nan(b) && !is_nan(a)); }

/// An unsigned integer of the size of T that is in the order of the values: equal where they are,
/// largest for NaN.
template <class T> auto ascending_key(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    using Key = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr Key sign = Key(1) << (8 * sizeof(T) - 1);
    const Key bits = is_nan(x) ? ~sign : std::bit_cast<Key>(x + T(0));  // -0 + 0 is 0
    return bits & sign ? static_cast<Key>(~bits) : static_cast<Key>(bits | sign);
  } else if constexpr (sizeof(T) == 8) {
    return static_cast<std::uint64_t>(x) ^ std::uint64_t(1) << 63;
  } else {
    return static_cast<std::uint32_t>(x);
  }
}

/// A key of 32 bits and a place in one number.
struct NarrowItem {
  std::uint64_t both;

  NarrowItem() = default;
  NarrowItem(std::uint32_t key, int64_t at)
      : both(std::uint64_t(key) << 32 | static_cast<std::uint64_t>(at)) {}
  std::uint32_t key() const { return static_cast<std::uint32_t>(both >> 32); }
  int64_t at() const { return static_cast<int64_t>(both & 0xffffffff); }
  friend bool operator<(NarrowItem a, NarrowItem b) { return a.both < b.both; }
};

/// A key and a place. No two items are equivalent, so every sort is stable.
struct WideItem {
  std::uint64_t of_value;
  int64_t place;

  WideItem() = default;
  WideItem(std::uint64_t key, int64_t at) : of_value(key), place(at) {}
  std::uint64_t key() const { return of_value; }
  int64_t at() const { return place; }
  friend bool operator<(const WideItem& a, const WideItem& b) {
    return a.of_value != b.of_value ? a.of_value < b.of_value : a.place < b.place;
  }
};

/// Sorts items that are in the order of their places: few by comparisons, many by the bytes of
/// their keys, from the last byte on. Bytes that are the same in all keys are passed over.
template <class Item> void sort_items(std::vector<Item>& items, std::vector<Item>& other) {
  if (items.size() < 128) return std::sort(items.begin(), items.end());
  constexpr std::size_t bytes = sizeof(items[0].key());
  std::vector<std::array<std::size_t, 256>> counts(bytes);
  for (const Item& item : items)
    for (std::size_t b = 0; b < bytes; ++b) ++counts[b][item.key() >> 8 * b & 255];
  other.resize(items.size());
  for (std::size_t b = 0; b < bytes; ++b) {
    auto& places = counts[b];
    if (places[items[0].key() >> 8 * b & 255] == items.size()) continue;
    std::size_t before = 0;
    for (auto& place : places) before += std::exchange(place, before);
    for (const Item& item : items) other[places[item.key() >> 8 * b & 255]++] = item;
    items.swap(other);
  }
}

/// The item of rank k. Of many, only those stay whose keys have the same first byte as its own,
/// then the same second byte, until they are few.
template <class Item>
Item item_of_rank(std::vector<Item>& items, std::vector<Item>& other, std::size_t k) {
  for (auto b = sizeof(items[0].key()); b-- > 0 && items.size() > 64;) {
    std::array<std::size_t, 256> counts{};
    const auto byte = [b](const Item& item) { return item.key() >> 8 * b & 255; };
    for (const Item& item : items) ++counts[byte(item)];
    std::size_t chosen = 0;
    while (k >= counts[chosen]) k -= counts[chosen++];
    if (counts[chosen] == items.size()) continue;
    other.resize(counts[chosen]);
    std::size_t kept = 0;
    for (const Item& item : items) {
      other[kept] = item;
      kept += byte(item) == chosen;
      if (kept == counts[chosen]) break;
    }
    other.resize(kept);
    items.swap(other);
  }
  const auto place = items.begin() + static_cast<std::ptrdiff_t>(k);
  std::nth_element(items.begin(), place, items.end());
  return *place;
}

void count(AxisView view, int64_t results, std::size_t element_bytes, double steps) {
  const auto lanes = static_cast<double>(view.outer * view.inner);
  const auto n = static_cast<double>(view.n);
  detail::count_work(lanes * n * steps, lanes * (n * static_cast<double>(element_bytes) +
                                                 static_cast<double>(results) * sizeof(int64_t)));
}

double steps_of_sort(int64_t n) { return std::log2(static_cast<double>(std::max<int64_t>(n, 2))); }

/// f(items of the lane, o, j, room for as many items) for every lane.
template <class Item, class T, class F>
void for_items(const T* x, AxisView view, Order order, F f) {
  const auto n = view.n, inner = view.inner;
  const auto grain = detail::elementwise_grain / 16 / (n + 1) + 1;
  const auto reversed = order == Order::descending ? ~decltype(ascending_key(T())){} : 0;
  detail::parallel_for(view.outer * inner, grain, [=](int64_t begin, int64_t end) {
    std::vector<Item> items, room;
    for (auto lane = begin; lane < end; ++lane) {
      const auto o = lane / inner, j = lane % inner;
      const T* const from = x + o * n * inner + j;
      items.resize(static_cast<std::size_t>(n));
      for (int64_t i = 0; i < n; ++i)
        items[static_cast<std::size_t>(i)] = Item(ascending_key(from[i * inner]) ^ reversed, i);
      f(items, o, j, room);
    }
  });
}

template <class T, class F> void for_lanes(const T* x, AxisView view, Order order, F f) {
  if constexpr (sizeof(T) <= 4)
    if (view.n <= std::numeric_limits<std::uint32_t>::max())
      return for_items<NarrowItem>(x, view, order, f);
  for_items<WideItem>(x, view, order, f);
}

}  // namespace

template <class T> void argsort(const T* x, int64_t* y, AxisView view, Order order, int64_t k) {
  count(view, k, sizeof(T), steps_of_sort(k));
  for_lanes(x, view, order, [=](auto& items, int64_t o, int64_t j, auto& room) {
    if (k <= view.n / 64)
      std::partial_sort(items.begin(), items.begin() + k, items.end());
    else
      sort_items(items, room);
    for (int64_t i = 0; i < k; ++i)
      y[(o * k + i) * view.inner + j] = items[static_cast<std::size_t>(i)].at();
  });
}

template <class T> void select(const T* x, int64_t* y, AxisView view, int64_t k) {
  count(view, 1, sizeof(T), 1);
  for_lanes(x, view, Order::ascending, [=](auto& items, int64_t o, int64_t j, auto& room) {
    y[o * view.inner + j] = item_of_rank(items, room, static_cast<std::size_t>(k)).at();
  });
}

template <class T> void mode(const T* x, int64_t* y, AxisView view) {
  count(view, 1, sizeof(T), steps_of_sort(view.n));
  for_lanes(x, view, Order::ascending, [=](auto& items, int64_t o, int64_t j, auto& room) {
    sort_items(items, room);
    std::size_t most = 0;
    for (std::size_t first = 0, last = 0; first < items.size(); first = last) {
      while (last < items.size() && items[first].key() == items[last].key()) ++last;
      if (last - first <= most) continue;
      most = last - first;
      y[o * view.inner + j] = items[last - 1].at();
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
          const auto less = precedes<T>;
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
