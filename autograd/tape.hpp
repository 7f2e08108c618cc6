/// Recording ops, and the one backward pass over what was recorded.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gradtape/autograd/runtime/work.hpp"
#include "gradtape/autograd/tensor.hpp"
#include "gradtape/autograd/vjp.hpp"

namespace gradtape {

class Parameter;

/// An input of an op as `record` takes it: a Tensor or a Parameter, which may be a temporary.
struct OpInput {
  OpInput(const Tensor& x) : tensor(x) {}
  template <class P>
    requires requires(const P& p) {
      { p.tensor() } -> std::same_as<const Tensor&>;
    }
  OpInput(const P& parameter) : tensor(parameter.tensor()) {}

  const Tensor& tensor;
};

namespace detail {
[[nodiscard]] Tensor record_op(const char* name, Tensor value,
                               std::initializer_list<OpInput> inputs, std::span<Vjp> vjps);
/// Whether an op with this value becomes a node: it is floating, an input is tracked, and recording
/// is on.
[[nodiscard]] bool is_recorded(const Tensor& value, std::initializer_list<OpInput> inputs);
/// record_op where it does not, so that there is no need of vjps.
[[nodiscard]] Tensor leave_unrecorded(const char* name, Tensor value,
                                      std::initializer_list<OpInput> inputs);
/// record() for ops so small that making their vjps counts: vjps() returns a std::array<Vjp, N>,
/// and is called only where the op becomes a node.
template <class Vjps>
[[nodiscard]] Tensor record_lazily(const char* name, Tensor value,
                                   std::initializer_list<OpInput> inputs, const Vjps& vjps) {
  if (!is_recorded(value, inputs)) return leave_unrecorded(name, std::move(value), inputs);
  auto made = vjps();
  return record_op(name, std::move(value), inputs, made);
}
}  // namespace detail

/// Records that `value` was computed from `inputs` by the op `name`, one vjp per input, and returns
/// `value` with its place in the graph. Where recording is off, no input is tracked, or the value
/// is not floating, it returns the value alone. `name` must outlive the graph (a string literal).
/// Throws GraphError when the counts differ, for an undefined value, and where the vjp of a tracked
/// input is undefined; that of another is not looked at.
///
///     Tensor square(const Tensor& x) {
///       return record("square", raw_square(x), {x},
///                     {[=](const Tensor& g) { return 2.0 * g * x; }});
///     }
template <std::size_t N>
// NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved
[[nodiscard]] Tensor record(const char* name, Tensor value, std::initializer_list<OpInput> inputs,
                            Vjp (&&vjps)[N]) {
  return detail::record_op(name, std::move(value), inputs, vjps);
}
/// As above, with as many inputs as are found at run time; with none, for an op that gives a
/// constant.
[[nodiscard]] Tensor record(const char* name, Tensor value, const std::vector<Tensor>& inputs,
                            std::vector<Vjp> vjps);

/// Records an op with several outputs, or with one vjp for all its inputs. Throws GraphError for an
/// undefined value or vjp.
[[nodiscard]] std::vector<Tensor> record(const char* name, std::vector<Tensor> values,
                                         const std::vector<Tensor>& inputs, JointVjp vjp);

/// Whether ops on tracked tensors are recorded in this thread.
[[nodiscard]] bool recording();

/// How a thread records ops: a value that scopes set and put back.
struct RecordingMode {
  bool recording = true;   ///< Ops on tracked tensors become nodes.
  bool inside_op = false;  ///< Within an op or a vjp, where ops are only its means.
  int transforms = 0;      ///< How many functions of functional.hpp run a user's function just now.
};
/// That of this thread.
const RecordingMode& recording_mode();

namespace detail {
struct ModeChange;
struct Recorded;
template <class T> struct ScopeEntry;
}  // namespace detail

/// Sets the mode of this thread until the scope ends, which may be in another order than that of
/// construction, and in another thread. Also says to which node the work done meanwhile belongs
/// (see cost.hpp): to none, or to the op that is recorded next.
class RecordingScope {
 public:
  /// Recorded or not as `mode` says; what is done before recording sets in belongs to no node.
  explicit RecordingScope(const RecordingMode& mode) : RecordingScope(mode, false) {}
  /// Nothing is recorded, and the work belongs to no node.
  static RecordingScope off();
  /// Ops are recorded, even inside a NoGrad.
  static RecordingScope on();
  /// For an op that computes its value by other ops: they are not recorded, and their work is the
  /// op's own.
  static RecordingScope inside_op();
  /// For calling vjps: recorded if that is asked for and recording is on.
  static RecordingScope inside_vjp(bool create_graph);

  ~RecordingScope();
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;

