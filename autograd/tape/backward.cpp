#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape/interception.hpp"
#include "gradtape/autograd/tape/node.hpp"

namespace gradtape {

using namespace detail;

namespace {

thread_local PassStatistics statistics;
thread_local VjpInterception* interception = nullptr;
thread_local bool takes_rows_now = false;  // in a pass into the leaves, where rows may stay rows

/// The cotangent that starts a pass: `seed` fitted to `output`, ones for a single element.
Tensor starting_cotangent(const char* op, const Tensor& output, const Tensor& seed) {
  if (!output.is_tracked())
    fail<GraphError>(
        op,
        "the output is not tracked: none of its inputs requires a gradient, or it was computed "
        "under NoGrad or detached");
  if (!seed.defined()) {
    if (output.numel() != 1)
      fail<GraphError>(
          op,
          fmt::format("the output has shape {}; without a seed (its cotangent) it must have one "
                      "element. Reduce it with sum() or mean(), or pass a seed",
                      output.shape().str()));
    return ones_like(output);
  }
  const Tensor cotangent = seed.is_weak() ? seed.to(output.dtype()) : seed;
  if (cotangent.dtype() != output.dtype())
    fail<DtypeError>(op, fmt::format("the seed is {}, the output {}", name(cotangent.dtype()),
                                     name(output.dtype())));
  if (!broadcasts_to(cotangent.shape(), output.shape()))
    fail<ShapeError>(op, fmt::format("the seed's shape {} does not broadcast to the output's {}",
                                     seed.shape().str(), output.shape().str()));
  return expand(cotangent, output.shape());
}

bool same_extents(Node& a, Node& b) {
  return (a.ndim == 0 && b.ndim == 0) || a.shape() == b.shape();
}

std::vector<Tensor> ones_for(std::vector<Tensor> tensors) {
  for (auto& x : tensors)
    if (x.defined()) x = ones_like(x);
  return tensors;
}

}  // namespace

bool detail::takes_rows(Node& leaf) { return takes_rows_now && leaf.extra->hooks.empty(); }

PassStatistics last_pass() { return statistics; }

VjpInterception::VjpInterception(std::function<Tensor(const VjpCall&)> alter)
    : alter_(std::move(alter)), outer_(std::exchange(interception, this)) {}
VjpInterception::~VjpInterception() { interception = outer_; }

namespace {

/// Says for a while whether vjps may leave rows in a leaf.
class TakesRows {
 public:
  explicit TakesRows(bool now) : before_(std::exchange(takes_rows_now, now)) {}
  ~TakesRows() { takes_rows_now = before_; }
  TakesRows(const TakesRows&) = delete;
  TakesRows& operator=(const TakesRows&) = delete;

 private:
  bool before_;
};

}  // namespace

/// One walk from the outputs towards the leaves: the only place where gradients flow.
class BackwardPass {
 public:
  BackwardPass(const char* op, const std::vector<Tensor>& outputs,
               const std::vector<Tensor>& cotangents, const GradOptions& options)
      : op_(op),
        create_graph_(options.create_graph),
        retain_(options.retain_graph || options.create_graph),
        tape_(outputs),
        pending_(tape_.size()) {
    for (std::size_t i = 0; i < outputs.size(); ++i)
      accumulate(tape_.position(outputs[i]),
                 create_graph_ ? cotangents[i] : cotangents[i].detach());
  }

  /// Walks to the nodes of `inputs` only and returns their cotangents (undefined where no path
  /// leads).
  std::vector<Tensor> gradients(const std::vector<Tensor>& inputs) {
    std::vector<std::size_t> wanted;
    auto earliest = std::numeric_limits<std::uint64_t>::max();
    needed_.assign(tape_.size(), false);
    for (const auto& input : inputs) {
      earliest = std::min(earliest, input.node_ref()->order);
      wanted.push_back(tape_.position(input));
      if (wanted.back() < tape_.size()) needed_[wanted.back()] = true;
    }
    refuse_released(earliest);
    std::vector<bool> keep = needed_;
    for (std::size_t i = 0; i < tape_.size(); ++i)
      if (leads_on(i)) needed_[i] = true;

    std::vector<Tensor> kept(tape_.size());
    walk([&](std::size_t i, const Tensor& g) {
      if (keep[i]) kept[i] = full_shape(i, g);
    });
    std::vector<Tensor> result;
    for (auto i : wanted) result.push_back(i < tape_.size() ? kept[i] : Tensor());
    return result;
  }

  /// Walks to all leaves, for who only wants to watch.
  void watch(const std::function<void(std::size_t, const Tensor&)>& visit) {
    refuse_released(0);
    walk(visit);
  }

