#include "gradtape/autograd/ops/reduce.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gradtape/autograd/ops/detail/axis_set.hpp"
#include "gradtape/autograd/ops/detail/map.hpp"
#include "gradtape/autograd/ops/detail/moments.hpp"
#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape {

using namespace detail;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

constexpr auto sum_kernel = [](const auto* x, auto* y, AxisView view) { kernels::sum(x, y, view); };

/// Reduces any dtype; bools become int64.
template <class Kernel>
Tensor reduce_numeric(const Tensor& x, AxisSet axes, const Shape& shape, Kernel kernel) {
  return visit_dtype(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    return reduce<T, std::conditional_t<std::is_same_v<T, bool>, std::int64_t, T>>(x, axes, shape,
                                                                                   kernel);
  });
}

/// The sum of all elements: the common case, short of everything that axes need.
Tensor total(const Tensor& x) {
  return visit_dtype(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    using Out = std::conditional_t<std::is_same_v<T, bool>, std::int64_t, T>;
    Tensor y = empty({}, dtype_of<Out>);
    kernels::sum(static_cast<const T*>(x.raw()), mutable_data<Out>(y), {1, x.numel(), 1});
    return y;
  });
}

constexpr auto pass = [](const Tensor& g) { return g; };

}  // namespace

Tensor sum(const Tensor& x, const Axes& axes, ReduceOptions options) {
  need_defined("sum", x, "x");
  if (axes.is_all() && !options.keepdim) {
    const bool same = x.ndim() == 0 && x.dtype() != bool_;
    return record("sum", same ? x.detach() : total(x), {x}, {pass});
  }
  const AxisSet set("sum", x, axes);
  const Tensor y = reduce_numeric(x, set, set.reduced(x.shape(), options.keepdim), sum_kernel);
  return record("sum", y, {x}, {Restore(set, options.keepdim)});
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  need_defined("sum_to", x, "x");
  const Shape own = x.shape();
  if (shape == own) return x;
  if (!broadcasts_to(shape, own))
    fail<ShapeError>("sum_to", fmt::format("{} does not broadcast to {}, so {} does not sum to it",
                                           shape.str(), own.str(), describe(x)));
  if (shape.numel() == x.numel()) return record("sum_to", alias(x, shape), {x}, {pass});
  AxisSet set;
  const int offset = own.ndim() - shape.ndim();
  for (int axis = 0; axis < own.ndim(); ++axis)
    if (axis < offset || shape[axis - offset] != own[axis]) set.insert(axis);
  return record("sum_to", reduce_numeric(x, set, shape, sum_kernel), {x},
                {pass});  // broadcasts as it is
}

namespace {

Tensor mean_of_all(const Tensor& x) {
  const auto n = static_cast<double>(x.numel());
  const Tensor y = visit_floating(x.dtype(), "mean", [&](auto zero) {
    using T = decltype(zero);
    if (x.ndim() == 0) return x.detach();
    Tensor mean = empty({}, x.dtype());
    kernels::mean(static_cast<const T*>(x.raw()), mutable_data<T>(mean), {1, x.numel(), 1});
    return mean;
  });
  return record("mean", y, {x}, {[n](const Tensor& g) { return n == 1 ? g : g * (1 / n); }});
}

}  // namespace

Tensor mean(const Tensor& x, const Axes& axes, ReduceOptions options) {
  need_defined("mean", x, "x");
  if (axes.is_all() && !options.keepdim && x.numel() > 0) return mean_of_all(x);
  const AxisSet set("mean", x, axes);
  need_elements("mean", x, set);
  const auto n = static_cast<double>(set.count(x.shape()));
  const Tensor y = visit_floating(x.dtype(), "mean", [&](auto zero) {
    using T = decltype(zero);
    return reduce<T, T>(x, set, set.reduced(x.shape(), options.keepdim),
                        [](const T* from, T* to, AxisView view) { kernels::mean(from, to, view); });
  });
  return record("mean", y, {x}, {[n, restore = Restore(set, options.keepdim)](const Tensor& g) {
                  return restore(g * (1 / n));
                }});
}

