#include "gradtape/autograd/elementwise/dual.hpp"

#include <cmath>

#include "gradtape/autograd/ops/reduce.hpp"

namespace gradtape {
namespace {

// An undefined tangent stands for zero.
Tensor sum(const Tensor& a, const Tensor& b) { return !a.defined() ? b : !b.defined() ? a : a + b; }
/// 0 where one of both is 0, as in Dual; a slope of 0 still has its own derivative.
Tensor times(const Tensor& slope, const Tensor& tangent) {
  if (!tangent.defined()) return {};
  const Tensor finite = isfinite(tangent.detach());
  if (all(finite).item<bool>()) return masked_mul(tangent, slope);
  return masked_mul(where(logical_or(finite, slope.detach() != 0), tangent, 0.0), slope);
}

Tensor times(double slope, const Tensor& tangent) {
  if (!std::isfinite(slope) || slope == 0) return times(Tensor(slope), tangent);
  return tangent.defined() ? tangent * Tensor(slope) : Tensor();
}

/// tangent(i) for each input as the tangents beside `value`.
template <class F> TensorDual combine(Tensor value, const F& tangent) {
  TensorDual y(std::move(value));
  for (std::size_t i = 0; i < TensorDual::max_inputs; ++i) y.tangents[i] = tangent(i);
  return y;
}

}  // namespace

TensorDual operator+(const TensorDual& a, const TensorDual& b) {
  return combine(a.value + b.value, [&](auto i) { return sum(a.tangents[i], b.tangents[i]); });
}
TensorDual operator-(const TensorDual& a, const TensorDual& b) {
  return combine(a.value - b.value, [&](auto i) {
    return sum(a.tangents[i], b.tangents[i].defined() ? -b.tangents[i] : Tensor());
  });
}
TensorDual operator-(const TensorDual& a) {
  return combine(-a.value,
                 [&](auto i) { return a.tangents[i].defined() ? -a.tangents[i] : Tensor(); });
}
TensorDual operator*(const TensorDual& a, const TensorDual& b) {
  return TensorDual::combined(a.value * b.value, b.value, a, a.value, b);
}
TensorDual operator/(const TensorDual& a, const TensorDual& b) {
  const Tensor inverse = Tensor(1.0) / b.value, y = a.value * inverse;
  return combine(a.value / b.value, [&](auto i) {
    return times(inverse, sum(a.tangents[i], times(-y, b.tangents[i])));
  });
}

TensorDual operator+(const TensorDual& a, double b) {
  return combine(a.value + Tensor(b), [&](auto i) { return a.tangents[i]; });
}
TensorDual operator*(const TensorDual& a, double b) {
  return combine(a.value * Tensor(b), [&](auto i) { return times(b, a.tangents[i]); });
}
TensorDual operator/(const TensorDual& a, double b) {
  return combine(a.value / Tensor(b), [&](auto i) { return times(1.0 / b, a.tangents[i]); });
}
TensorDual operator/(double a, const TensorDual& b) {
  const Tensor y = Tensor(a) / b.value;
  return b.scaled(y, -y / b.value);
}

TensorDual where(const Tensor& mask, const TensorDual& a, const TensorDual& b) {
  return combine(where(mask, a.value, b.value), [&](auto i) {
    const Tensor &p = a.tangents[i], &q = b.tangents[i];
    if (!p.defined() && !q.defined()) return Tensor();
    return where(mask, p.defined() ? p : Tensor(0.0), q.defined() ? q : Tensor(0.0));
  });
}

TensorDual TensorDual::scaled(const Tensor& result, const Tensor& slope) const {
  return combine(result, [&](auto i) { return times(slope, tangents[i]); });
}
TensorDual TensorDual::combined(const Tensor& result, const Tensor& slope_a, const TensorDual& a,
                                const Tensor& slope_b, const TensorDual& b) {
  return combine(result, [&](auto i) {
    return sum(times(slope_a, a.tangents[i]), times(slope_b, b.tangents[i]));
  });
}

}  // namespace gradtape