  /// Walks to all leaves and adds to their gradients.
  void into_leaves() {
    refuse_released(0);
    fills_leaves_ = true;
    walk([&](std::size_t i, const Tensor& g) {
      Node& node = *tape_.nodes_[i];
      if (!node.leaf) return;
      Tensor whole = full_shape(i, g);
      auto& more = *node.extra;
      const std::lock_guard lock(more.mutex);
      more.grad = more.grad.defined() ? add_reusing(std::move(more.grad), whole) : std::move(whole);
    });
  }

 private:
  /// Refuses released nodes through which a path may lead to something recorded at `earliest` or
  /// later: what leads to a node was always recorded before it.
  void refuse_released(std::uint64_t earliest) const {
    for (auto* node : tape_.nodes_)
      if (node->released && node->order > earliest)
        fail<GraphError>(
            op_, fmt::format("the graph behind '{}' was released by an earlier backward pass; give "
                             "that pass {{.retain_graph = true}}, or compute the output again",
                             node->name));
  }

  bool is_needed(std::size_t i) const { return needed_.empty() || needed_[i]; }
  /// Whether a vjp of node i is to be called.
  bool leads_on(std::size_t i) const {
    if (needed_.empty()) return true;
    const auto targets = tape_.inputs(i);
    return std::any_of(targets.begin(), targets.end(),
                       [&](auto target) { return needed_[target]; });
  }

  template <class Visit> void walk(Visit visit) {
    std::optional<NoGrad> no_grad;
    if (!create_graph_) no_grad.emplace();
    const InsideOp inside(create_graph_ && recording());
    const TakesRows takes_rows(fills_leaves_ && !watched_);
    for (std::size_t i = tape_.size(); i-- > 0;) {
      if (!is_needed(i)) continue;
      Node* node = tape_.nodes_[i];
      Tensor g = std::move(pending_[i]);
      if (g.defined()) {
        ++counted_.nodes_visited;
        if (node->extra) g = after_hooks(i, *node, std::move(g));
        visit(i, g);
      }
      if (node->leaf || !leads_on(i)) continue;
      if (node->extra && node->extra->joint)
        push_joint(i, *node, std::move(g));
      else if (g.defined())
        push(i, *node, std::move(g));
      if (retain_) continue;
      release(*node);
      tape_.nodes_[i] = nullptr;
      if (node->refs.release()) node->destroy();
    }
    statistics = counted_;  // only now: a vjp may itself have run a pass
  }

  Tensor after_hooks(std::size_t i, Node& node, Tensor g) {
    const auto hooks = node.extra->hooks;  // a copy: a hook may register another
    for (const auto& hook : hooks)
      if (Tensor changed = hook(full_shape(i, g)); changed.defined())
        g = fit(i, std::move(changed), node, "hook");
    return g;
  }

  /// Hands the cotangent of node i to the nodes of its inputs.
  void push(std::size_t i, Node& node, Tensor g) {
    const auto targets = tape_.inputs(i);
    Tensor output;
    if (node.output)
      output = Tensor(Ref<Value>::share(node.output),
                      create_graph_ ? Ref<Node>::share(&node) : Ref<Node>());
    for (std::size_t e = 0; e < targets.size(); ++e) {
      if (!is_needed(targets[e])) continue;
      Edge& edge = node.edges()[e];
      if (!edge.vjp) {  // one output of several: leave the cotangent for the op's own node
        auto& arrived = arrived_[edge.node];
        arrived.resize(edge.node->extra->output_count);
        arrived[node.extra->output_index] = full_shape(i, std::move(g));
        return;
      }
      if (!edge.vjp.takes_any_shape() || !same_extents(node, *edge.node))
        g = full_shape(i, std::move(g));
      ++counted_.vjps_called;
      Tensor contribution = edge.vjp(g, output);
      if (watched_)
        contribution = watched_contribution(
            node, g, e, std::move(contribution), [&](std::size_t other, bool ones) {
              return node.edges()[other].vjp(ones ? ones_like(g) : g, output);
            });
      if (contribution.defined())
        accumulate(targets[e], fit(targets[e], std::move(contribution), node, "vjp"));
    }
  }

  void push_joint(std::size_t i, Node& node, Tensor g) {
    const auto& more = *node.extra;
    std::vector<Tensor> cotangents;
    if (more.output_count > 0) {
      const auto arrived = arrived_.extract(&node);
      if (!arrived) return;
      cotangents = std::move(arrived.mapped());
      ++counted_.nodes_visited;
    } else {
      if (!g.defined()) return;
      cotangents.push_back(more.joint.takes_any_shape ? std::move(g) : full_shape(i, std::move(g)));
    }
    const auto targets = tape_.inputs(i);
    std::vector<bool> needed(more.input_count, false);
    for (std::size_t e = 0; e < targets.size(); ++e)
      needed[more.edge_input[e]] = is_needed(targets[e]);
    ++counted_.vjps_called;
    auto contributions = more.joint(cotangents, needed);
    contributions.resize(more.input_count);
    for (std::size_t e = 0; e < targets.size(); ++e) {
      auto& contribution = contributions[more.edge_input[e]];
      if (watched_)
        contribution = watched_contribution(
            node, {}, e, std::move(contribution), [&](std::size_t other, bool ones) {
              std::vector<bool> only(more.input_count, false);
              only[more.edge_input[other]] = true;
              auto all = more.joint(ones ? ones_for(cotangents) : cotangents, only);
              all.resize(more.input_count);
              return all[more.edge_input[other]];
            });
      if (is_needed(targets[e]) && contribution.defined())
        accumulate(targets[e], fit(targets[e], std::move(contribution), node, "vjp"));
    }
  }