 private:
  RecordingScope(const RecordingMode& mode, bool drops_work);
  detail::ScopeEntry<detail::ModeChange>* change_;
};

/// Ops in this scope and thread are not recorded.
class NoGrad {
 public:
  NoGrad() : scope_(RecordingScope::off()) {}

 private:
  RecordingScope scope_;
};

/// Options of grad.
struct GradOptions {
  bool create_graph = false;  ///< Record the pass, so that its result can be differentiated again.
  bool retain_graph = false;  ///< Keep the graph for another pass (implied by create_graph).
  bool allow_unused = false;  ///< Give an undefined tensor for an input that nothing depends on.
  Tensor seed = {};  ///< Cotangent of the output; needed unless the output has one element.
};

namespace detail {
[[nodiscard]] std::vector<Tensor> grad_of_parameters(const Tensor& output,
                                                     const std::vector<Parameter>& parameters,
                                                     const GradOptions& options);
}

/// The gradients of `output` with respect to `inputs` (leaves or any tracked tensors), without
/// touching any leaf's `grad()`. Only the nodes between the inputs and the output are visited, and
/// released unless retained. Throws GraphError for an untracked or unreachable input, or a released
/// graph; ShapeError and DtypeError for a seed, or the result of a vjp, that does not fit.
[[nodiscard]] std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs,
                                       const GradOptions& options = {});
/// As above, with respect to the values of parameters, in their order:
/// `grad(loss, model.parameters())`. Throws GraphError also for one that is frozen or undefined. (A
/// template, so that a list in braces, which may mix both, is one of tensors.)
template <std::same_as<std::vector<Parameter>> Parameters>
[[nodiscard]] std::vector<Tensor> grad(const Tensor& output, const Parameters& parameters,
                                       const GradOptions& options = {}) {
  return detail::grad_of_parameters(output, parameters, options);
}
/// An error: what is missing is the list of inputs, grad(output, {x}, {.create_graph = true}).
std::vector<Tensor> grad(const Tensor& output, const GradOptions& options) = delete;
/// As above, for several outputs: the gradient of sum_i <seeds[i], outputs[i]>. An undefined seed
/// stands for ones where the output has one element.
[[nodiscard]] std::vector<Tensor> grad(const std::vector<Tensor>& outputs,
                                       const std::vector<Tensor>& seeds,
                                       const std::vector<Tensor>& inputs,
                                       const GradOptions& options = {});

/// The nodes that lead to some outputs, in the order they were recorded: inputs always before
/// users. Built in O(nodes + edges). Threads may share leaves; a graph of ops is walked by one
/// thread at a time.
class Tape {
 public:
  explicit Tape(const Tensor& output) : Tape({&output, 1}, false) {}
  explicit Tape(const std::vector<Tensor>& outputs) : Tape(outputs, false) {}
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// The number of nodes.
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  /// The op's name ("leaf" for a leaf), and the shape and dtype of its output.
  const char* name(std::size_t i) const { return nodes_[i]->name; }
  [[nodiscard]] Shape shape(std::size_t i) const { return nodes_[i]->shape(); }
  [[nodiscard]] Dtype dtype(std::size_t i) const { return nodes_[i]->dtype; }
  /// The work of computing node i and the growth of this thread's memory meanwhile; see cost.hpp.
  [[nodiscard]] detail::Work work(std::size_t i) const { return nodes_[i]->work(); }
  [[nodiscard]] std::int64_t held(std::size_t i) const { return nodes_[i]->held(); }
  [[nodiscard]] bool is_leaf(std::size_t i) const { return nodes_[i]->is_leaf(); }
  /// The name given to requires_grad() or to a Parameter; empty for other nodes.
  [[nodiscard]] std::string leaf_name(std::size_t i) const;
  /// The same for a tensor and for its position on the tape, and for no other node that is alive.
  const void* id(std::size_t i) const { return nodes_[i]; }
  /// Positions of the tracked inputs of node i.
  [[nodiscard]] std::span<const std::uint32_t> inputs(std::size_t i) const {
    return {targets_.data() + first_target_[i], targets_.data() + first_target_[i + 1]};
  }
  /// Position of the node of `tensor`; size() when it is not on this tape.
  [[nodiscard]] std::size_t position(const Tensor& tensor) const;
  /// How the ops of the tape use a leaf.
  struct LeafUse {
    /// The first op, in the order of recording, that uses it: after its visit nothing more arrives
    /// at the leaf. size() for an output that no op uses.
    std::size_t first_user;
    /// Whether all that arrives are rows of sparse lookups, which stay rows.
    bool rows_only;
  };
  /// Those of all leaves, by position.
  [[nodiscard]] std::vector<LeafUse> leaf_uses() const;

