#include "gradtape/autograd/ops/sort.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "gradtape/autograd/kernels/sort/sort.hpp"
#include "gradtape/autograd/ops/detail/axis_set.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// Indices along `axis`, of which each lane of x has `count`; kernel(const T*, int64*, AxisView)
/// finds them.
template <class Kernel>
Tensor places(const Tensor& x, int axis, std::int64_t count, Kernel kernel) {
  Shape shape = x.shape();
  shape[axis] = count;
  const Tensor at = empty(shape, int64);
  if (at.numel() > 0)
    visit_dtype(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      kernel(static_cast<const T*>(x.raw()), mutable_data<std::int64_t>(at),
             axis_view(x.shape(), axis));
    });
  return at;
}

Tensor ranked(const Tensor& x, int axis, std::int64_t k, bool descending) {
  const auto order = descending ? kernels::Order::descending : kernels::Order::ascending;
  return places(x, axis, k, [=](const auto* from, std::int64_t* to, AxisView view) {
    kernels::argsort(from, to, view, order, k);
  });
}

/// The elements at `at`, which has extent 1 along `axis`.
WithIndices picked(const Tensor& x, int axis, const Tensor& at, ReduceOptions options) {
  const WithIndices y{gather(x, axis, at), at};
  return options.keepdim ? y : WithIndices{squeeze(y.values, axis), squeeze(y.indices, axis)};
}

WithIndices of_rank(const Tensor& x, int axis, std::int64_t k, ReduceOptions options) {
  const Tensor at = places(x, axis, 1, [=](const auto* from, std::int64_t* to, AxisView view) {
    kernels::select(from, to, view, k);
  });
  return picked(x, axis, at, options);
}

int checked_axis(const char* op, const Tensor& x, std::int64_t axis) {
  need_elements(op, x, AxisSet(op, x, {axis}));
  return x.shape().axis(axis, op);
}

}  // namespace

WithIndices sort(const Tensor& x, std::int64_t axis, SortOptions options) {
  need_defined("sort", x, "x");
  const int a = x.shape().axis(axis, "sort");
  const Tensor at = ranked(x, a, x.size(a), options.descending);
  return {gather(x, a, at), at};
}

Tensor argsort(const Tensor& x, std::int64_t axis, SortOptions options) {
  need_defined("argsort", x, "x");
  const int a = x.shape().axis(axis, "argsort");
  return ranked(x, a, x.size(a), options.descending);
}

WithIndices topk(const Tensor& x, std::int64_t k, TopkOptions options) {
  need_defined("topk", x, "x");
  const int a = x.shape().axis(options.axis, "topk");
  if (k < 0 || k > x.size(a))
    fail<ValueError>("topk", fmt::format("k must be in [0, {}] for axis {} of {}, got {}",
                                         x.size(a), options.axis, describe(x), k));
  const Tensor at = ranked(x, a, k, options.largest);
  return {gather(x, a, at), at};
}

WithIndices kthvalue(const Tensor& x, std::int64_t k, std::int64_t axis, ReduceOptions options) {
  need_defined("kthvalue", x, "x");
  const int a = x.shape().axis(axis, "kthvalue");
  if (k < 1 || k > x.size(a))
    fail<ValueError>("kthvalue", fmt::format("k must be in [1, {}] for axis {} of {}, got {}",
                                             x.size(a), axis, describe(x), k));
  return of_rank(x, a, k - 1, options);
}

WithIndices median(const Tensor& x, std::int64_t axis, ReduceOptions options) {
  need_defined("median", x, "x");
  const int a = checked_axis("median", x, axis);
  const auto n = x.size(a);
  const WithIndices middle = of_rank(x, a, (n - 1) / 2, options);
  if (!is_floating(x.dtype()) || !any(x.detach() != x.detach()).item<bool>()) return middle;
  const WithIndices largest = of_rank(x, a, n - 1, options);  // NaN where there is one
  const Tensor spoilt = largest.values.detach() != largest.values.detach();
  const Tensor at = where(spoilt, largest.indices, middle.indices);
  return picked(x, a, options.keepdim ? at : unsqueeze(at, a), options);
}

WithIndices by_argument::mode(const Tensor& x, std::int64_t axis, ReduceOptions options) {
  const int a = checked_axis("mode", x, axis);
  const Tensor at = places(x, a, 1, [](const auto* from, std::int64_t* to, AxisView view) {
    kernels::mode(from, to, view);
  });
  return picked(x, a, at, options);
}

Unique unique(const Tensor& x) {
  need_defined("unique", x, "x");
  const auto n = x.numel();
  const Tensor flat = reshape(x.detach(), {n}), order = ranked(flat, 0, n, false);
  const Tensor sorted = gather(flat, 0, order);
  std::vector<std::int64_t> first, counts;  // of each value, among the sorted elements
  const Tensor inverse = empty({n}, int64);
  visit_dtype(x.dtype(), [&](auto zero) {
    const auto* const element = static_cast<const decltype(zero)*>(sorted.raw());
    const auto at = order.data<std::int64_t>();
    for (std::int64_t i = 0; i < n; ++i) {
      if (i == 0 || element[i] != element[i - 1]) {
        first.push_back(i);
        counts.push_back(0);
      }
      ++counts.back();
      mutable_data<std::int64_t>(inverse)[at[static_cast<std::size_t>(i)]] =
          static_cast<std::int64_t>(first.size()) - 1;
    }
  });
  return {index_select(sorted, 0, tensor(first)), reshape(inverse, x.shape()), tensor(counts)};
}

Tensor searchsorted(const Tensor& sorted, const Tensor& x, SearchOptions options) {
  need_defined("searchsorted", sorted, "sorted");
  Tensor boundaries = sorted, values = x;
  promote_literals(boundaries, values, "searchsorted");
  if (sorted.ndim() == 0)
    fail<ShapeError>("searchsorted", "sorted needs an axis to search along, got a 0-d tensor");
  const Shape rows = sorted.shape(), shape = x.shape();
  const bool shared = sorted.ndim() == 1;
  bool fits = shared || rows.ndim() == shape.ndim();
  for (int i = 0; fits && !shared && i < rows.ndim() - 1; ++i) fits = rows[i] == shape[i];
  if (!fits)
    fail<ShapeError>("searchsorted",
                     fmt::format("sorted {} must have one axis or the leading axes of x {}",
                                 describe(sorted), describe(x)));
  const auto count = shared ? x.numel() : shape.back();
  const Tensor y = empty(shape, int64);
  if (y.numel() > 0)
    visit_dtype(values.dtype(), [&](auto zero) {
      using T = decltype(zero);
      kernels::searchsorted(static_cast<const T*>(boundaries.raw()),
                            static_cast<const T*>(values.raw()), mutable_data<std::int64_t>(y),
                            {y.numel() / count, rows.back(), count, shared, options.right});
    });
  return y;
}

Tensor bucketize(const Tensor& x, const Tensor& boundaries, SearchOptions options) {
  need_defined("bucketize", boundaries, "boundaries");
  if (boundaries.ndim() != 1)
    fail<ShapeError>("bucketize", fmt::format("the boundaries must have one axis, got {}",
                                              describe(boundaries)));
  return searchsorted(boundaries, x, options);
}

}  // namespace gradtape
