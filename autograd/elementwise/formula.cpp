#include "gradtape/autograd/formula.hpp"

namespace gradtape::detail {
namespace {

/// The vjp by public ops, so that the result can be differentiated again.
void traced_vjp(const FormulaCode& code, const Tensor& g, const Tensor* x, const bool* needed,
                Tensor* gradients) {
  std::vector<TensorDual> inputs;
  for (std::size_t i = 0; i < code.count; ++i) {
    inputs.emplace_back(x[i]);
    if (needed[i]) inputs[i].tangents[i] = 1.0;
  }
  const TensorDual y = code.dual(code.value.f, inputs.data());
  for (std::size_t i = 0; i < code.count; ++i)
    if (y.tangents[i].defined()) gradients[i] = masked_mul(g, y.tangents[i]);
}

}  // namespace

Tensor formula_value(const FormulaCode& code, Tensor* x) {
  promote_literals(x, code.count, code.name);
  const Tensor* in[TensorDual::max_inputs];
  for (std::size_t i = 0; i < code.count; ++i) in[i] = x + i;
  return map_tensors(code.name, code.value, in, code.count);
}

void formula_vjp(const FormulaCode& code, const Tensor& g, const Tensor* x, const bool* needed,
                 Tensor* gradients) {
  if (recording()) return traced_vjp(code, g, x, needed, gradients);
  const Tensor* in[1 + TensorDual::max_inputs] = {&g};
  Shape shape = g.shape();
  for (std::size_t i = 0; i < code.count; ++i) {
    in[1 + i] = x + i;
    shape = broadcast(shape, x[i].shape(), code.name);
  }
  for (std::size_t i = 0; i < code.count; ++i)
    if (needed[i]) gradients[i] = empty(shape, g.dtype());
  map_into(shape, code.products, in, 1 + code.count, gradients, code.count);
}

}  // namespace gradtape::detail