 private:
  friend class BackwardPass;
  friend class Cotangents;
  Tape() = default;
  /// `walked`: a pass will walk this tape; until it ends or lets go of a node, the node is marked.
  Tape(std::span<const Tensor> outputs, bool walked);
  void put_in_order(const detail::CachedVector<detail::Recorded>& recorded,
                    const detail::CachedVector<detail::Node*>& leaves);
  /// Whether another pass walks node i.
  bool is_walked_elsewhere(std::size_t i) const {
    return i < walked_elsewhere_.size() && walked_elsewhere_[i];
  }
  void unmark(std::size_t i);

  detail::CachedVector<detail::Node*> nodes_;  // each held by one reference; leaves first
  std::size_t leaf_count_ = 0;
  bool marked_ = false, any_released_ = false;
  std::vector<bool> walked_elsewhere_;  // empty where no node is
  detail::CachedVector<std::uint32_t> targets_, first_target_;
  detail::CachedVector<std::uint32_t> position_;  // by slot: the order in which nodes were met
  std::size_t order_steps_ = 0;
};

/// What the last backward pass of this thread did.
struct PassStatistics {
  std::size_t nodes_visited = 0;  ///< Nodes of the graph that it came to.
  std::size_t vjps_called = 0;    ///< Vjps of ops that it called.
  /// What it took to put the nodes in order: how often one was moved, and counters.
  std::size_t order_steps = 0;
};
/// The figures of this thread's last finished pass.
[[nodiscard]] PassStatistics last_pass();

/// One contribution of a vjp, on its way to an input.
struct VjpCall {
  const char* op;             ///< The name of the op, as given to record().
  const Tensor& g;            ///< The op's cotangent; undefined for an op with a joint vjp.
  std::size_t input, inputs;  ///< Which of how many tracked inputs of the op.
  Shape shape;                ///< That input's.
  Tensor contribution;        ///< Undefined where the vjp gave nothing.
  /// The contribution to a tracked input, once more; with ones in place of the cotangents if asked.
  std::function<Tensor(std::size_t input, bool ones)> again;
};

/// Watches this thread record and differentiate, and may change what vjps return: what tools such
/// as check_finite, cost and Trace derive from. Active from construction to destruction; watches
/// nest, and the newest is asked first. What another thread destroys must not be at work just then.
class Watch {
 public:
  Watch();
  virtual ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// `record` was called: for tracked inputs `output` is a node of the graph by now. An op with
  /// several outputs calls this once for each.
  virtual void recorded(const char* op, const Tensor& output, std::span<const Tensor> inputs);
  /// A backward pass over `tape` has come to node i with the cotangent g, which may still have to
  /// broadcast to the node's shape; its vjps are called next.
  virtual void visited(const Tape& tape, std::size_t i, const Tensor& g);
  /// A vjp was called; what this returns takes the place of its contribution.
  virtual Tensor contributed(const VjpCall& call);

 private:
  detail::ScopeEntry<Watch*>* entry_;
};

/// Follows the gradients of this thread's backward() into their leaves, each as soon as it is
/// complete: what communicates them while the walk goes on derives from this. Active from
/// construction to destruction. Unlike a Watch, it changes nothing about the pass but when a leaf's
/// hooks are called: at once, instead of after all ops.
class LeafWatch {
 public:
  LeafWatch();
  virtual ~LeafWatch();
  LeafWatch(const LeafWatch&) = delete;
  LeafWatch& operator=(const LeafWatch&) = delete;

  /// backward() has built `tape` and will walk it. The result scales its seed, once where several
  /// watches want the same; backward() throws GraphError where they differ in other than 1.
  virtual double started(const Tape& tape) = 0;
  /// No more will arrive at leaf i in this pass: `g`, or `rows` of sparse lookups (each row once,
  /// ascending), or both, or nothing, which is zero. The pass adds them to the leaf's gradient at
  /// its end, where no vjp and no hook has thrown.
  virtual void completed(const Tape& tape, std::size_t i, const Tensor& g,
                         const RowGradient& rows) = 0;

 private:
  detail::ScopeEntry<LeafWatch*>* entry_;
};

namespace detail {

/// Whether any thread has a Watch: while none has, nobody is asked.
bool watched();
/// A backward pass for the watches of this thread: the graph is kept, no leaf's grad() changes.
void run_watched_pass(const Tensor& output, const Tensor& seed);
/// The same from the results of `tape`, the nodes that no other one uses, each with a seed of ones.
void run_watched_pass(const Tape& tape);

/// "'fc1.weight' [3, 4]" for a named leaf, "[3, 4]" otherwise; for error messages.
[[nodiscard]] std::string describe(const Tensor& x);

}  // namespace detail
}  // namespace gradtape
