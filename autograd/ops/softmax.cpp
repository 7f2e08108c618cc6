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

Tensor softmax_rows(const Tensor& x) {
  const auto forward = [](auto... arguments) { kernels::softmax(arguments...); };
  return record(
      "softmax", along_rows("softmax", forward, x), {x}, {[](const Tensor& g, const Tensor& y) {
        if (recording()) {
          const Tensor t = masked_mul(g, y);
          return t - masked_mul(row_sums(t), y);
        }
        return along_rows(
            "softmax", [](auto... arguments) { kernels::softmax_backward(arguments...); }, g, y);
      }});
}

Tensor log_softmax_rows(const Tensor& x) {
  const auto forward = [](auto... arguments) { kernels::log_softmax(arguments...); };
  return record("log_softmax", along_rows("log_softmax", forward, x), {x},
                {[](const Tensor& g, const Tensor& y) {
                  if (recording()) return g - masked_mul(row_sums(g), exp(y));
                  return along_rows(
                      "log_softmax",
                      [](auto... arguments) { kernels::log_softmax_backward(arguments...); }, g, y);
                }});
}

/// f along `axis`, which is moved to the end and back where it is not the last.
Tensor along(const char* op, Tensor (*f)(const Tensor&), const Tensor& x, std::int64_t axis) {
  const int a = x.shape().axis(axis, op);
  return a == x.ndim() - 1 ? f(x) : transpose(f(transpose(x, a, -1)), a, -1);
}

void check_classes(const Tensor& logits, const Tensor& target) {
  if (logits.ndim() != 2 || target.ndim() != 1 || target.size(0) != logits.size(0))
    fail<ShapeError>("cross_entropy",
                     fmt::format("needs logits [n, classes, ...] and target [n, ...] (classes) or "
                                 "of the logits' shape (probabilities), got {} and {}",
                                 describe(logits), describe(target)));
  if (target.dtype() != int64)
    fail<DtypeError>("cross_entropy", fmt::format("target must hold class indices in int64, got {}",
                                                  name(target.dtype())));
  if (target.numel() == 0)
    fail<ShapeError>("cross_entropy",
                     fmt::format("logits {} have no rows, and the mean of nothing is undefined",
                                 describe(logits)));
  const auto given = target.data<std::int64_t>();
  const auto classes = logits.size(1);
  for (std::size_t row = 0; row < given.size(); ++row)
    if (given[row] < 0 || given[row] >= classes)
      fail<ValueError>(
          "cross_entropy",
          fmt::format("class {} in row {} of target is out of range for the {} classes "
                      "of logits {}",
                      given[row], row, classes, describe(logits)));
}

/// g / n (softmax(logits) - one_hot(target)) in one pass.
Tensor cross_entropy_backward(const Tensor& g, const Tensor& logits, const Tensor& target,
                              const Tensor& offsets) {
  const Tensor dx = empty(logits.shape(), logits.dtype());
  visit_floating(logits.dtype(), "cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const auto rows = rows_of(logits);
    kernels::cross_entropy_backward(
        static_cast<const T*>(logits.raw()), static_cast<const std::int64_t*>(target.raw()),
        static_cast<const T*>(offsets.raw()), g.item<T>() / static_cast<T>(rows.outer),
        mutable_data<T>(dx), rows);
  });
  return dx;
}

/// logits: [n, classes], target: [n]
Tensor cross_entropy_of_rows(const Tensor& logits, const Tensor& target) {
  check_classes(logits, target);
  const auto rows = rows_of(logits);
  const Tensor loss = empty({}, logits.dtype());
  const Tensor offsets = empty({rows.outer, 2}, logits.dtype());
  visit_floating(logits.dtype(), "cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const auto* const classes = static_cast<const std::int64_t*>(target.raw());
    *mutable_data<T>(loss) = kernels::cross_entropy(static_cast<const T*>(logits.raw()), classes,
                                                    mutable_data<T>(offsets), rows);
  });
  return record("cross_entropy", loss, {logits}, {[logits, target, offsets](const Tensor& g) {
                  if (!recording()) return cross_entropy_backward(g, logits, target, offsets);
                  const Tensor difference =
                      softmax(logits) - one_hot(target, logits.size(1), logits.dtype());
                  return masked_mul(g / static_cast<double>(logits.size(0)), difference);
                }});
}

/// [n, classes, d1, ...] -> [n d1 ..., classes]
Tensor as_rows(const Tensor& x) {
  const auto classes = x.ndim() == 1 ? x.size(0) : x.size(1);
  if (x.ndim() < 3) return reshape(x, {x.ndim() == 1 ? 1 : x.size(0), classes});
  std::vector<std::int64_t> order{0};
  for (std::int64_t axis = 2; axis < x.ndim(); ++axis) order.push_back(axis);
  order.push_back(1);
  return reshape(permute(x, order), {classes ? x.numel() / classes : 0, classes});
}

Tensor cross_entropy_of_probabilities(const Tensor& logits, const Tensor& target) {
  Tensor x = logits, q = target;
  promote_literals(x, q, "cross_entropy");
  if (x.numel() == 0)
    fail<ShapeError>("cross_entropy", fmt::format("logits {} have no rows or no classes, and the "
                                                  "mean of nothing is undefined",
                                                  describe(logits)));
  return mean(-sum(masked_mul(as_rows(q), log_softmax(as_rows(x))), -1));
}

}  // namespace

Tensor softmax(const Tensor& x, std::int64_t axis) {
  return along("softmax", softmax_rows, x, axis);
}
Tensor log_softmax(const Tensor& x, std::int64_t axis) {
  return along("log_softmax", log_softmax_rows, x, axis);
}

Tensor softmin(const Tensor& x, std::int64_t axis) {
  visit_floating(x.dtype(), "softmin", [](auto) {});  // or throws
  return along("softmin", softmax_rows, -x, axis);
}

Tensor cross_entropy(const Tensor& logits, const Tensor& target) {
  if (logits.ndim() == 2 && target.ndim() == 1) return cross_entropy_of_rows(logits, target);
  const Shape shape = logits.shape();
  if (logits.ndim() > 0 && is_floating(target.dtype()) && target.shape() == shape)
    return cross_entropy_of_probabilities(logits, target);
  Shape rows;
  for (int axis = 0; axis < shape.ndim(); ++axis)
    if (axis != (shape.ndim() == 1 ? 0 : 1)) rows.push_back(shape[axis]);
  if (logits.ndim() == 0 || target.shape() != rows) check_classes(logits, target);  // throws
  return cross_entropy_of_rows(as_rows(logits), reshape(target, {-1}));
}

}  // namespace gradtape
