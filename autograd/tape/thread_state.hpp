/// All that a thread carries from one call of the engine to the next. Private to autograd/tape/.
///
/// Beside it a thread has its default generator (generator.hpp), what its kernels counted
/// (runtime/work.hpp), and its free memory blocks (runtime/memory.cpp).
#pragma once

#include <cstdint>

#include "gradtape/autograd/runtime/scopes.hpp"
#include "gradtape/autograd/runtime/work.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::detail {

/// What a RecordingScope has done to its thread.
struct ModeChange {
  RecordingMode before;
  bool drops_work;
};

struct ThreadState {
  /// What scopes set and put back.
  RecordingMode mode;
  ScopeStack<ModeChange> changes;
  /// The number of the last node. A Lamport clock, since graphs may pass from thread to thread.
  std::uint64_t recorded = 0;
  /// What the counters showed when the last op was recorded: what came since is the work of the
  /// next one.
  Work counted_before;
  std::int64_t held_before = 0;
  ScopeStack<Watch*> watches;
  ScopeStack<LeafWatch*> leaf_watches;
  /// Nodes whose last reference is gone, linked through `order`. Destroying one may end others:
  /// they queue up here, so that no chain is too long for the stack.
  Node* dead_nodes = nullptr;
  bool destroying = false;
  /// For last_pass().
  PassStatistics last_pass;

  /// Undoes what ended scopes have changed.
  void undo_ended() {
    changes.drop_ended([this](const ModeChange& change) {
      mode = change.before;
      if (change.drops_work && mode.recording) count_from_now();
    });
  }
  /// Whether ops are recorded. Scopes that another thread ended are found where they are not.
  bool records() {
    if (!mode.recording) undo_ended();
    return mode.recording;
  }
  void count_from_now() {
    counted_before = work;
    held_before = held_bytes;
  }
};

inline constinit thread_local ThreadState thread_state{};

}  // namespace gradtape::detail

namespace gradtape {

/// The watches of this thread, asked one after the other.
class Watches {
 public:
  static void recorded(const char* op, const Tensor& output, std::span<const Tensor> inputs);
  static void visited(const Tape& tape, std::size_t i, const Tensor& g);
  /// What they make of the contribution.
  static Tensor contributed(VjpCall call);
};

}  // namespace gradtape
