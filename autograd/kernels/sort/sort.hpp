/// Sorting and searching on raw pointers.
#pragma once

#include "gradtape/autograd/kernels/reduce.hpp"

namespace gradtape::kernels {

enum class Order { ascending, descending };

// Lanes x[o, :, j] are sorted one by one. Equal elements keep their order; NaN counts as larger
// than every number. T: float, double, std::int64_t or bool.

/// y[o, i, j] = where along the middle axis the element of rank i is, for i < k. y: [outer, k,
/// inner], k <= n; n log k steps a lane.
template <class T>
void argsort(const T* x, std::int64_t* y, AxisView view, Order order, std::int64_t k);
/// y[o, j] = where the element of rank k is, ascending; 0 <= k < n. Linear in n.
template <class T> void select(const T* x, std::int64_t* y, AxisView view, std::int64_t k);
/// y[o, j] = the last place of the most frequent element, the smallest of several. n >= 1.
template <class T> void mode(const T* x, std::int64_t* y, AxisView view);

/// How many of the n ascending elements `sorted[row]` are below x[row, i], or with `right` not
/// above it. sorted: [rows, n], or [n] for all rows where `shared`; x, y: [rows, count].
struct Search {
  std::int64_t rows, n, count;
  bool shared, right;
};
template <class T>
void searchsorted(const T* sorted, const T* x, std::int64_t* y, const Search& search);

}  // namespace gradtape::kernels
