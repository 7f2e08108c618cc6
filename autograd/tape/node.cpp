#include "gradtape/autograd/tape/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "gradtape/autograd/tape/thread_state.hpp"

namespace gradtape::detail {
namespace {

std::size_t node_bytes(std::size_t edge_count, std::size_t ndim, bool has_work) {
  return sizeof(Node) + edge_count * sizeof(Edge) + ndim * sizeof(std::int64_t) +
         (has_work ? sizeof(Work) + sizeof(std::int64_t) : 0);
}

void bury(Node* node) noexcept {
  release(*node);
  delete std::exchange(node->extension, nullptr);
  const auto bytes = node_bytes(node->edge_count, node->ndim, node->has_work);
  node->~Node();
  deallocate(node, bytes);
}

}  // namespace

Shape Node::shape() { return Shape::trusted(extents(*this), ndim); }

void Node::destroy() noexcept {
  auto& state = thread_state;
  order = reinterpret_cast<std::uintptr_t>(std::exchange(state.dead_nodes, this));
  if (state.destroying) return;
  state.destroying = true;
  const auto held = held_bytes;
  while (auto* node = state.dead_nodes) {
    state.dead_nodes = reinterpret_cast<Node*>(static_cast<std::uintptr_t>(node->order));
    bury(node);
  }
  state.destroying = false;
  state.held_before += held_bytes - held;  // what a graph gives back shrinks no op of another one
}

void release(Node& node) noexcept {
  if (node.is_leaf() || node.released)
    return;  // leaves are shared between threads: not even the flag is touched
  node.released = true;
  for (std::size_t i = 0; i < node.edge_count; ++i) {
    Edge& edge = node.edges()[i];
    edge.vjp.~Vjp();
    if (edge.node->refs.release()) edge.node->destroy();
  }
  Ref<Value>::adopt(std::exchange(node.output, nullptr));
  if (node.kind == NodeKind::joint && node.extension) {
    joint(node).vjp = {};
    joint(node).outputs.clear();
  }
}

Work Node::work() {
  if (!has_work) return {flops, bytes};
  const auto* words = extents(*this) + ndim;
  return {words[0], words[1]};
}

std::int64_t Node::held() { return has_work ? extents(*this)[ndim + 2] : 0; }

Node* make_node(const char* name, const Shape& shape, Dtype dtype, std::size_t edge_count,
                const Work& work, std::int64_t held) {
  const bool small = ((work.flops | work.bytes) & ~std::int64_t{255}) == 0 && held == 0;
  const auto bytes = node_bytes(edge_count, static_cast<std::size_t>(shape.ndim()), !small);
  auto* node = new (allocate(bytes)) Node;
  node->order = ++thread_state.recorded;
  node->name = name;
  node->edge_count = static_cast<std::uint32_t>(edge_count);
  node->ndim = static_cast<std::uint8_t>(shape.ndim());
  node->dtype = dtype;
  std::copy(shape.begin(), shape.end(), extents(*node));
  if (small) {
    node->flops = static_cast<std::uint8_t>(work.flops);
    node->bytes = static_cast<std::uint8_t>(work.bytes);
  } else {
    node->has_work = true;
    auto* words = extents(*node) + shape.ndim();
    words[0] = work.flops;
    words[1] = work.bytes;
    words[2] = held;
  }
  return node;
}

void connect(Node& node, Edge* edge, const Ref<Node>& input, Vjp&& vjp) {
  node.order = std::max(node.order, input->order + 1);
  new (edge) Edge{Ref<Node>(input).leak(), std::move(vjp)};
}

Ref<Node> make_output(const Ref<Node>& op, std::size_t index, const Shape& shape, Dtype dtype) {
  auto extension = std::make_unique<Output>();
  extension->index = index;
  auto node = Ref<Node>::adopt(make_node(op->name, shape, dtype, 1));
  connect(*node, node->edges(), op, {});
  node->extension = extension.release();
  node->kind = NodeKind::output;
  thread_state.recorded = node->order;
  return node;
}

std::string label(Node& node) {
  const auto name = node.is_leaf() ? leaf(node).name.str() : std::string();
  return name.empty() ? std::string(node.name) : fmt::format("'{}'", name);
}

std::string describe(const Tensor& x) {
  const auto name = x.is_leaf() ? leaf(*x.node_ref()).name.str() : std::string();
  return name.empty() ? x.shape().str() : fmt::format("'{}' {}", name, x.shape().str());
}

}  // namespace gradtape::detail
