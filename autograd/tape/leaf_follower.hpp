/// How LeafWatches follow a backward pass. Private to autograd/tape/.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "gradtape/autograd/row_gradient.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

/// Tells the leaf watches of this thread of a pass, and knows when which leaf is complete.
class LeafFollower {
 public:
  /// The pass over `tape` begins. Returns the factor of its seed, on which all must agree that want
  /// one.
  double start(const Tape& tape);

  /// Whether anybody follows, so that leaves are visited as soon as they are complete.
  bool is_active() const { return active_; }

  /// Calls visit(leaf) for the leaves that are complete once node i was visited.
  template <class Visit> void complete(std::size_t i, const Visit& visit) {
    for (; !incomplete_.empty() && incomplete_.back().first == i; incomplete_.pop_back())
      visit(incomplete_.back().second);
  }

  /// What has come to a leaf in this pass: g, and `rows`, of which this makes one.
  static void tell(const Tape& tape, std::size_t leaf, const Tensor& g,
                   std::vector<RowGradient>* rows);

 private:
  bool active_ = false;
  std::vector<std::pair<std::size_t, std::size_t>> incomplete_;  // first user and leaf
};

namespace detail {
/// Makes one of all rows that a pass has brought to a table.
void join(std::vector<RowGradient>& rows, const Shape& table);
}  // namespace detail
}  // namespace gradtape
