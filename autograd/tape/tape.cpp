#include "gradtape/autograd/tape.hpp"

#include <algorithm>
#include <unordered_map>

#include "gradtape/autograd/tape/node.hpp"

namespace gradtape {

using namespace detail;

Tape::Tape(const std::vector<Tensor>& outputs) {
  // Leaves are looked up in a table of this tape and not by their slot: threads that differentiate
  // at the same time may share them. Slots are meaningful only within this constructor.
  CachedVector<Node*> leaves;
  std::unordered_map<Node*, std::uint32_t> many_leaves;
  const auto find_leaf = [&](Node* node) -> std::size_t {
    if (leaves.size() <= 16)
      return static_cast<std::size_t>(std::find(leaves.begin(), leaves.end(), node) -
                                      leaves.begin());
    if (many_leaves.empty())
      for (std::size_t i = 0; i < leaves.size(); ++i) many_leaves.emplace(leaves[i], i);
    const auto at = many_leaves.find(node);
    return at == many_leaves.end() ? leaves.size() : at->second;
  };
  const auto discover = [&](Node* node) {
    if (node->is_leaf()) {
      if (find_leaf(node) < leaves.size()) return;
      if (leaves.size() > 16) many_leaves.emplace(node, static_cast<std::uint32_t>(leaves.size()));
      leaves.push_back(node);
    } else {
      const auto slot = node->slot.load(std::memory_order_relaxed);
      if (slot < nodes_.size() && nodes_[slot] == node) return;
      node->slot.store(static_cast<std::uint32_t>(nodes_.size()), std::memory_order_relaxed);
      nodes_.push_back(node);
    }
    node->refs.retain();
  };

  std::size_t edge_count = 0;
  for (const auto& output : outputs)
    if (output.is_tracked()) discover(output.node_ref().get());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Node* node = nodes_[i];
    if (node->released) continue;
    edge_count += node->edge_count;
    for (std::size_t e = 0; e < node->edge_count; ++e) discover(node->edges()[e].node);
  }

  // Recording order, behind the leaves.
  const auto earlier = [](const Node* a, const Node* b) { return a->order < b->order; };
  std::reverse(nodes_.begin(), nodes_.end());
  if (!std::is_sorted(nodes_.begin(), nodes_.end(), earlier))
    std::sort(nodes_.begin(), nodes_.end(), earlier);
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    nodes_[i]->slot.store(static_cast<std::uint32_t>(i + leaves.size()), std::memory_order_relaxed);
  targets_.reserve(edge_count);
  first_target_.reserve(nodes_.size() + leaves.size() + 1);
  first_target_.assign(leaves.size(), 0);
  for (Node* node : nodes_) {
    first_target_.push_back(static_cast<std::uint32_t>(targets_.size()));
    if (node->released) continue;
    for (std::size_t e = 0; e < node->edge_count; ++e) {
      Node* input = node->edges()[e].node;
      targets_.push_back(input->is_leaf() ? static_cast<std::uint32_t>(find_leaf(input))
                                          : input->slot.load(std::memory_order_relaxed));
    }
  }
  first_target_.push_back(static_cast<std::uint32_t>(targets_.size()));
  nodes_.insert(nodes_.begin(), leaves.begin(), leaves.end());
  leaf_count_ = leaves.size();
}

Tape::~Tape() {
  for (Node* node : nodes_)
    if (node && node->refs.release()) node->destroy();
}

const std::string& Tape::leaf_name(std::size_t i) const {
  static const std::string none;
  return is_leaf(i) ? leaf(*nodes_[i]).name : none;
}

std::size_t Tape::position(const Tensor& tensor) const {
  auto* node = tensor.node_ref().get();
  if (!node) return size();
  const auto leaves_end = nodes_.begin() + static_cast<std::ptrdiff_t>(leaf_count_);
  if (node->is_leaf()) {
    const auto at = std::find(nodes_.begin(), leaves_end, node);
    return at == leaves_end ? size() : static_cast<std::size_t>(at - nodes_.begin());
  }
  const auto slot =
      node->slot.load(std::memory_order_relaxed);  // right unless another tape was built since
  if (slot < nodes_.size() && nodes_[slot] == node) return slot;
  auto at = std::lower_bound(leaves_end, nodes_.end(), node->order,
                             [](const Node* a, std::uint64_t b) { return a->order < b; });
  while (at != nodes_.end() && *at != node && (*at)->order == node->order) ++at;
  return at != nodes_.end() && *at == node ? static_cast<std::size_t>(at - nodes_.begin()) : size();
}

}  // namespace gradtape
