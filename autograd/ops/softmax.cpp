#include "gradtape/autograd/ops/softmax.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/kernels/softmax.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/index.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape {

using namespace detail;

namespace {

AxisView rows_of(const Tensor& x) {
  const auto n = x.shape().back();
  return {n ? x.numel() / n : 0, n};
}

/// kernel(in..., out, rows) along the last axis of tensors of one shape.
template <class Kernel, class... In>
Tensor along_rows(const char* op, Kernel kernel, const Tensor& x, const In&... more) {
  const Tensor y = empty(x.shape(), x.dtype());
  visit_floating(x.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    const auto read = [](const Tensor& t) { return static_cast<const T*>(t.raw()); };
    kernel(read(x), read(more)..., mutable_data<T>(y), rows_of(x));
  });
  return y;
}

Tensor row_sums(const Tensor& x) { return sum(x, -1, {.keepdim = true}); }

/// By public ops, which differentiate again. The gradient of a row sums up to 0; the element that
/// is more than half of it loses its own digits and becomes what the others lack.
Tensor softmax_vjp(const Tensor& g, const Tensor& y) {
  const Tensor t = masked_mul(g, y), dx = t - masked_mul(row_sums(t), y), top = y > 0.5;
  if (!any(top).item<bool>()) return dx;
  return where(top, -row_sums(where(top, 0, dx)), dx);
}

Tensor softmax_rows(const Tensor& x) {
  const auto forward = [](auto... arguments) { kernels::softmax(arguments...); };
  return record(
      "softmax", along_rows("softmax", forward, x), {x}, {[](const Tensor& g, const Tensor& y) {
        if (recording()) return softmax_vjp(g, y);
        return along_rows(
            "softmax", [](auto... arguments) { kernels::softmax_backward(arguments...); }, g, y);
      }});
}

Tensor log_softmax_rows(const Tensor& x) {
  const auto forward = [](auto... arguments) { kernels::log_softmax(arguments...); };
  return record("log_softmax", along_rows("log_softmax", forward, x), {x},
                {[](const Tensor& g, const Tensor& y) {
                  // g - sum(g) p, so that a p near 1 keeps the digits of 1 - p
                  if (recording())
                    return -masked_mul(g, expm1(y)) - masked_mul(row_sums(g) - g, exp(y));
                  return along_rows(
                      "log_softmax",
                      [](auto... arguments) { kernels::log_softmax_backward(arguments...); }, g, y);
                }});
}

/// f along `axis`, which is moved to the end and back where it is not the last.
Tensor along(const char* op, Tensor (*f)(const Tensor&), const Tensor& x, std::int64_t axis) {
  need_defined(op, x, "x");
  const int a = x.shape().axis(axis, op);
  return a == x.ndim() - 1 ? f(x) : transpose(f(transpose(x, a, -1)), a, -1);
}

}  // namespace

Tensor softmax(const Tensor& x, std::int64_t axis) {
  return along("softmax", softmax_rows, x, axis);
}
Tensor log_softmax(const Tensor& x, std::int64_t axis) {
  return along("log_softmax", log_softmax_rows, x, axis);
}

Tensor softmin(const Tensor& x, std::int64_t axis) {
  need_defined("softmin", x, "x");
  visit_floating(x.dtype(), "softmin", [](auto) {});  // or throws
  return along("softmin", softmax_rows, -x, axis);
}

}  // namespace gradtape