namespace {

/// x - mean(x). What rounding took from the mean is the mean of what is left.
Tensor deviation(const Tensor& x, const Axes& axes) {
  const Tensor rough = x - mean(x, axes, {.keepdim = true});
  return rough - mean(rough, axes, {.keepdim = true});
}

/// What the sum of the squared deviations is divided by.
double degrees_of_freedom(const char* op, const Tensor& x, AxisSet set, double correction) {
  need_elements(op, x, set);
  const auto n = static_cast<double>(set.count(x.shape())) - correction;
  if (!(n > 0) && x.numel() != 0)
    fail<ShapeError>(
        op,
        fmt::format("{} reduces {} elements to one, and correction {} leaves nothing to divide by; "
                    "{{.correction = 0}} divides by their number",
                    describe(x), set.count(x.shape()), correction));
  return n;
}

/// The moments of x over axes; x is moved where its groups do not lie as the kernels take them.
Moments moments_over(const char* op, const Tensor& x, AxisSet set) {
  const Folds folds(x.shape(), set);
  const auto& first = folds.list[0];
  if (folds.count == 1 && first.inner == 1) return {op, x, {1, first.outer, first.n}};
  if (folds.count == 1 && first.outer == 1) return {op, x, {first.n, first.inner, 1}};
  if (const auto& second = folds.list[1]; folds.count == 2 && first.inner == 1 && second.outer == 1)
    return {op, x, {second.n, second.inner, first.n}};
  const Tensor rows = joined_last(x.detach(), set);
  const auto n = rows.size(-1);
  return {op, rows, {1, rows.numel() / n, n}};
}

}  // namespace

Tensor var(const Tensor& x, const Axes& axes, VarOptions options) {
  const AxisSet set("var", x, axes);
  const double n = degrees_of_freedom("var", x, set, options.correction);
  const Shape shape = set.reduced(x.shape(), options.keepdim);
  const auto value = [&] {
    const auto inside = RecordingScope::inside_op();
    const double factor = static_cast<double>(set.count(x.shape())) / n;
    return reshape(moments_over("var", x, set).var(factor), shape);
  };
  return record("var", x.numel() ? value() : zeros(shape, x.dtype()), {x},
                {[=, restore = Restore(set, options.keepdim)](const Tensor& g) {
                  return masked_mul(restore(g) * (2 / n), deviation(x, axes));
                }});
}

Tensor stddev(const Tensor& x, const Axes& axes, VarOptions options) {
  const AxisSet set("stddev", x, axes);
  const double n = degrees_of_freedom("stddev", x, set, options.correction);
  const Shape shape = set.reduced(x.shape(), options.keepdim);
  const auto value = [&] {
    const auto inside = RecordingScope::inside_op();
    const double factor = static_cast<double>(set.count(x.shape())) / n;
    return reshape(moments_over("stddev", x, set).deviation(factor), shape);
  };
  return record("stddev", x.numel() ? value() : zeros(shape, x.dtype()), {x},
                {[=, restore = Restore(set, options.keepdim)](const Tensor& g, const Tensor& y) {
                  const Tensor of = restore(y), zero = of == 0;
                  const Tensor slope = deviation(x, axes) / where(zero, 1.0, of);
                  return masked_mul(restore(g) * (1 / n), where(zero, 0.0, slope));
                }});
}

namespace {

/// exp(x - y) for y = logsumexp(x), where the elements that make y infinite share 1 evenly.
Tensor infinite_shares(const Tensor& x, const Axes& axes, const Tensor& y) {
  const Tensor is_infinite = y == infinity, wins = logical_and(x == infinity, is_infinite);
  const Tensor count = maximum(sum(wins, axes, {.keepdim = true}).to(x.dtype()), 1.0);
  const Tensor finite = where(abs(y) == infinity, 0.0, y);
  return where(is_infinite, wins.to(x.dtype()) / count, exp(where(is_infinite, 0.0, x) - finite));
}

}  // namespace

