/// The layout of nodes and edges. Private to autograd/tape/.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "gradtape/autograd/row_gradient.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/name.hpp"

namespace gradtape::detail {

struct Edge {
  Node* node;  // the input's; holds one reference
  Vjp vjp;     // empty where the op is joint, and from an output to its joint op
};

using Hook = std::function<Tensor(const Tensor&)>;

/// What few nodes have. A node of kind op has one only where a hook was registered.
struct Extension {
  Extension() = default;
  virtual ~Extension() = default;
  Extension(const Extension&) = delete;
  Extension& operator=(const Extension&) = delete;

  std::vector<Hook> hooks;
};

struct Leaf final : Extension {
  /// Takes the memory that adding to the gradient may need, so that add() needs none.
  void prepare_sum();
  void prepare_rows(std::size_t count);
  void add(Tensor g);
  void add(std::vector<RowGradient> parts);
  /// The whole gradient, for a leaf of this shape; undefined where there is none.
  Tensor gradient(const Shape& shape);
  void clear_gradient();
  /// Locks the mutex, if there is a second thread.
  std::unique_lock<std::mutex> lock();

  Name name{{}};
  Tensor grad;                    // dense
  std::vector<RowGradient> rows;  // more of the gradient: of sparse lookups, as they came
  std::mutex mutex;  // of the gradient: threads that share parameters add to it at once
};

struct Joint final : Extension {
  JointVjp vjp;
  std::vector<std::size_t> edge_input;  // input number of each edge
  std::size_t input_count = 0;
  std::size_t output_count = 0;     // outputs with nodes of their own; 0: the node is the output
  std::vector<Ref<Value>> outputs;  // held where the vjp asks for the op's results
};

struct Output final : Extension {
  std::size_t index = 0;  // which one; the node's only edge leads to its joint op
};

// What the kind of a node promises to be there.
inline Leaf& leaf(Node& node) { return static_cast<Leaf&>(*node.extension); }
inline Joint& joint(Node& node) { return static_cast<Joint&>(*node.extension); }
inline Output& output(Node& node) { return static_cast<Output&>(*node.extension); }

/// Asks for a node that will be looked at soon.
inline void prefetch(const Node* node) {
  const auto* const block = reinterpret_cast<const char*>(node);
  __builtin_prefetch(block);
  __builtin_prefetch(block + 64);
}

/// The extents of the node's output.
inline std::int64_t* extents(Node& node) {
  return reinterpret_cast<std::int64_t*>(node.edges() + node.edge_count);
}
// Whether two have the same shape, without making a Shape of either.
inline bool same_shape(Node& a, Node& b) {
  return a.ndim == b.ndim && std::equal(extents(a), extents(a) + a.ndim, extents(b));
}
inline bool same_shape(Value& a, Node& b) {
  return a.ndim == b.ndim && std::equal(a.extents(), a.extents() + a.ndim, extents(b));
}

/// A node without edges filled in; it holds one reference.
Node* make_node(const char* name, const Shape& shape, Dtype dtype, std::size_t edge_count,
                const Work& work = {}, std::int64_t held = 0);

/// Adds an edge to `input` at `edge`; the node comes behind it in recording order.
void connect(Node& node, Edge* edge, const Ref<Node>& input, Vjp&& vjp);

/// A node for output number `index` of the joint op `op`.
Ref<Node> make_output(const Ref<Node>& op, std::size_t index, const Shape& shape, Dtype dtype);

/// Drops what the vjps saved and the references to the inputs; a later pass is refused.
void release(Node& node) noexcept;

/// The cotangent that starts a pass: `seed` fitted to `output`, ones for a single element.
Tensor starting_cotangent(const char* op, const Tensor& output, const Tensor& seed);

/// "'fc1.weight'" where a leaf has a name, else the op's name.
std::string label(Node& node);

}  // namespace gradtape::detail
