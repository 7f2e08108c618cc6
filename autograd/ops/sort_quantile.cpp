#include "gradtape/autograd/ops/sort.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/ops/detail/axis_set.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"

namespace gradtape {

using namespace detail;

namespace {

void check(const Tensor& x, const Tensor& q, AxisSet set) {
  if (set.count(x.shape()) == 0)
    fail<ShapeError>("quantile", fmt::format("{} has no elements to rank", describe(x)));
  const Tensor given = q.to(float64);
  for (const double p : given.data<double>())
    if (!(p >= 0 && p <= 1))
      fail<ValueError>("quantile", fmt::format("q must be in [0, 1], got {}", p));
}

/// How much of the upper of the two elements beside `rank` is read.
Tensor upper_share(const Tensor& rank, Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::lower:
      return zeros_like(rank);
    case Interpolation::higher:
      return ceil(rank.detach()) - floor(rank.detach());
    case Interpolation::nearest:
      return round(rank.detach()) - floor(rank.detach());
    case Interpolation::midpoint:
      return (ceil(rank.detach()) - floor(rank.detach())) * 0.5;
    default:
      return rank - floor(rank.detach());
  }
}

/// The number that lies `share` of the way from below to above. What is infinite stays so, even
/// where both are; and the difference of the two may overflow.
Tensor between(const Tensor& below, const Tensor& above, const Tensor& share) {
  const Tensor difference = above - below;
  const Tensor plain = difference.detach() - difference.detach() == 0.0;
  if (all(plain).item<bool>()) return below + masked_mul(share, difference);
  const Tensor moving = where(below.detach() == above.detach(), share.detach(), share);
  return where(plain, below + masked_mul(share, where(plain, difference, 0.0)),
               masked_mul(1.0 - moving, below) + masked_mul(moving, above));
}

}  // namespace

Tensor quantile(const Tensor& x, const Tensor& q, const Axes& axes, QuantileOptions options) {
  const AxisSet set("quantile", x, axes);
  if (!is_floating(x.dtype())) needs_floating("quantile", x.dtype());
  Tensor like = x, level = q;
  promote_literals(like, level, "quantile");
  check(x, level, set);
  const Tensor sorted = sort(joined_last(x, set)).values;
  const auto n = sorted.size(-1);
  const Tensor rank = reshape(level, {level.numel()}) * static_cast<double>(n - 1);
  const Tensor share = upper_share(rank, options.interpolation);
  const auto read = [&](const Tensor& place) {
    return index_select(sorted, -1, place.detach().to(int64));
  };
  const Tensor below = read(floor(rank)), above = read(ceil(rank));
  Tensor y = between(below, above, share);
  const Tensor last = slice(sorted, -1, n - 1);  // NaN where there is one
  y = where(last == last, y, last);              // [..., q]

  std::vector<std::int64_t> order{y.ndim() - 1};
  for (int i = 0; i < y.ndim() - 1; ++i) order.push_back(i);
  Shape shape = level.shape();
  for (const auto extent : set.reduced(x.shape(), options.keepdim)) shape.push_back(extent);
  return reshape(permute(y, order), shape);
}

}  // namespace gradtape