Tensor logsumexp(const Tensor& x, const Axes& axes, ReduceOptions options) {
  const AxisSet set("logsumexp", x, axes);
  const auto value = [&] {
    if (x.numel() == 0) return full(set.reduced(x.shape(), options.keepdim), -infinity, x.dtype());
    const auto inside = RecordingScope::inside_op();
    // x is shifted so that its largest element becomes 0; an infinite one stays, for inf - inf is
    // NaN.
    const auto shift = [](const auto& largest) {
      return where(largest - largest == 0, largest, 0);
    };
    const Tensor largest = amax(x, axes, {.keepdim = true});
    const Tensor terms = map_floating(
        "logsumexp", [=](const auto& p, const auto& m) { return exp(p - shift(m)); }, x, largest);
    return map_floating(
        "logsumexp", [=](const auto& s, const auto& m) { return log(s) + shift(m); },
        sum(terms, axes, {.keepdim = options.keepdim}),
        options.keepdim ? largest : reshape(largest, set.reduced(x.shape(), false)));
  };
  if (!is_floating(x.dtype())) needs_floating("logsumexp", x.dtype());
  return record(
      "logsumexp", value(), {x},
      {[x, axes, restore = Restore(set, options.keepdim)](const Tensor& g, const Tensor& y) {
        if (any(y == infinity).item<bool>())
          return masked_mul(restore(g), infinite_shares(x, axes, restore(y)));
        const auto share = [](const auto& p, const auto& q) {
          return exp(p - where(q == -infinity, 0.0, q));
        };
        return times_slope(restore(g), share, x, restore(y));
      }});
}

namespace {

/// For x: [outer, n, inner], the product of all other elements along n. By halves and without a
/// division, so that zeros are no exception to any order.
Tensor exclusive_products(const Tensor& x) {
  const auto n = x.size(1), half = n / 2;
  if (n == 0) return x;
  if (n == 1) return ones_like(x);
  const Tensor a = slice(x, 1, 0, half), b = slice(x, 1, half, 2 * half);
  if (n == 2) return concat({b, a}, 1);
  std::vector<Tensor> pairs{a * b};
  if (n % 2) pairs.push_back(slice(x, 1, n - 1));
  const Tensor others = exclusive_products(concat(pairs, 1));
  const Tensor other_pairs = slice(others, 1, 0, half);
  std::vector<Tensor> result{other_pairs * b, other_pairs * a};
  if (n % 2) result.push_back(slice(others, 1, half));
  return concat(result, 1);
}

/// The same by one raw pass.
Tensor exclusive_products_now(const Tensor& x) {
  const Tensor y = empty(x.shape(), x.dtype());
  visit_floating(x.dtype(), "prod", [&](auto zero) {
    using T = decltype(zero);
    kernels::exclusive_prod(static_cast<const T*>(x.raw()), mutable_data<T>(y),
                            {x.size(0), x.size(1), x.size(2)});
  });
  return y;
}

/// The powers of two next to the elements of x: x / scale is near 1, and what is a product of the
/// others of these, times `of_others`, is one of the others of x.
struct PowersOfTwo {
  Tensor scale, of_others;
};
PowersOfTwo powers_of_two(const Tensor& x) {
  const PowersOfTwo result{empty(x.shape(), x.dtype()), empty(x.shape(), x.dtype())};
  const auto n = x.size(1), inner = x.size(2);
  visit_floating(x.dtype(), "prod", [&](auto zero) {
    using T = decltype(zero);
    T *const scale = mutable_data<T>(result.scale), *const others =
                                                        mutable_data<T>(result.of_others);
    for (std::int64_t lane = 0; lane < x.size(0) * inner; ++lane) {
      const auto first = lane / inner * n * inner + lane % inner;
      const T* const from = static_cast<const T*>(x.raw()) + first;
      const auto exponent = [&](std::int64_t i) {
        const T v = from[i * inner];
        return v == 0 || !std::isfinite(v) ? 0 : std::ilogb(v);
      };
      std::int64_t all = 0;
      for (std::int64_t i = 0; i < n; ++i) all += exponent(i);
      for (std::int64_t i = 0; i < n; ++i) {
        const auto at = first + i * inner;
        const auto rest = std::clamp<std::int64_t>(all - exponent(i), -100000, 100000);
        scale[at] = std::ldexp(T(1), exponent(i));
        others[at] = std::ldexp(T(1), static_cast<int>(rest));
      }
    }
  });
  return result;
}

/// exclusive_products, with exponents apart where partial products may have left the range.
Tensor products_of_others(const Tensor& x) {
  const auto of = [](const Tensor& t) {
    return recording() ? exclusive_products(t) : exclusive_products_now(t);
  };
  const Tensor plain = of(x);
  const double least = x.dtype() == float32 ? double{std::numeric_limits<float>::min()}
                                            : std::numeric_limits<double>::min();
  const Tensor size = abs(plain.detach());
  if (all(logical_and(size >= least, size < infinity)).item<bool>()) return plain;
  const auto [scale, of_others] = powers_of_two(x);
  return masked_mul(of(x / scale), of_others);
}

/// [outer, n, inner] -> [outer, 1, inner]
Tensor prod_middle(const Tensor& x) {
  AxisSet middle;
  middle.insert(1);
  const Tensor y = reduce_numeric(
      x, middle, middle.reduced(x.shape(), true),
      [](const auto* from, auto* to, AxisView view) { kernels::prod(from, to, view); });
  return record("prod", y, {x},
                {[x](const Tensor& g) { return masked_mul(g, products_of_others(x)); }});
}

}  // namespace

