/// What each node's gradient costs; for sources of the library only.
#pragma once

#include <vector>

#include "gradtape/autograd/tape.hpp"

namespace gradtape::detail {

/// Counts the work of each node's vjps in a backward pass that runs while it lives. Positions are
/// those on the tape of that pass.
class BackwardWork : public Watch {
 public:
  void visited(const Tape& tape, std::size_t i, const Tensor& g) override;
  /// Whether that is the pass: a vjp may run others within it.
  bool is_pass(const Tape& tape) const { return !tape_ || tape_ == &tape; }
  /// The work by node, once the pass is over.
  const std::vector<Work>& finish();

 private:
  /// What was counted since a node was visited is the work of its vjps and of adding up their
  /// results.
  void close();

  const Tape* tape_ = nullptr;
  std::vector<Work> work_;
  std::size_t last_ = 0;
  Work before_;
};

}  // namespace gradtape::detail
