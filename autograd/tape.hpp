/// Recording ops, and the one backward pass over what was recorded.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gradtape/autograd/row_gradient.hpp"
#include "gradtape/autograd/runtime/work.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

class Parameter;

/// A vector-Jacobian product: maps the cotangent of an op's output to that of one input.
///
/// Made from any callable `Tensor(const Tensor& g)` or `Tensor(const Tensor& g, const Tensor&
/// output)`. Capture inputs by value; take the op's own result as the second argument, never by
/// capture (it would keep itself alive). Write it in public ops, and every order of derivative
/// follows. The result may have any shape that reduces or broadcasts to the input's: the engine
/// fits it. An undefined result means zero. The vjp of a lookup in a table [n, d] may return a
/// RowGradient instead, which the engine adds up.
class Vjp {
 public:
  Vjp() = default;
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, Vjp>)
  Vjp(F&& f) {
    using D = std::decay_t<F>;
    static_assert(
        std::invocable<D&, const Tensor&> || std::invocable<D&, const Tensor&, const Tensor&>,
        "gradtape: a vjp is called as vjp(g) or vjp(g, output)");
    if constexpr (inline_v<D>)
      new (storage_) D(std::forward<F>(f));
    else
      *reinterpret_cast<D**>(storage_) = new D(std::forward<F>(f));
    ops_ = &table<D>;
  }
  Vjp(Vjp&& other) noexcept : ops_(std::exchange(other.ops_, nullptr)) {
    if (ops_) ops_->move(storage_, other.storage_);
  }
  Vjp& operator=(Vjp&& other) noexcept {
    if (this != &other) {
      this->~Vjp();
      new (this) Vjp(std::move(other));
    }
    return *this;
  }
  ~Vjp() {
    if (ops_) ops_->destroy(storage_);
  }

  /// The contribution to the input's cotangent; only for a vjp that does not give rows.
  Tensor operator()(const Tensor& g, const Tensor& output) {
    return ops_->call(storage_, g, output);
  }
  /// The contribution of a vjp that gives rows.
  RowGradient rows(const Tensor& g, const Tensor& output) {
    return ops_->rows(storage_, g, output);
  }
  explicit operator bool() const { return ops_ != nullptr; }
  [[nodiscard]] bool gives_rows() const { return ops_->rows != nullptr; }
  [[nodiscard]] bool needs_output() const { return ops_->needs_output; }
  [[nodiscard]] bool takes_any_shape() const { return ops_->takes_any_shape; }

 private:
  static constexpr std::size_t capacity = 4 * sizeof(void*);  // two captured tensors
  struct Ops {
    Tensor (*call)(void*, const Tensor&, const Tensor&);
    RowGradient (*rows)(void*, const Tensor&, const Tensor&);
    void (*move)(void*, void*) noexcept;
    void (*destroy)(void*) noexcept;
    bool needs_output, takes_any_shape;
  };
  template <class D>
  static constexpr bool inline_v = sizeof(D) <= capacity && alignof(D) <= alignof(void*) &&
                                   std::is_nothrow_move_constructible_v<D>;
  template <class D> static D& get(void* p) {
    if constexpr (inline_v<D>)
      return *std::launder(reinterpret_cast<D*>(p));
    else
      return **reinterpret_cast<D**>(p);
  }
  template <class D> static decltype(auto) invoke(D& f, const Tensor& g, const Tensor& output) {
    if constexpr (std::invocable<D&, const Tensor&>)
      return f(g);
    else
      return f(g, output);
  }
  template <class D>
  static constexpr bool gives_rows_v =
      std::same_as<decltype(invoke(std::declval<D&>(), std::declval<const Tensor&>(),
                                   std::declval<const Tensor&>())),
                   RowGradient>;
  /// The vjp as a function that returns R; null unless it gives that.
  template <class R, class D>
  static constexpr auto caller() -> R (*)(void*, const Tensor&, const Tensor&) {
    if constexpr (std::same_as<R, RowGradient> != gives_rows_v<D>)
      return nullptr;
    else
      return [](void* p, const Tensor& g, const Tensor& output) -> R {
        return invoke(get<D>(p), g, output);
      };
  }
  template <class D> static constexpr bool takes_any_shape_v = requires { D::takes_any_shape; };
  template <class D>
  static constexpr Ops table = {caller<Tensor, D>(),
                                caller<RowGradient, D>(),
                                [](void* to, void* from) noexcept {
                                  if constexpr (inline_v<D>) {
                                    new (to) D(std::move(get<D>(from)));
                                    get<D>(from).~D();
                                  } else {
                                    *reinterpret_cast<D**>(to) = *reinterpret_cast<D**>(from);
                                  }
                                },
                                [](void* p) noexcept {
                                  if constexpr (inline_v<D>)
                                    get<D>(p).~D();
                                  else
                                    delete *reinterpret_cast<D**>(p);
                                },
                                !std::invocable<D&, const Tensor&>,
                                takes_any_shape_v<D>};

  alignas(void*) unsigned char storage_[capacity];
  const Ops* ops_ = nullptr;
};

