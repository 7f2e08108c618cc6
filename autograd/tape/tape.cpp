#include "gradtape/autograd/tape.hpp"

#include <algorithm>
#include <unordered_map>

#include "gradtape/autograd/tape/node.hpp"
#include "gradtape/autograd/tape/recording_order.hpp"
#include "gradtape/autograd/tape/thread_state.hpp"

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

/// In what stands for a leaf until the positions of all nodes are known.
constexpr std::uint32_t leaf_mark = std::uint32_t{1} << 31;

/// The leaves met so far. They are looked up here and not by their slot: threads that differentiate
/// at the same time may share them.
class LeafTable {
 public:
  /// In the order in which they were met.
  std::uint32_t number(Node* leaf) {
    const auto next = static_cast<std::uint32_t>(leaves_.size());
    std::uint32_t found = next;
    if (next <= few) {
      const auto at = std::find(leaves_.begin(), leaves_.end(), leaf);
      found = static_cast<std::uint32_t>(at - leaves_.begin());
    } else {
      if (numbers_.empty())
        for (std::uint32_t i = 0; i < next; ++i) numbers_.emplace(leaves_[i], i);
      found = numbers_.try_emplace(leaf, next).first->second;
    }
    if (found == next) leaves_.push_back(leaf);
    return found;
  }
  const CachedVector<Node*>& all() const { return leaves_; }

 private:
  static constexpr std::uint32_t few = 16;
  CachedVector<Node*> leaves_;  // held by the nodes that use them until they are on the tape
  std::unordered_map<Node*, std::uint32_t> numbers_;  // where there are many
};

/// Asks for the nodes of a node's inputs: those of a large graph are not in the cache.
void fetch_inputs(Node& node) {
  if (node.released) return;
  for (std::size_t e = 0; e < node.edge_count; ++e) prefetch(node.edges()[e].node);
}

}  // namespace

// It delegates, so that the destructor lets go of the nodes where this throws.
Tape::Tape(std::span<const Tensor> outputs, bool walked) : Tape() {
  marked_ = walked;
  LeafTable leaves;
  CachedVector<Recorded> recorded;
  // A small graph's nodes need no second block, nor those of one that is walked again and again.
  const auto expected = std::clamp<std::size_t>(thread_state.last_pass.nodes_visited, 32, 1 << 14);
  recorded.reserve(expected);
  nodes_.reserve(expected);
  first_target_.reserve(expected + 1);
  targets_.reserve(expected);
  constexpr std::size_t ahead = 4;
  // The slot of a node that was met before; a leaf's number with the mark of leaves.
  const auto meet = [&](Node * node) __attribute__((always_inline))->std::uint32_t {
    if (node->is_leaf()) return leaf_mark | leaves.number(node);
    const auto known = slot_of(*node);
    if (known < nodes_.size() && nodes_[known] == node) return known;
    const auto slot = static_cast<std::uint32_t>(nodes_.size());
    const bool elsewhere = is_walked(*node);
    if (elsewhere) {
      walked_elsewhere_.resize(slot + 1);
      walked_elsewhere_[slot] = true;
    }
    recorded.push_back({node->order});
    nodes_.push_back(node);
    node->refs.retain();
    set_slot(*node, slot, walked || elsewhere);
    return slot;
  };

  for (const auto& output : outputs)
    if (output.is_tracked()) meet(output.node_ref().get());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Node* const node = nodes_[i];
    first_target_.push_back(static_cast<std::uint32_t>(targets_.size()));
    if (node->released) {
      any_released_ = true;
      continue;
    }
    if (i + ahead < nodes_.size()) fetch_inputs(*nodes_[i + ahead]);
    for (std::size_t e = 0; e < node->edge_count; ++e)
      targets_.push_back(meet(node->edges()[e].node));
  }
  first_target_.push_back(static_cast<std::uint32_t>(targets_.size()));
  put_in_order(recorded, leaves.all());
}

/// From the order in which nodes were met to recording order, behind the leaves. No node is looked
/// at: a large graph's are no longer in the cache.
void Tape::put_in_order(const CachedVector<Recorded>& recorded, const CachedVector<Node*>& leaves) {
  const auto [slots, steps] = by_recording_order(recorded);
  order_steps_ = steps;
  const auto size = leaves.size() + recorded.size();
  CachedVector<Node*> nodes(size);
  CachedVector<std::uint32_t> targets(targets_.size()), first_target(size + 1);
  std::copy(leaves.begin(), leaves.end(), nodes.begin());
  position_.resize(recorded.size());
  std::vector<bool> elsewhere(walked_elsewhere_.empty() ? 0 : size);
  auto at = static_cast<std::uint32_t>(leaves.size());
  std::uint32_t end = 0;  // of the targets so far
  for (const auto slot : slots) {
    position_[slot] = at;
    nodes[at] = nodes_[slot];
    if (is_walked_elsewhere(slot)) elsewhere[at] = true;
    first_target[at++] = end;
    for (auto k = first_target_[slot]; k < first_target_[slot + 1]; ++k) {
      const auto target = targets_[k];  // which has its position: it was recorded before
      targets[end++] = target & leaf_mark ? target & ~leaf_mark : position_[target];
    }
  }
  first_target[at] = end;
  // From here on nothing throws.
  for (Node* leaf : leaves) leaf->refs.retain();
  leaf_count_ = leaves.size();
  nodes_.swap(nodes);
  targets_.swap(targets);
  first_target_.swap(first_target);
  walked_elsewhere_.swap(elsewhere);
}

void Tape::unmark(std::size_t i) {
  if (!is_walked_elsewhere(i)) set_slot(*nodes_[i], slot_of(*nodes_[i]), false);
}

Tape::~Tape() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Node* const node = nodes_[i];
    if (!node) continue;
    if (marked_ && !node->is_leaf()) unmark(i);
    if (node->refs.release()) node->destroy();
  }
}

std::string Tape::leaf_name(std::size_t i) const {
  return is_leaf(i) ? leaf(*nodes_[i]).name.str() : std::string();
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
  if (slot < position_.size() && nodes_[position_[slot]] == node) return position_[slot];
  auto at = std::lower_bound(leaves_end, nodes_.end(), node->order,
                             [](const Node* a, std::uint64_t b) { return a->order < b; });
  while (at != nodes_.end() && *at != node && (*at)->order == node->order) ++at;
  return at != nodes_.end() && *at == node ? static_cast<std::size_t>(at - nodes_.begin()) : size();
}

std::vector<Tape::LeafUse> Tape::leaf_uses() const {
  std::vector<LeafUse> uses;
  uses.reserve(leaf_count_);
  for (std::size_t i = 0; i < leaf_count_; ++i)
    uses.push_back({size(), nodes_[i]->extension->hooks.empty()});
  std::vector<bool> used(leaf_count_);
  for (auto i = size(); i-- > leaf_count_;) {
    const auto targets = inputs(i);
    for (std::size_t e = 0; e < targets.size(); ++e) {
      const auto leaf = targets[e];
      if (leaf >= leaf_count_) continue;
      used[leaf] = true;
      const auto& vjp = nodes_[i]->edges()[e].vjp;
      uses[leaf] = {i, uses[leaf].rows_only && vjp && vjp.gives_rows()};
    }
  }
  for (std::size_t i = 0; i < leaf_count_; ++i) uses[i].rows_only &= used[i];
  return uses;
}

}  // namespace gradtape
