/// How LeafWatches follow a backward pass. Private to autograd/tape/.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "gradtape/autograd/row_gradient.hpp"
#include "gradtape/autograd/tape/thread_state.hpp"

namespace gradtape {

/// Tells the leaf watches of this thread of a pass, and knows when which leaf is complete.
class LeafFollower {
 public:
  /// The pass over `tape` begins. Returns the factor of its seed, on which all must agree that want
  /// one.
  double start(const Tape& tape) {
    active_ = detail::thread_state.leaf_watches.newest != nullptr;
    double scale = 1;
    if (!active_) return scale;
    for_each([&](LeafWatch& watch) {
      const double wanted = watch.started(tape);
      if (wanted == 1) return;
      if (scale != 1 && scale != wanted)
        fail<GraphError>("backward", "two that follow this pass scale its seed differently");
      scale = wanted;
    });
    const auto uses = tape.leaf_uses();
    for (std::size_t i = 0; i < uses.size(); ++i) incomplete_.emplace_back(uses[i].first_user, i);
    std::sort(incomplete_.begin(), incomplete_.end());
    return scale;
  }

  /// Whether anybody follows, so that leaves are visited as soon as they are complete.
  bool is_active() const { return active_; }

  /// Calls visit(leaf) for the leaves that are complete once node i was visited.
  template <class Visit> void complete(std::size_t i, const Visit& visit) {
    for (; !incomplete_.empty() && incomplete_.back().first == i; incomplete_.pop_back())
      visit(incomplete_.back().second);
  }

  static void tell(const Tape& tape, std::size_t leaf, const Tensor& g, const RowGradient& rows) {
    for_each([&](LeafWatch& watch) { watch.completed(tape, leaf, g, rows); });
  }

 private:
  template <class F> static void for_each(const F& f) {
    detail::thread_state.leaf_watches.for_each([&](LeafWatch* watch) { f(*watch); });
  }

  bool active_ = false;
  std::vector<std::pair<std::size_t, std::size_t>> incomplete_;  // first user and leaf
};

}  // namespace gradtape