Tensor prod(const Tensor& x, const Axes& axes, ReduceOptions options) {
  const AxisSet set("prod", x, axes);
  const Folds folds(x.shape(), set);
  Tensor y = x;
  for (int i = 0; i < folds.count; ++i) {
    const auto [outer, n, inner] = folds.list[static_cast<std::size_t>(i)];
    y = prod_middle(reshape(y, {outer, n, inner}));
  }
  return reshape(y, set.reduced(x.shape(), options.keepdim));
}

Tensor trace(const Tensor& x) {
  need_defined("trace", x, "x");
  if (x.ndim() < 2)
    fail<ShapeError>("trace", fmt::format("needs at least two axes, got {}", describe(x)));
  const auto n = x.size(-2), m = x.size(-1);
  Shape shape;
  for (int i = 0; i < x.ndim() - 2; ++i) shape.push_back(x.size(i));
  shape.push_back(n * m);
  const auto place = static_cast<double>(std::min(n, m)) * static_cast<double>(m + 1);
  const Tensor diagonal = arange(0, place, static_cast<double>(m + 1));
  return sum(index_select(reshape(x, shape), -1, diagonal), -1);
}

Tensor count_nonzero(const Tensor& x, const Axes& axes, ReduceOptions options) {
  AxisSet("count_nonzero", x, axes);  // throws in this op's name
  const Tensor y = x.detach();
  return sum(y.dtype() == bool_ ? y : y != 0, axes, options);
}

Tensor all(const Tensor& x, const Axes& axes, ReduceOptions options) {
  const auto n = AxisSet("all", x, axes).count(x.shape());
  return count_nonzero(x, axes, options) == n;
}

Tensor any(const Tensor& x, const Axes& axes, ReduceOptions options) {
  AxisSet("any", x, axes);  // throws in this op's name
  return count_nonzero(x, axes, options) != 0;
}

}  // namespace gradtape
