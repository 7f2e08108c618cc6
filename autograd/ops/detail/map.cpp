#include "gradtape/autograd/ops/detail/map.hpp"

namespace gradtape::detail {
namespace {

Tensor vjp(const UnaryOp& op, const Tensor& g, const Tensor& x) {
  if (recording()) return chain(g, op.slope(x));
  const Tensor* const in[] = {&g, &x};
  return map_tensors("chain", {op.chained, nullptr, op.chained_operations}, in, 2);
}

}  // namespace

Tensor unary(const UnaryOp& op, const Tensor& x) {
  const Tensor* const in[] = {&x};
  Tensor y = map_tensors(op.name, {op.value, nullptr, 1}, in, 1);
  if (op.from_output)
    return record(
        op.name, std::move(y), {x},
        {elementwise_vjp{[&op](const Tensor& g, const Tensor& y) { return vjp(op, g, y); }}});
  return record(op.name, std::move(y), {x},
                {elementwise_vjp{[&op, x](const Tensor& g) { return vjp(op, g, x); }}});
}

}  // namespace gradtape::detail
