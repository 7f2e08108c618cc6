#include <fmt/format.h>

#include "gradtape/autograd/ops/reduction.hpp"

namespace gradtape {

using namespace detail;

namespace {

constexpr auto max_kernel = [](const auto* x, auto* y, kernels::Fold fold) {
  kernels::max(x, y, fold);
};
constexpr auto min_kernel = [](const auto* x, auto* y, kernels::Fold fold) {
  kernels::min(x, y, fold);
};
constexpr auto argmax_kernel = [](const auto* x, std::int64_t* y, kernels::Fold fold) {
  kernels::argmax(x, y, fold);
};
constexpr auto argmin_kernel = [](const auto* x, std::int64_t* y, kernels::Fold fold) {
  kernels::argmin(x, y, fold);
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

/// The reduced axes of an op that goes over one axis or all.
AxisSet one_axis_or_all(const char* op, const Tensor& x, const Axes& axes) {
  if (!axes.is_all() && axes.list.size() != 1)
    fail<ShapeError>(
        op, fmt::format("goes over one axis or all of them, got {} axes for {}{}", axes.list.size(),
                        describe(x), op[0] == 'm' ? fmt::format("; a{} takes several", op) : ""));
  const AxisSet set(op, x, axes);
  need_elements(op, x, set);
  return set;
}

/// Where along the axis (or in the flat tensor) the result is found first.
template <class Kernel>
Tensor position(const Tensor& x, AxisSet axes, bool keepdim, Kernel kernel) {
  const Shape shape = x.shape();
  kernels::Fold fold = Folds(shape, axes).list[0];
  if (axes.leading()) fold = {1, axes.count(shape), axes.reduced(shape, false).numel()};
  const Tensor y = empty(axes.reduced(shape, keepdim), int64);
  visit_dtype(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    kernel(static_cast<const T*>(x.raw()), mutable_data<std::int64_t>(y), fold);
  });
  return y;
}

/// Gives the gradient to the first of equal elements.
template <class Kernel, class Find>
Tensor first_extreme(const char* op, const Tensor& x, const Axes& axes, ReduceOptions options,
                     Kernel kernel, Find find) {
  const AxisSet set = one_axis_or_all(op, x, axes);
  Tensor y = extreme(x, set, options.keepdim, kernel);
  if (!x.is_tracked() || !recording())
    return record(op, std::move(y), {x}, {[](const Tensor& g) { return g; }});
  const Shape shape = x.shape();
  if (axes.is_all()) {
    const Tensor at = reshape(position(x, set, false, find), {1});
    return record(op, std::move(y), {x}, {[at, shape](const Tensor& g) {
                    return reshape(index_add(reshape(g, {1}), 0, at, shape.numel()), shape);
                  }});
  }
  const int axis = shape.axis(axes.list[0], op);
  return record(op, std::move(y), {x},
                {[shape, axis, at = position(x, set, true, find)](const Tensor& g) {
                  return scatter_add(reshape(g, at.shape()), axis, at, shape);
                }});
}

}  // namespace

Tensor amax(const Tensor& x, const Axes& axes, ReduceOptions options) {
  return shared_extreme("amax", x, axes, options, max_kernel);
}
Tensor amin(const Tensor& x, const Axes& axes, ReduceOptions options) {
  return shared_extreme("amin", x, axes, options, min_kernel);
}

Tensor max(const Tensor& x, const Axes& axes, ReduceOptions options) {
  return first_extreme("max", x, axes, options, max_kernel, argmax_kernel);
}
Tensor min(const Tensor& x, const Axes& axes, ReduceOptions options) {
  return first_extreme("min", x, axes, options, min_kernel, argmin_kernel);
}

Tensor argmax(const Tensor& x, const Axes& axes, ReduceOptions options) {
  return record("argmax",
                position(x, one_axis_or_all("argmax", x, axes), options.keepdim, argmax_kernel), {},
                {});
}
Tensor argmin(const Tensor& x, const Axes& axes, ReduceOptions options) {
  return record("argmin",
                position(x, one_axis_or_all("argmin", x, axes), options.keepdim, argmin_kernel), {},
                {});
}

}  // namespace gradtape
