// What a tensor is as a leaf; declared in tensor.hpp.
#include <fmt/format.h>

#include <cstring>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/tape/node.hpp"
#include "gradtape/autograd/tape/thread_state.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

using namespace detail;

std::unique_lock<std::mutex> detail::Leaf::lock() {
  return single_threaded() ? std::unique_lock(mutex, std::defer_lock) : std::unique_lock(mutex);
}

void detail::Leaf::prepare_sum() {
  const auto own = lock();
  if (!grad.defined() || is_unique(grad)) return;
  const Tensor copy = empty(grad.shape(), grad.dtype());
  if (const auto n = static_cast<std::size_t>(grad.numel()))
    std::memcpy(mutable_data<char>(copy), grad.raw(), n * size_of(grad.dtype()));
  grad = copy;
}

void detail::Leaf::prepare_rows(std::size_t count) {
  const auto own = lock();
  rows.reserve(rows.size() + count);
}

void detail::Leaf::add(Tensor g) {
  const auto own = lock();
  if (!grad.defined())
    grad = std::move(g);
  else if (is_unique(grad))
    grad = add_reusing(std::move(grad), g);
  else  // another thread holds it since: it stays whole even where memory runs out
    grad = add_reusing(Tensor(grad), g);
}

void detail::Leaf::add(std::vector<RowGradient> parts) {
  const auto own = lock();
  for (auto& part : parts) rows.push_back(std::move(part));
}

Tensor detail::Leaf::gradient(const Shape& shape) {
  const auto own = lock();
  return rows.empty() ? grad : dense_sum(grad, rows, shape);
}

void detail::Leaf::clear_gradient() {
  const auto own = lock();
  grad = {};
  rows.clear();
}

Tensor Tensor::requires_grad(std::string name) const {
  if (!is_floating(dtype()))
    fail<DtypeError>("requires_grad", fmt::format("only float32 and float64 differentiate, got {}",
                                                  gradtape::name(dtype())));
  auto node = Ref<Node>::adopt(make_node("leaf", shape(), dtype(), 0));
  auto* const extension = new Leaf;
  extension->name.last = std::move(name);
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
  return leaf(*node_).gradient(shape());
}

void Tensor::zero_grad() const {
  if (!is_leaf()) fail<GraphError>("zero_grad", "only a leaf accumulates a gradient");
  leaf(*node_).clear_gradient();
}

void Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) const {
  if (!is_tracked())
    fail<GraphError>("register_hook", "this tensor is not tracked, so it has no gradient");
  if (!node_->extension) node_->extension = new Extension;
  node_->extension->hooks.push_back(std::move(hook));
}

}  // namespace gradtape
