#include "gradtape/autograd/ops/reduce.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/ops/detail/axis_set.hpp"
#include "gradtape/autograd/ops/detail/index.hpp"
#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape {

using namespace detail;

namespace {

constexpr auto max_kernel = [](const auto* x, auto* y, AxisView view) { kernels::max(x, y, view); };
constexpr auto min_kernel = [](const auto* x, auto* y, AxisView view) { kernels::min(x, y, view); };
constexpr auto argmax_kernel = [](const auto* x, std::int64_t* y, AxisView view) {
  kernels::argmax(x, y, view);
};
constexpr auto argmin_kernel = [](const auto* x, std::int64_t* y, AxisView view) {
  kernels::argmin(x, y, view);
};

template <class Kernel> Tensor extreme(const Tensor& x, AxisSet axes, bool keepdim, Kernel kernel) {
  return visit_dtype(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    return reduce<T, T>(x, axes, axes.reduced(x.shape(), keepdim), kernel);
  });
}

/// Shares the gradient evenly among the elements that equal the result.
template <class Kernel>
Tensor shared_extreme(const char* op, const Tensor& x, const Axes& axes, ReduceOptions options,
                      Kernel kernel) {
  const AxisSet set(op, x, axes);
  need_elements(op, x, set);
  return record(
      op, extreme(x, set, options.keepdim, kernel), {x},
      {[x, axes, restore = Restore(set, options.keepdim)](const Tensor& g, const Tensor& y) {
        const Tensor wins =
            logical_or(x == restore(y), x != x);  // a NaN in y comes from those in x
        const Tensor count = sum(wins, axes, {.keepdim = true}).to(x.dtype());
        return where(wins, restore(g) / count, 0.0);
      }});
}

AxisSet checked_axes(const char* op, const Tensor& x, const Axes& axes) {
  const AxisSet set(op, x, axes);
  need_elements(op, x, set);
  return set;
}

/// Whether neither one axis is reduced nor all.
bool several(const Axes& axes) { return !axes.is_all() && axes.list.size() != 1; }

/// f(x, -1) where several reduced axes have been joined, row-major, into the last.
Tensor over_joined(const char* op, const Tensor& x, const Axes& axes, ReduceOptions options,
                   Tensor (*f)(const Tensor&, const Axes&, ReduceOptions)) {
  const AxisSet set = checked_axes(op, x, axes);
  const Tensor y = f(joined_last(x, set), -1, {});
  return reshape(y, set.reduced(x.shape(), options.keepdim));
}

/// Where along the axis (or in the flat tensor) the result is found first.
template <class Kernel>
Tensor position(const Tensor& x, AxisSet axes, bool keepdim, Kernel kernel) {
  const Shape shape = x.shape();
  AxisView view = Folds(shape, axes).list[0];
  if (axes.leading()) view = {1, axes.count(shape), axes.reduced(shape, false).numel()};
  const Tensor y = empty(axes.reduced(shape, keepdim), int64);
  visit_dtype(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    kernel(static_cast<const T*>(x.raw()), mutable_data<std::int64_t>(y), view);
  });
  return y;
}

/// Gives the gradient to the first of equal elements.
template <class Kernel, class Find>
Tensor first_extreme(const char* op, const Tensor& x, const Axes& axes, ReduceOptions options,
                     Kernel kernel, Find find) {
  const AxisSet set = checked_axes(op, x, axes);
  Tensor y = extreme(x, set, options.keepdim, kernel);
  if (!x.is_tracked() || !recording())
    return record(op, std::move(y), {x}, {[](const Tensor& g) { return g; }});
  const Shape shape = x.shape();
  if (axes.is_all()) {
    const Tensor at = reshape(position(x, set, false, find), {1});
    return record(op, std::move(y), {x}, {[at, shape](const Tensor& g) {
                    return reshape(index_select_backward(reshape(g, {1}), 0, at, shape.numel()),
                                   shape);
                  }});
  }
  const int axis = shape.axis(axes.list[0], op);
  return record(op, std::move(y), {x},
                {[shape, axis, at = position(x, set, true, find)](const Tensor& g) {
                  return gather_backward(reshape(g, at.shape()), axis, at, shape);
                }});
}

template <class Find>
WithIndices extreme_with_index(const char* op, const Tensor& x, std::int64_t axis,
                               ReduceOptions options, Find find) {
  const AxisSet set = checked_axes(op, x, {axis});
  const Tensor at = position(x, set, true, find), values = gather(x, axis, at);
  const Shape shape = set.reduced(x.shape(), options.keepdim);
  return {reshape(values, shape), reshape(at, shape)};
}

}  // namespace

Tensor amax(const Tensor& x, const Axes& axes, ReduceOptions options) {
  return shared_extreme("amax", x, axes, options, max_kernel);
}
Tensor amin(const Tensor& x, const Axes& axes, ReduceOptions options) {
  return shared_extreme("amin", x, axes, options, min_kernel);
}

Tensor max(const Tensor& x, const Axes& axes, ReduceOptions options) {
  if (several(axes)) return over_joined("max", x, axes, options, max);
  return first_extreme("max", x, axes, options, max_kernel, argmax_kernel);
}
Tensor min(const Tensor& x, const Axes& axes, ReduceOptions options) {
  if (several(axes)) return over_joined("min", x, axes, options, min);
  return first_extreme("min", x, axes, options, min_kernel, argmin_kernel);
}

WithIndices max_with_index(const Tensor& x, std::int64_t axis, ReduceOptions options) {
  return extreme_with_index("max_with_index", x, axis, options, argmax_kernel);
}
WithIndices min_with_index(const Tensor& x, std::int64_t axis, ReduceOptions options) {
  return extreme_with_index("min_with_index", x, axis, options, argmin_kernel);
}

Tensor argmax(const Tensor& x, const Axes& axes, ReduceOptions options) {
  if (several(axes)) return over_joined("argmax", x, axes, options, argmax);
  const AxisSet set = checked_axes("argmax", x, axes);
  return record("argmax", position(x, set, options.keepdim, argmax_kernel), {}, {});
}
Tensor argmin(const Tensor& x, const Axes& axes, ReduceOptions options) {
  if (several(axes)) return over_joined("argmin", x, axes, options, argmin);
  const AxisSet set = checked_axes("argmin", x, axes);
  return record("argmin", position(x, set, options.keepdim, argmin_kernel), {}, {});
}

}  // namespace gradtape
