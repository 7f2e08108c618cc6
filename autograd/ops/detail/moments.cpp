#include "gradtape/autograd/ops/detail/moments.hpp"

#include <cmath>

namespace gradtape::detail {

Moments::Moments(Dtype dtype, std::int64_t groups) : rows_(empty({4, groups}, dtype)) {}

Moments::Moments(const char* op, const Tensor& x, AxisView groups) : Moments(x.dtype(), groups.n) {
  visit_floating(x.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    kernels::moments(static_cast<const T*>(x.raw()), frame<T>(), groups);
  });
}

/// f(frame, k) for every group, as a tensor.
template <class F> Tensor Moments::each(F f) const {
  const auto n = rows_.size(1);
  const Tensor y = empty({n}, rows_.dtype());
  visit_floating(rows_.dtype(), "moments", [&](auto zero) {
    using T = decltype(zero);
    const auto own = frame<T>();
    for (std::int64_t k = 0; k < n; ++k) mutable_data<T>(y)[k] = static_cast<T>(f(own, k));
  });
  return y;
}

Tensor Moments::mean() const {
  return each([](const auto& of, auto k) { return (of.center[k] + of.rest[k]) / of.shrink[k]; });
}

Tensor Moments::var(double factor) const {
  return each([=](const auto& of, auto k) {
    const double shrink = of.shrink[k];
    return of.variance[k] * factor / shrink / shrink;
  });
}

Tensor Moments::deviation(double factor) const {
  return each(
      [=](const auto& of, auto k) { return std::sqrt(of.variance[k] * factor) / of.shrink[k]; });
}

}  // namespace gradtape::detail
