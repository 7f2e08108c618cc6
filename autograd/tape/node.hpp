/// The inside of a node, shared by tape.cpp and backward.cpp only.
#pragma once

#include <mutex>

#include "gradtape/autograd/row_gradient.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::detail {

struct Edge {
  Node* node;  // holds one reference
  Vjp vjp;     // empty for an edge of a joint vjp or of a single output of several
};

/// What only few nodes have.
struct Extra {
  // a leaf
  std::string name;
  std::mutex mutex;  // threads that share parameters may accumulate at once
  Tensor grad;
  std::vector<RowGradient> rows;  // more of the gradient: by sparse lookups, as they came
  // any node
  std::vector<std::function<Tensor(const Tensor&)>> hooks;
  std::size_t output_index = 0;  // of a node that stands for one output of an op with several
  // an op with a joint vjp
  JointVjp joint;
  std::vector<std::size_t> edge_input;  // input number of each edge
  std::size_t input_count = 0;
  std::size_t output_count =
      0;  // outputs with nodes of their own; 0: the node itself is the output
};

inline Extra& extra(Node& node) {
  if (!node.extra) node.extra = new Extra;
  return *node.extra;
}

/// A node without edges filled in; it holds one reference.
Node* make_node(const char* name, const Shape& shape, Dtype dtype, std::size_t edge_count,
                const Work& work = {}, std::int64_t held = 0);

/// Drops what the vjps saved and the references to the inputs; a later pass is refused.
void release(Node& node) noexcept;

/// Whether any thread has a Watch.
bool watched();
/// Asks this thread's watches, the newest first.
Tensor after_watches(const char* op, const Tensor& g, std::size_t input, Tensor contribution);

/// "'fc1.weight'" where a leaf has a name, else the op's name.
std::string label(Node& node);

}  // namespace gradtape::detail
