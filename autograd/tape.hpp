/// Recording ops, and the one backward pass over what was recorded.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "gradtape/autograd/runtime/work.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// A vector-Jacobian product: maps the cotangent of an op's output to that of one input.
///
/// Made from any callable `Tensor(const Tensor& g)` or `Tensor(const Tensor& g, const Tensor&
/// output)`. Capture inputs by value; take the op's own result as the second argument, never by
/// capture (it would keep itself alive). Write it in public ops, and every order of derivative
/// follows. The result may have any shape that reduces or broadcasts to the input's: the engine
/// fits it. An undefined result means zero.
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

  Tensor operator()(const Tensor& g, const Tensor& output) {
    return ops_->call(storage_, g, output);
  }
  explicit operator bool() const { return ops_ != nullptr; }
  bool needs_output() const { return ops_->needs_output; }
  bool takes_any_shape() const { return ops_->takes_any_shape; }
  /// Moves out of an element of an initializer list, which C++ hands over as const.
  Vjp take() const {
    Vjp taken;
    taken.ops_ = std::exchange(ops_, nullptr);
    if (taken.ops_) taken.ops_->move(taken.storage_, storage_);
    return taken;
  }

 private:
  static constexpr std::size_t capacity = 4 * sizeof(void*);  // two captured tensors
  struct Ops {
    Tensor (*call)(void*, const Tensor&, const Tensor&);
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
  template <class D>
  static constexpr Ops table = {
      [](void* p, const Tensor& g, [[maybe_unused]] const Tensor& output) -> Tensor {
        if constexpr (std::invocable<D&, const Tensor&>)
          return get<D>(p)(g);
        else
          return get<D>(p)(g, output);
      },
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
      !std::invocable<D&, const Tensor&>, requires {D::takes_any_shape;
}
};  // namespace gradtape

alignas(void*) mutable unsigned char storage_[capacity];
mutable const Ops* ops_ = nullptr;
}
;

/// Marks a vjp of an elementwise op, which accepts a cotangent that still has to broadcast to the
/// output's shape; the engine then need not expand it.
template <class F> struct elementwise_vjp : F {
  static constexpr bool takes_any_shape = true;
};
template <class F> elementwise_vjp(F) -> elementwise_vjp<F>;

/// A vjp for all inputs at once: cotangents of the outputs in (undefined where nothing arrived),
/// cotangents of the inputs out. `needed[i]` says whether input i's is used; leave the others
/// undefined.
struct JointVjp : std::function<std::vector<Tensor>(std::span<const Tensor> g,
                                                    const std::vector<bool>& needed)> {
  JointVjp() = default;
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, JointVjp>)
  JointVjp(F&& f)
      : function(std::forward<F>(f)),
        takes_any_shape(requires { std::remove_cvref_t<F>::takes_any_shape; }) {}

  bool takes_any_shape = false;  ///< Made of an elementwise_vjp.
};

/// Records that `value` was computed from `inputs` by the op `name`, one vjp per input, and returns
/// `value` with its place in the graph. Where recording is off, no input is tracked, or the value
/// is not floating, it returns the value alone. `name` must outlive the graph (a string literal).
/// Throws GraphError when the counts differ, and for an undefined value or vjp.
///
///     Tensor square(const Tensor& x) {
///       return record("square", raw_square(x), {x},
///                     {[=](const Tensor& g) { return 2.0 * g * x; }});
///     }
Tensor record(const char* name, Tensor value,
              std::initializer_list<std::reference_wrapper<const Tensor>> inputs,
              std::initializer_list<Vjp> vjps);
Tensor record(const char* name, Tensor value, const std::vector<Tensor>& inputs,
              std::vector<Vjp> vjps);

/// Records an op with several outputs, or with one vjp for all its inputs. Throws GraphError for an
/// undefined value or vjp.
std::vector<Tensor> record(const char* name, std::vector<Tensor> values,
                           const std::vector<Tensor>& inputs, JointVjp vjp);

/// Whether ops on tracked tensors are recorded in this thread.
bool recording();

/// Ops in this scope and thread are not recorded.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

/// Options of grad.
struct GradOptions {
  bool create_graph = false;  ///< Record the pass, so that its result can be differentiated again.
  bool retain_graph = false;  ///< Keep the graph for another pass (implied by create_graph).
  bool allow_unused = false;  ///< Give an undefined tensor for an input that nothing depends on.
  Tensor seed = {};  ///< Cotangent of the output; needed unless the output has one element.
};

