#include "gradtape/autograd/ops/reduce.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "gradtape/autograd/ops/detail/axis_set.hpp"
#include "gradtape/autograd/ops/detail/map.hpp"

namespace gradtape {

using namespace detail;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// |x|^p; squares and first powers without pow.
Tensor power(const Tensor& x, double p) {
  return p == 1 ? abs(x) : p == 2 ? square(x) : pow(abs(x), p);
}

Tensor root(const Tensor& x, double p) { return p == 1 ? x : p == 2 ? sqrt(x) : pow(x, 1 / p); }

/// Whether every sum is far from over- and underflow, so that it kept its digits, and its root
/// keeps them: where 1 / p is rounded, that of a sum beyond 100 loses a digit or more.
bool in_range(const Tensor& sums, double p) {
  int exponent = 0;
  const bool rounded = std::abs(std::frexp(p, &exponent)) != 0.5, narrow = sums.dtype() == float32;
  const double large = rounded ? 1e2 : narrow ? 1e30 : 1e290, small = 1 / large;
  return all(logical_and(sums > small, sums < large)).item<bool>();
}

Tensor norm_value(const Tensor& x, double p, const Axes& axes, ReduceOptions options) {
  const auto inside = RecordingScope::inside_op();
  const Tensor sums = sum(power(x, p), axes, options);
  if (x.numel() == 0 || in_range(sums, p)) return root(sums, p);
  // Divided by the element that counts most, so that no power overflows.
  const Tensor leading =
      p > 0 ? amax(abs(x), axes, {.keepdim = true}) : amin(abs(x), axes, {.keepdim = true});
  const Tensor scale = where(logical_and(leading > 0, leading < infinity), leading, 1.0);
  const Tensor y = root(sum(power(x / scale, p), axes, options), p);
  return y * reshape(scale, y.shape());
}

/// count_nonzero in the dtype of x, as the inside of an op.
Tensor count_of_nonzero(const Tensor& x, const Axes& axes, ReduceOptions options) {
  const auto inside = RecordingScope::inside_op();
  return count_nonzero(x, axes, options).to(x.dtype());
}

/// g dy/dx for y = (sum |x|^p)^(1/p): sign(x) (|x| / y)^(p-1), and 0 where y is 0.
Tensor norm_vjp(const Tensor& g, const Tensor& x, const Tensor& y, double p) {
  const Tensor zero = y == 0, ratio = x / where(zero, 1.0, y);
  if (p == 2) return masked_mul(g, where(zero, 0.0, ratio));
  // From p = 2 on, 0 has the slope 0 by itself; below, its power may be infinite.
  const Tensor none = p < 2 ? logical_or(zero, x == 0) : zero;
  const Tensor size = abs(p < 2 ? where(none, 1.0, ratio) : ratio);
  return masked_mul(g, where(none, 0.0, sign(x) * pow(size, p - 1)));
}

/// Where y is infinite, x and y of the same slope: the infinite elements as ones, the others as 0.
std::pair<Tensor, Tensor> limit(const Tensor& x, const Tensor& y, double p, const Axes& axes) {
  const Tensor beyond = y == infinity, ones = where(abs(x) == infinity, sign(x), 0.0);
  const Tensor count = maximum(sum(abs(ones), axes, {.keepdim = true}), 1.0);
  return {where(beyond, ones, x), where(beyond, pow(count, 1 / p), y)};
}

}  // namespace

Tensor norm(const Tensor& x, double p, const Axes& axes, ReduceOptions options) {
  const AxisSet set("norm", x, axes);
  if (!is_floating(x.dtype())) needs_floating("norm", x.dtype());
  if (std::isnan(p)) fail<ValueError>("norm", "p is NaN");
  if (p < 0 || p == infinity) need_elements("norm", x, set);
  if (p == infinity) return amax(abs(x), axes, options);
  if (p == -infinity) return amin(abs(x), axes, options);
  if (p == 1) return sum(abs(x), axes, options);
  if (p == 0)
    return record("norm", count_of_nonzero(x, axes, options), {x},
                  {[x, restore = Restore(set, options.keepdim)](const Tensor& g) {
                    return masked_mul(restore(g), zeros_like(x));
                  }});
  return record(
      "norm", norm_value(x, p, axes, options), {x},
      {[x, p, axes, restore = Restore(set, options.keepdim)](const Tensor& g, const Tensor& y) {
        if (!any(y == infinity).item<bool>()) return norm_vjp(restore(g), x, restore(y), p);
        const auto [finite_x, finite_y] = limit(x, restore(y), p, axes);
        return norm_vjp(restore(g), finite_x, finite_y, p);
      }});
}

}  // namespace gradtape