  /// What those who watch make of the contribution to input e of a node; `again` calls its vjp.
  template <class Again>
  [[gnu::noinline, gnu::cold]] static Tensor watched_contribution(Node& node, const Tensor& g,
                                                                  std::size_t e,
                                                                  Tensor contribution,
                                                                  Again again) {
    contribution = after_watches(node.name, g, e, std::move(contribution));
    if (!interception) return contribution;
    return interception->alter_({.op = node.name,
                                 .input = e,
                                 .inputs = node.edge_count,
                                 .shape = node.edges()[e].node->shape(),
                                 .contribution = std::move(contribution),
                                 .again = again});
  }

  /// What a vjp or hook of `from` returned for node i, checked, and summed to the node's shape
  /// where it is larger. A smaller one that broadcasts is left so until somebody needs it whole.
  Tensor fit(std::size_t i, Tensor g, Node& from, const char* giver) {
    Node& node = *tape_.nodes_[i];
    if (g.is_tracked() && !create_graph_) g = g.detach();
    if (g.is_weak()) g = g.to(node.dtype);
    if (g.dtype() != node.dtype)
      fail<DtypeError>(label(from),
                       fmt::format("its {} returned a {} gradient for {}, which is {}", giver,
                                   name(g.dtype()), label(node), name(node.dtype)));
    if (g.ndim() == 0 && node.ndim == 0) return g;
    const Shape want = node.shape(), have = g.shape();
    if (want == have || broadcasts_to(have, want)) return g;
    if (broadcasts_to(want, have)) return sum_to(g, want);
    fail<ShapeError>(label(from),
                     fmt::format("its {} returned a gradient of shape {} for {}, whose shape is {}",
                                 giver, have.str(), label(node), want.str()));
  }

  Tensor full_shape(std::size_t i, Tensor g) {
    Node& node = *tape_.nodes_[i];
    if (g.ndim() == 0 && node.ndim == 0) return g;
    const Shape shape = node.shape();
    return g.shape() == shape ? g : expand(g, shape);
  }

  void accumulate(std::size_t i, Tensor g) {
    auto& sum = pending_[i];
    if (!sum.defined())
      sum = std::move(g);
    else
      sum = create_graph_ ? sum + g : add_reusing(std::move(sum), g);
  }

  const char* op_;
  const bool create_graph_, retain_, watched_ = watched();
  bool fills_leaves_ = false;
  PassStatistics counted_;
  Tape tape_;
  CachedVector<Tensor> pending_;  // the cotangent of each node so far
  std::vector<bool> needed_;      // empty: all nodes
  std::unordered_map<const Node*, std::vector<Tensor>> arrived_;  // at ops with several outputs
};

void detail::walk_backward(const Tensor& output, const Tensor& seed,
                           const std::function<void(std::size_t, const Tensor&)>& visit) {
  const auto cotangent = starting_cotangent("backward", output, seed);
  BackwardPass("backward", {output}, {cotangent}, {.retain_graph = true}).watch(visit);
}

void Tensor::backward(const Tensor& seed, BackwardOptions options) const {
  const auto cotangent = starting_cotangent("backward", *this, seed);
  BackwardPass("backward", {*this}, {cotangent}, {.retain_graph = options.retain_graph})
      .into_leaves();
}

std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs,
                         const GradOptions& options) {
  return grad(std::vector<Tensor>{output}, {options.seed}, inputs, options);
}

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& seeds,
                         const std::vector<Tensor>& inputs, const GradOptions& options) {
  if (outputs.size() != seeds.size())
    fail<GraphError>("grad", fmt::format("{} outputs, but {} seeds", outputs.size(), seeds.size()));
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].is_tracked())
      fail<GraphError>(
          "grad", fmt::format("input {} is not tracked; make it a leaf with requires_grad() before "
                              "computing the output",
                              i));
  std::vector<Tensor> cotangents;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    cotangents.push_back(starting_cotangent("grad", outputs[i], seeds[i]));
  auto result = BackwardPass("grad", outputs, cotangents, options).gradients(inputs);
  if (!options.allow_unused)
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (!result[i].defined())
        fail<GraphError>(
            "grad", fmt::format("the output does not depend on input {} {}; pass {{.allow_unused = "
                                "true}} to get an undefined tensor for it",
                                i, describe(inputs[i])));
  return result;
}

}  // namespace gradtape
