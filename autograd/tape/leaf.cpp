// What a tensor is as a leaf; declared in tensor.hpp.
#include <fmt/format.h>

#include "gradtape/autograd/tape/node.hpp"
#include "gradtape/autograd/tape/thread_state.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

using namespace detail;

Tensor Tensor::requires_grad(std::string name) const {
  if (!is_floating(dtype()))
    fail<DtypeError>("requires_grad", fmt::format("only float32 and float64 differentiate, got {}",
                                                  gradtape::name(dtype())));
  auto node = Ref<Node>::adopt(make_node("leaf", shape(), dtype(), 0));
  auto* const extension = new Leaf;
  extension->name = std::move(name);
  node->extension = extension;
  node->kind = NodeKind::leaf;
  thread_state.count_from_now();  // what the leaf's own value took is no op's work
  return Tensor(to(dtype()).value_ref(), std::move(node));
}

bool Tensor::is_leaf() const { return node_ && node_->is_leaf(); }

Tensor Tensor::grad() const {
  if (!is_leaf())
    fail<GraphError>(
        "grad",
        "only a leaf accumulates a gradient; make one with requires_grad(), or ask for the "
        "gradient of an intermediate tensor with grad(output, {tensor})");
  auto& own = leaf(*node_);
  const std::lock_guard lock(own.mutex);
  return own.rows.empty() ? own.grad : dense_sum(own.grad, own.rows, shape());
}

void Tensor::zero_grad() const {
  if (!is_leaf()) fail<GraphError>("zero_grad", "only a leaf accumulates a gradient");
  auto& own = leaf(*node_);
  const std::lock_guard lock(own.mutex);
  own.grad = {};
  own.rows.clear();
}

void Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) const {
  if (!is_tracked())
    fail<GraphError>("register_hook", "this tensor is not tracked, so it has no gradient");
  if (!node_->extension) node_->extension = new Extension;
  node_->extension->hooks.push_back(std::move(hook));
}

}  // namespace gradtape