/// Marks a vjp of an elementwise op, which accepts a cotangent that still has to broadcast to the
/// output's shape; the engine then need not expand it.
template <class F> struct elementwise_vjp : F {
  static constexpr bool takes_any_shape = true;
};
template <class F> elementwise_vjp(F) -> elementwise_vjp<F>;

/// A vjp for all inputs at once: cotangents of the outputs in (undefined where nothing arrived),
/// cotangents of the inputs out.
///
/// Made from any callable `std::vector<Tensor>(std::span<const Tensor> g, const std::vector<bool>&
/// needed)`, or with a third parameter `std::span<const Tensor> outputs`: the op's own results,
/// tracked where the pass is recorded. `needed[i]` says whether input i's cotangent is used; leave
/// the others undefined.
class JointVjp {
 public:
  JointVjp() = default;
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, JointVjp>)
  JointVjp(F f)
      : needs_outputs_(std::invocable<F&, std::span<const Tensor>, const std::vector<bool>&,
                                      std::span<const Tensor>>),
        takes_any_shape_(requires { F::takes_any_shape; }) {
    if constexpr (std::invocable<F&, std::span<const Tensor>, const std::vector<bool>&>)
      call_ = [f = std::move(f)](std::span<const Tensor> g, const std::vector<bool>& needed,
                                 std::span<const Tensor>) mutable { return f(g, needed); };
    else
      call_ = std::move(f);
  }

  std::vector<Tensor> operator()(std::span<const Tensor> g, const std::vector<bool>& needed,
                                 std::span<const Tensor> outputs) const {
    return call_(g, needed, outputs);
  }
  explicit operator bool() const { return static_cast<bool>(call_); }
  [[nodiscard]] bool needs_outputs() const { return needs_outputs_; }
  /// Whether it was made of an elementwise_vjp.
  [[nodiscard]] bool takes_any_shape() const { return takes_any_shape_; }

 private:
  std::function<std::vector<Tensor>(std::span<const Tensor>, const std::vector<bool>&,
                                    std::span<const Tensor>)>
      call_;
  bool needs_outputs_ = false, takes_any_shape_ = false;
};

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
}

/// Records that `value` was computed from `inputs` by the op `name`, one vjp per input, and returns
/// `value` with its place in the graph. Where recording is off, no input is tracked, or the value
/// is not floating, it returns the value alone. `name` must outlive the graph (a string literal).
/// Throws GraphError when the counts differ, and for an undefined value or vjp.
///
///     Tensor square(const Tensor& x) {
///       return record("square", raw_square(x), {x},
///                     {[=](const Tensor& g) { return 2.0 * g * x; }});
///     }
template <std::size_t N>
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
/// users. Built in O(nodes + edges), plus a sort where recording order and visiting order differ.
/// Threads may share leaves; a graph of ops is walked by one thread at a time.
class Tape {
 public:
  explicit Tape(const Tensor& output) : Tape(std::vector<Tensor>{output}) {}
  explicit Tape(const std::vector<Tensor>& outputs) : Tape(outputs, false) {}
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

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
  const std::string& leaf_name(std::size_t i) const;
  /// The same for a tensor and for its position on the tape, and for no other node that is alive.
  const void* id(std::size_t i) const { return nodes_[i]; }
  /// Positions of the tracked inputs of node i.
  [[nodiscard]] std::span<const std::uint32_t> inputs(std::size_t i) const {
    return {targets_.data() + first_target_[i], targets_.data() + first_target_[i + 1]};
  }
  /// Position of the node of `tensor`; size() when it is not on this tape.
  [[nodiscard]] std::size_t position(const Tensor& tensor) const;

 private:
  friend class BackwardPass;
  Tape() = default;
  /// `walked`: a pass will walk this tape; until it ends or lets go of a node, the node is marked.
  Tape(const std::vector<Tensor>& outputs, bool walked);
  /// Whether another pass walks node i.
  bool is_walked_elsewhere(std::size_t i) const {
    return !walked_elsewhere_.empty() && walked_elsewhere_[i];
  }
  void unmark(std::size_t i);

  detail::CachedVector<detail::Node*> nodes_;  // each held by one reference; leaves first
  std::size_t leaf_count_ = 0;
  bool marked_ = false;
  std::vector<bool> walked_elsewhere_;  // empty where no node is
  detail::CachedVector<std::uint32_t> targets_, first_target_;
};

/// What the last backward pass of this thread did.
struct PassStatistics {
  std::size_t nodes_visited = 0;
  std::size_t vjps_called = 0;
};
/// The figures of this thread's last finished pass.
[[nodiscard]] PassStatistics last_pass();

/// One contribution of a vjp, on its way to an input.
struct VjpCall {
  const char* op;
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

namespace detail {

/// A backward pass for the watches of this thread: the graph is kept, no leaf's grad() changes.
void run_watched_pass(const Tensor& output, const Tensor& seed);
/// The same from the results of `tape`, the nodes that no other one uses, each with a seed of ones.
void run_watched_pass(const Tape& tape);

/// "'fc1.weight' [3, 4]" for a named leaf, "[3, 4]" otherwise; for error messages.
[[nodiscard]] std::string describe(const Tensor& x);

}  // namespace detail
}  // namespace gradtape
