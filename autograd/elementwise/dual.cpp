#include "gradtape/autograd/elementwise/dual.hpp"

namespace gradtape {
namespace {

// An undefined tangent stands for zero.
Tensor sum(const Tensor& a, const Tensor& b) { return !a.defined() ? b : !b.defined() ? a : a + b; }
Tensor times(const Tensor& slope, const Tensor& tangent) {
  return tangent.defined() ? masked_mul(tangent, slope) : Tensor();
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
  return combine(a.value * Tensor(b), [&](auto i) {
    return a.tangents[i].defined() ? a.tangents[i] * Tensor(b) : Tensor();
  });
}
TensorDual operator/(const TensorDual& a, double b) {
  return combine(a.value / Tensor(b), [&](auto i) {
    return a.tangents[i].defined() ? a.tangents[i] * Tensor(1.0 / b) : Tensor();
  });
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
