#include "gradtape/autograd/ops/scan.hpp"

#include <fmt/format.h>

#include <limits>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/detail/scan.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/index.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/axis_view.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

using namespace detail;
using kernels::Direction;

namespace {

Direction opposite(Direction direction) {
  return direction == Direction::forward ? Direction::reverse : Direction::forward;
}

/// kernel(const T*, Out*, AxisView) over float32, float64 and int64.
template <class Kernel> Tensor scan(const Tensor& x, int axis, Dtype result, Kernel kernel) {
  const Tensor y = empty(x.shape(), result);
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    kernel(static_cast<const T*>(x.raw()), y, axis_view(x.shape(), axis));
  };
  if (x.dtype() == int64)
    run(std::int64_t{});
  else
    visit_floating(x.dtype(), "scan", run);
  return y;
}

Tensor cumsum_along(const Tensor& x, int axis, Direction direction) {
  const Tensor y =
      scan(x, axis, x.dtype(), [=]<class T>(const T* from, const Tensor& to, auto view) {
        kernels::cumsum(from, mutable_data<T>(to), view, direction);
      });
  return record("cumsum", y, {x},
                {[=](const Tensor& g) { return cumsum_along(g, axis, opposite(direction)); }});
}

/// x moved one place on along `axis`: what `first` holds, then all of x but its end.
Tensor delayed(const Tensor& x, const Tensor& first, int axis) {
  return x.size(axis) == 0 ? x : concat({first, slice(x, axis, 0, -1)}, axis);
}

Tensor first_row(const Tensor& x, int axis) { return slice(x, axis, 0, 1); }

/// Bools as int64, for they do not add up.
Tensor countable(const Tensor& x) { return x.dtype() == bool_ ? x.to(int64) : x; }

template <class Kernel>
WithIndices running_extreme(const char* op, const Tensor& x, std::int64_t axis, Kernel kernel) {
  const int a = x.shape().axis(axis, op);
  if (x.dtype() == bool_) fail<DtypeError>(op, "does not take bool; convert with to(int64)");
  const Tensor at = scan(x, a, int64, [=]<class T>(const T* from, const Tensor& to, auto view) {
    kernel(from, mutable_data<std::int64_t>(to), view);
  });
  return {gather(x, a, at), at};
}

}  // namespace

Tensor detail::recurrence(const Tensor& a, const Tensor& b, int axis, Direction direction) {
  if (a.dtype() != b.dtype())
    fail<DtypeError>("recurrence",
                     fmt::format("a is {} and b {}", name(a.dtype()), name(b.dtype())));
  const Tensor h = empty(b.shape(), b.dtype());
  visit_floating(b.dtype(), "recurrence", [&](auto zero) {
    using T = decltype(zero);
    kernels::recurrence(static_cast<const T*>(a.raw()), static_cast<const T*>(b.raw()),
                        mutable_data<T>(h), axis_view(b.shape(), axis), direction);
  });
  const auto vjp_a = [=](const Tensor& g, const Tensor& h) {
    const Tensor u = recurrence(a, g, axis, opposite(direction));
    const auto late = [&](const Tensor& x) {
      return delayed(x, zeros_like(first_row(x, axis)), axis);
    };
    return direction == Direction::forward ? masked_mul(u, late(h)) : masked_mul(late(u), h);
  };
  const auto vjp_b = [=](const Tensor& g) { return recurrence(a, g, axis, opposite(direction)); };
  return record("recurrence", h, {a, b}, {vjp_a, vjp_b});
}

Tensor cumsum(const Tensor& x, std::int64_t axis) {
  need_defined("cumsum", x, "x");
  return cumsum_along(countable(x), x.shape().axis(axis, "cumsum"), Direction::forward);
}

Tensor cumprod(const Tensor& x, std::int64_t axis) {
  need_defined("cumprod", x, "x");
  if (x.dtype() == bool_) return cumprod(countable(x), axis);
  const int a = x.shape().axis(axis, "cumprod");
  const Tensor y = scan(x, a, x.dtype(), []<class T>(const T* from, const Tensor& to, auto view) {
    kernels::cumprod(from, mutable_data<T>(to), view);
  });
  // dL/dx_k = y_(k-1) sum_(i>=k) g_i x_(k+1) ... x_i, and the sums are a recurrence: no division.
  return record("cumprod", y, {x}, {[x, a](const Tensor& g, const Tensor& y) {
                  return masked_mul(recurrence(x, g, a, Direction::reverse),
                                    delayed(y, ones_like(first_row(y, a)), a));
                }});
}

Tensor logcumsumexp(const Tensor& x, std::int64_t axis) {
  need_defined("logcumsumexp", x, "x");
  const int a = x.shape().axis(axis, "logcumsumexp");
  const Tensor y = empty(x.shape(), x.dtype());
  visit_floating(x.dtype(), "logcumsumexp", [&](auto zero) {
    using T = decltype(zero);
    kernels::logcumsumexp(static_cast<const T*>(x.raw()), mutable_data<T>(y),
                          axis_view(x.shape(), a));
  });
  // dL/dx_k = exp(x_k - y_k) sum_(i>=k) g_i exp(y_k - y_i), a recurrence whose factors are at
  // most 1.
  return record("logcumsumexp", y, {x}, {[x, a](const Tensor& g, const Tensor& y) {
                  const Tensor finite =
                      where(y == -std::numeric_limits<double>::infinity(), 0.0, y);
                  // Two that are equal, if only by both being infinite, have the ratio 1.
                  const auto ratio = [&](const Tensor& of) {
                    return exp(where(of == finite, 0.0, of - finite));
                  };
                  const Tensor decay = ratio(delayed(y, first_row(y, a), a));
                  return masked_mul(recurrence(decay, g, a, Direction::reverse), ratio(x));
                }});
}

WithIndices cummax(const Tensor& x, std::int64_t axis) {
  return running_extreme("cummax", x, axis,
                         [](auto... arguments) { kernels::cummax(arguments...); });
}
WithIndices cummin(const Tensor& x, std::int64_t axis) {
  return running_extreme("cummin", x, axis,
                         [](auto... arguments) { kernels::cummin(arguments...); });
}

Tensor diff(const Tensor& x, std::int64_t axis, std::int64_t n) {
  need_defined("diff", x, "x");
  if (n < 0) fail<ValueError>("diff", fmt::format("n must not be negative, got {}", n));
  const int a = x.shape().axis(axis, "diff");
  Tensor y = x;
  for (; n > 0 && y.size(a) > 0; --n) y = slice(y, a, 1) - slice(y, a, 0, -1);
  return y;
}

}  // namespace gradtape
