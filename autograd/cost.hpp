/// Counted work: what a recorded graph cost to compute and what its gradient costs.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// The work of the nodes of one op, or of all.
///
/// The cost model: a multiply-add is two flops, any other function of an element (a comparison, a
/// choice, exp) one; bytes are those of operands and results, each counted once a kernel. Under it
/// the gradient of a matmul costs 2 forward passes, one for each operand.
struct OpCost {
  std::string name;                               ///< "matmul"; "total" for all ops.
  std::size_t nodes = 0;                          ///< How many nodes of the graph there are of it.
  double forward_flops = 0, forward_bytes = 0;    ///< What it took to compute them.
  double backward_flops = 0, backward_bytes = 0;  ///< What one backward pass takes in them.

  /// backward_flops / forward_flops; of ops that only move elements, the ratio of bytes.
  [[nodiscard]] double ratio() const;
};

/// What cost() found.
struct Cost {
  std::vector<OpCost> ops;  ///< By name, the most expensive first; leaves are no ops.
  OpCost total;             ///< Of all ops.
  std::size_t leaves = 0;   ///< How many leaves the graph has.
  /// The most bytes of elements that were held at once while the graph was recorded, by what its
  /// ops allocated: their results and what they saved for the backward pass. The first op counts by
  /// its results alone, a checkpoint by those of its function: what it computes again in the
  /// backward pass, and holds there, comes on top. Tensors of up to 256 bytes live in their own
  /// small blocks and are not counted.
  double peak_bytes = 0;

  /// The table: one line an op, then the total.
  [[nodiscard]] std::string str() const;
};

/// Writes `cost.str()`.
std::ostream& operator<<(std::ostream& out, const Cost& cost);

/// Counts the graph behind `output`: the forward work that was done when it was recorded, and the
/// work of one backward pass, which is run to count it (nothing is released, no leaf's grad()
/// changes; hooks are called). seed: the cotangent, needed unless output has one element.
/// The work of user-written kernels counts where they call detail::count_work. Throws GraphError
/// for an untracked output or a released graph, ShapeError and DtypeError for the seed.
[[nodiscard]] Cost cost(const Tensor& output, const Tensor& seed = {});

}  // namespace gradtape
