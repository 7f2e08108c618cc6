#include "gradtape/autograd/tape.hpp"

#include <algorithm>
#include <unordered_map>

#include "gradtape/autograd/tape/node.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// In the slot of a node that a pass walks. What is left of it is a position.
constexpr std::uint32_t walked_mark = std::uint32_t{1} << 31;

std::uint32_t slot_of(const Node& node) {
  return node.slot.load(std::memory_order_relaxed) & ~walked_mark;
}
bool is_walked(const Node& node) {
  return (node.slot.load(std::memory_order_relaxed) & walked_mark) != 0;
}
void set_slot(Node& node, std::size_t slot, bool walked) {
  node.slot.store(static_cast<std::uint32_t>(slot) | (walked ? walked_mark : 0),
                  std::memory_order_relaxed);
}

}  // namespace

// It delegates, so that the destructor lets go of the nodes where this throws.
Tape::Tape(const std::vector<Tensor>& outputs, bool walked) : Tape() {
  // Leaves are looked up in a table of this tape and not by their slot: threads that differentiate
  // at the same time may share them. The positions in slots are meaningful only within this
  // constructor.
  CachedVector<Node*> leaves;  // held by the nodes that use them until they are on the tape
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
  bool any_walked = false;
  const auto discover = [&](Node* node) {
    if (node->is_leaf()) {
      if (find_leaf(node) < leaves.size()) return;
      if (leaves.size() > 16) many_leaves.emplace(node, static_cast<std::uint32_t>(leaves.size()));
      leaves.push_back(node);
    } else {
      const auto slot = slot_of(*node);
      if (slot < nodes_.size() && nodes_[slot] == node) return;
      const bool is_marked = is_walked(*node);
      any_walked |= is_marked;
      nodes_.push_back(node);
      node->refs.retain();
      set_slot(*node, nodes_.size() - 1, is_marked);
    }
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
  if (walked && any_walked) {
    walked_elsewhere_.assign(leaves.size(), false);
    for (const Node* node : nodes_) walked_elsewhere_.push_back(is_walked(*node));
  }
  targets_.reserve(edge_count);
  first_target_.reserve(nodes_.size() + leaves.size() + 1);
  nodes_.reserve(nodes_.size() + leaves.size());
  find_leaf(nullptr);  // fills the table
  // From here on nothing throws: the destructor takes away the marks that are set here.
  marked_ = walked;
  first_target_.assign(leaves.size(), 0);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {  // inputs come before users, with their slots
    Node* const node = nodes_[i];
    set_slot(*node, i + leaves.size(), walked || is_walked(*node));
    first_target_.push_back(static_cast<std::uint32_t>(targets_.size()));
    if (node->released) continue;
    for (std::size_t e = 0; e < node->edge_count; ++e) {
      Node* input = node->edges()[e].node;
      targets_.push_back(
          static_cast<std::uint32_t>(input->is_leaf() ? find_leaf(input) : slot_of(*input)));
    }
  }
  first_target_.push_back(static_cast<std::uint32_t>(targets_.size()));
  for (Node* leaf : leaves) leaf->refs.retain();
  nodes_.insert(nodes_.begin(), leaves.begin(), leaves.end());
  leaf_count_ = leaves.size();
}

void Tape::unmark(std::size_t i) {
  if (!is_walked_elsewhere(i)) set_slot(*nodes_[i], i, false);
}

Tape::~Tape() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Node* const node = nodes_[i];
    if (!node) continue;
    if (marked_ && !node->is_leaf()) unmark(i);
    if (node->refs.release()) node->destroy();
  }
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
  const auto slot = slot_of(*node);  // right unless another tape was built since
  if (slot < nodes_.size() && nodes_[slot] == node) return slot;
  auto at = std::lower_bound(leaves_end, nodes_.end(), node->order,
                             [](const Node* a, std::uint64_t b) { return a->order < b; });
  while (at != nodes_.end() && *at != node && (*at)->order == node->order) ++at;
  return at != nodes_.end() && *at == node ? static_cast<std::size_t>(at - nodes_.begin()) : size();
}

}  // namespace gradtape
