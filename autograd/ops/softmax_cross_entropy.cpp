#include "gradtape/autograd/ops/softmax.hpp"

#include <algorithm>

#include "gradtape/autograd/kernels/softmax.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/index.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

using namespace detail;

namespace {

constexpr const char* op = "cross_entropy";

AxisView rows_of(const Tensor& x) { return {x.size(0), x.size(1), 1}; }

template <class T> kernels::ClassTargets<T> as_kernel(const ClassTargets& target) {
  return {elements<std::int64_t>(target.index), elements<T>(target.weight), target.smoothing};
}
template <class T> kernels::SoftTargets<T> as_kernel(const Tensor& a) { return {elements<T>(a)}; }

/// The losses of rows, or their sum over the divisor, and what the backward pass needs.
struct Forward {
  Tensor value, offsets;
};

template <class Target>
Forward forward(const Tensor& x, const Target& target, std::optional<double> divisor) {
  const auto rows = rows_of(x);
  CachedVector<double> losses(static_cast<std::size_t>(rows.outer));
  Forward result{empty(divisor ? Shape{} : Shape{rows.outer}, x.dtype()),
                 empty({2, rows.outer}, x.dtype())};
  visit_floating(x.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    T* const value = mutable_data<T>(result.value);
    kernels::cross_entropy(elements<T>(x), as_kernel<T>(target), mutable_data<T>(result.offsets),
                           losses.data(), rows);
    double total = 0;
    for (std::size_t row = 0; row < losses.size(); ++row)
      divisor ? void(total += losses[row]) : void(value[row] = static_cast<T>(losses[row]));
    if (divisor) *value = static_cast<T>(total / *divisor);
  });
  return result;
}

/// The gradient of the logits in one pass, where nobody asks for its gradient in turn.
template <class Target>
Tensor backward(const Tensor& g, const Tensor& x, const Target& target, const Tensor& offsets,
                std::optional<double> divisor) {
  const Tensor dx = empty(x.shape(), x.dtype());
  visit_floating(x.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    T all = 0;
    if (divisor && *elements<T>(g) != 0) all = *elements<T>(g) / static_cast<T>(*divisor);
    kernels::cross_entropy_backward(
        elements<T>(x), as_kernel<T>(target), elements<T>(offsets),
        kernels::RowScale<T>{divisor ? &all : elements<T>(g), divisor.has_value()},
        mutable_data<T>(dx), rows_of(x));
  });
  return dx;
}

/// The cotangent of each row's loss, to be multiplied with [n, classes].
Tensor of_rows(const Tensor& g, std::optional<double> divisor) {
  return divisor ? g / *divisor : unsqueeze(g, 1);
}

/// sum(a) p - a for p = softmax(x), the gradient of each row's loss, so that a p near 1 keeps the
/// digits of 1 - p.
Tensor gradient(const Tensor& x, const Tensor& a) {
  const Tensor log_p = log_softmax(x);
  return masked_mul(sum(a, -1, {.keepdim = true}) - a, exp(log_p)) + masked_mul(a, expm1(log_p));
}

Tensor gradient(const Tensor& x, const ClassTargets& target) {
  const auto [index, weight, smoothing] = target;
  const auto classes = x.size(1);
  const Tensor hit = one_hot(where(index >= 0, index, 0), classes, x.dtype());
  Tensor a =
      smoothing == 0 ? hit : (1 - smoothing) * hit + smoothing / static_cast<double>(classes);
  if (weight.defined()) a = a * weight;
  const bool all_count =
      std::ranges::none_of(index.data<std::int64_t>(), [](auto c) { return c < 0; });
  return gradient(x, all_count ? a : where(unsqueeze(index, 1) >= 0, a, 0));
}

}  // namespace

Tensor detail::cross_entropy_rows(const Tensor& x, const ClassTargets& target,
                                  std::optional<double> divisor) {
  const auto [value, offsets] = forward(x, target, divisor);
  return record(op, value, {x}, {[=, offsets = offsets](const Tensor& g) {
                  if (!recording()) return backward(g, x, target, offsets, divisor);
                  return masked_mul(of_rows(g, divisor), gradient(x, target));
                }});
}

Tensor detail::cross_entropy_rows(const Tensor& x, const Tensor& a, std::optional<double> divisor) {
  const auto [value, offsets] = forward(x, a, divisor);
  const auto of_logits = [=, offsets = offsets](const Tensor& g) {
    if (!recording()) return backward(g, x, a, offsets, divisor);
    return masked_mul(of_rows(g, divisor), gradient(x, a));
  };
  const auto of_a = [=](const Tensor& g) {
    return -masked_mul(of_rows(g, divisor), log_softmax(x));
  };
  return record(op, value, {x, a}, {of_logits, of_a});
}

}  // namespace gradtape