/// The gradients of `output` with respect to `inputs` (leaves or any tracked tensors), without
/// touching any leaf's `grad()`. Only the nodes between the inputs and the output are visited, and
/// released unless retained. Throws GraphError for an untracked or unreachable input, or a released
/// graph; ShapeError and DtypeError for a seed, or the result of a vjp, that does not fit.
std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs,
                         const GradOptions& options = {});
/// As above, for several outputs: the gradient of sum_i <seeds[i], outputs[i]>. An undefined seed
/// stands for ones where the output has one element.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& seeds,
                         const std::vector<Tensor>& inputs, const GradOptions& options = {});

/// The nodes that lead to some outputs, in the order they were recorded: inputs always before
/// users. Built in O(nodes + edges), plus a sort where recording order and visiting order differ.
/// Threads may share leaves; a graph of ops is walked by one thread at a time.
class Tape {
 public:
  explicit Tape(const Tensor& output) : Tape(std::vector<Tensor>{output}) {}
  explicit Tape(const std::vector<Tensor>& outputs);
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  std::size_t size() const { return nodes_.size(); }
  /// The op's name ("leaf" for a leaf), and the shape and dtype of its output.
  const char* name(std::size_t i) const { return nodes_[i]->name; }
  Shape shape(std::size_t i) const { return nodes_[i]->shape(); }
  Dtype dtype(std::size_t i) const { return nodes_[i]->dtype; }
  /// The work of computing node i and the growth of this thread's memory meanwhile; see cost.hpp.
  detail::Work work(std::size_t i) const { return nodes_[i]->work(); }
  std::int64_t held(std::size_t i) const { return nodes_[i]->held(); }
  bool is_leaf(std::size_t i) const { return nodes_[i]->leaf; }
  /// The name given to requires_grad() or to a Parameter; empty for other nodes.
  const std::string& leaf_name(std::size_t i) const;
  /// The same for a tensor and for its position on the tape, and for no other node that is alive.
  const void* id(std::size_t i) const { return nodes_[i]; }
  /// Positions of the tracked inputs of node i.
  std::span<const std::uint32_t> inputs(std::size_t i) const {
    return {targets_.data() + first_target_[i], targets_.data() + first_target_[i + 1]};
  }
  /// Position of the node of `tensor`; size() when it is not on this tape.
  std::size_t position(const Tensor& tensor) const;

 private:
  friend class BackwardPass;
  detail::CachedVector<detail::Node*> nodes_;  // each held by one reference; leaves first
  std::size_t leaf_count_ = 0;
  detail::CachedVector<std::uint32_t> targets_, first_target_;
};

/// What the last backward pass of this thread did.
struct PassStatistics {
  std::size_t nodes_visited = 0;
  std::size_t vjps_called = 0;
};
/// The figures of this thread's last finished pass.
PassStatistics last_pass();

/// Looks on, and may interfere, while this thread records and differentiates: what tools such as
/// check_finite derive from. Active from construction to destruction; guards nest.
class Watch {
 public:
  Watch();
  virtual ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// `record` was called: for tracked inputs `output` is a node of the graph by now. An op with
  /// several outputs calls this once for each.
  virtual void recorded(const char* op, const Tensor& output, std::span<const Tensor> inputs);
  /// Given the cotangent g (undefined for an op with a joint vjp), a vjp of `op` returned
  /// `contribution`, which may be undefined, for its tracked input number `input`; what this
  /// returns takes its place.
  virtual Tensor contributed(const char* op, const Tensor& g, std::size_t input,
                             Tensor contribution);

 private:
  friend class WatchList;
  Watch* next_;
};

namespace detail {

/// A NoGrad for the inside of an op that computes its value by other ops: their work counts as its
/// own (see cost.hpp).
class InsideOp {
 public:
  InsideOp();
  explicit InsideOp(bool recording);  ///< Where a vjp is called, which may be recorded.
  ~InsideOp();
  InsideOp(const InsideOp&) = delete;
  InsideOp& operator=(const InsideOp&) = delete;

 private:
  bool recording_before_, inside_before_;
};
/// Whether this thread is inside an op or a vjp, where ops are only its means.
bool inside_op();

/// Calls `visit` with the position on Tape(output), and the cotangent, of every node of one
/// backward pass from the last to the first, before its vjps are called. The graph is kept, no
/// leaf's grad() changes.
void walk_backward(const Tensor& output, const Tensor& seed,
                   const std::function<void(std::size_t, const Tensor&)>& visit);

/// "'fc1.weight' [3, 4]" for a named leaf, "[3, 4]" otherwise; for error messages.
std::string describe(const Tensor& x);

}  // namespace detail
}  // namespace gradtape
