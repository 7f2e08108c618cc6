#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/tape/cotangents.hpp"
#include "gradtape/autograd/tape/leaf_follower.hpp"
#include "gradtape/autograd/tape/node.hpp"
#include "gradtape/autograd/tape/thread_state.hpp"

namespace gradtape {

using namespace detail;

namespace {

std::vector<Tensor> ones_for(std::vector<Tensor> tensors) {
  for (auto& x : tensors)
    if (x.defined()) x = ones_like(x);
  return tensors;
}

}  // namespace

PassStatistics last_pass() { return thread_state.last_pass; }

/// One walk from the outputs towards the leaves: the only place where gradients flow.
class BackwardPass {
 public:
  BackwardPass(const char* op, std::span<const Tensor> outputs, std::span<const Tensor> cotangents,
               const GradOptions& options)
      : op_(op),
        create_graph_(options.create_graph),
        retain_(options.retain_graph || options.create_graph),
        tape_(outputs, true),
        cotangents_(tape_, create_graph_) {
    for (std::size_t i = 0; i < outputs.size(); ++i)
      cotangents_.add(tape_.position(outputs[i]),
                      create_graph_ ? Tensor(cotangents[i]) : cotangents[i].detach());
  }

  /// Walks to the nodes of `inputs` only and returns their cotangents: undefined where no path
  /// leads, or where that is not allowed a GraphError.
  std::vector<Tensor> gradients(const std::vector<Tensor>& inputs, bool allow_unused) {
    std::vector<std::size_t> wanted;
    auto earliest = std::numeric_limits<std::uint64_t>::max();
    needed_.assign(tape_.size(), false);
    for (const auto& input : inputs) {
      earliest = std::min(earliest, input.node_ref()->order);
      wanted.push_back(tape_.position(input));
      if (wanted.back() < tape_.size()) needed_[wanted.back()] = true;
    }
    refuse_released(earliest);
    if (!allow_unused) refuse_unused(inputs, wanted);
    std::vector<bool> keep = needed_;
    for (std::size_t i = 0; i < tape_.size(); ++i)
      if (leads_on(i)) needed_[i] = true;
    refuse_walked();

    walk([&](std::size_t i, const Tensor& g) {
      if (keep[i]) cotangents_[i] = cotangents_.whole(i, g);
    });
    std::vector<Tensor> result;
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      result.push_back(wanted[k] < tape_.size() ? cotangents_[wanted[k]] : Tensor());
      if (!result[k].defined() && !allow_unused)  // the vjps on the way gave nothing, which is 0
        result[k] = zeros_like(inputs[k]);
    }
    return result;
  }

  /// The results of a tape: the nodes that no other one uses, with ones for values.
  static std::vector<Tensor> results(const Tape& tape) {
    std::vector<bool> used(tape.size(), false);
    for (const auto target : tape.targets_) used[target] = true;
    std::vector<Tensor> results;
    for (std::size_t i = 0; i < tape.size(); ++i)
      if (!used[i])
        results.emplace_back(ones(tape.shape(i), tape.dtype(i)).value_ref(),
                             Ref<Node>::share(tape.nodes_[i]));
    return results;
  }

  /// Visits every node without accumulating into leaves: for watches.
  void only_watched() {
    refuse_released(0);
    refuse_walked();
    walk([](std::size_t, const Tensor&) {});
  }

  /// Walks to all leaves and adds to their gradients: only at the end, when no hook can throw.
  void into_leaves() {
    refuse_released(0);
    refuse_walked();
    keeps_rows_ = !watched_;
    cotangents_.scale(follower_.start(tape_));
    const auto visit = [&](std::size_t i, const Tensor& g) {
      if (i < tape_.leaf_count_) cotangents_[i] = cotangents_.whole(i, g);
    };
    follower_.is_active() ? walk<true>(visit) : walk(visit);
    for (auto& [i, rows] : rows_) join(rows, tape_.shape(i));
    // All memory first: where it runs out, no gradient has changed.
    for (std::size_t i = tape_.leaf_count_; i-- > 0;)
      if (cotangents_[i].defined()) leaf(*tape_.nodes_[i]).prepare_sum();
    for (auto& [i, rows] : rows_) leaf(*tape_.nodes_[i]).prepare_rows(rows.size());
    for (std::size_t i = tape_.leaf_count_; i-- > 0;)
      if (cotangents_[i].defined()) leaf(*tape_.nodes_[i]).add(std::move(cotangents_[i]));
    for (auto& [i, rows] : rows_) leaf(*tape_.nodes_[i]).add(std::move(rows));
    if (thread_state.records()) thread_state.count_from_now();  // adding is no op's work
  }

 private:
  /// Refuses released nodes through which a path may lead to something recorded at `earliest` or
  /// later: what leads to a node was always recorded before it.
  void refuse_released(std::uint64_t earliest) const {
    if (!tape_.any_released_) return;
    for (auto* node : tape_.nodes_)
      if (node->released && node->order > earliest)
        fail<GraphError>(
            op_, fmt::format("the graph behind '{}' was released by an earlier backward pass; give "
                             "that pass {{.retain_graph = true}}, or compute the output again (see "
                             "docs/errors.md#released)",
                             node->name));
  }

  /// Refuses to release nodes that another pass is about to visit, or visits just now.
  void refuse_walked() const {
    if (retain_ || tape_.walked_elsewhere_.empty()) return;
    for (std::size_t i = tape_.leaf_count_; i < tape_.size(); ++i)
      if (tape_.is_walked_elsewhere(i) && is_needed(i) && leads_on(i))
        fail<GraphError>(
            op_, fmt::format("this would release the graph behind '{}' while another backward pass "
                             "walks it, from one of whose hooks or vjps this one was called; give "
                             "this one {{.retain_graph = true}}, or differentiate a graph of its "
                             "own",
                             tape_.name(i)));
  }

  void refuse_unused(const std::vector<Tensor>& inputs,
                     const std::vector<std::size_t>& wanted) const {
    for (std::size_t k = 0; k < inputs.size(); ++k)
      if (wanted[k] == tape_.size())
        fail<GraphError>(
            op_, fmt::format("the output does not depend on input {} {}; pass {{.allow_unused = "
                             "true}} to get an undefined tensor for it",
                             k, describe(inputs[k])));
  }

  bool is_needed(std::size_t i) const { return needed_.empty() || needed_[i]; }
  /// Whether a vjp of node i is to be called.
  bool leads_on(std::size_t i) const {
    if (needed_.empty()) return true;
    const auto targets = tape_.inputs(i);
    return std::any_of(targets.begin(), targets.end(),
                       [&](auto target) { return needed_[target]; });
  }

  /// A followed walk visits each leaf as soon as it is complete.
  template <bool followed = false, class Visit> void walk(const Visit& visit) {
    const auto scope = RecordingScope::inside_vjp(create_graph_);
    if constexpr (followed) complete(tape_.size(), visit);
    for (std::size_t i = tape_.size(); i-- > (followed ? tape_.leaf_count_ : 0);) {
      if (!is_needed(i)) continue;
      fetch_ahead(i);
      walk_to(i, visit);
      if constexpr (followed) complete(i, visit);
    }
    counted_.order_steps = tape_.order_steps_;
    thread_state.last_pass = counted_;  // only now: a vjp may itself have run a pass
  }

  template <class Visit> void walk_to(std::size_t i, const Visit& visit) {
    Node* node = tape_.nodes_[i];
    Tensor g = std::move(cotangents_[i]);
    if (g.defined()) {
      ++counted_.nodes_visited;
      if (node->extension) g = after_hooks(i, *node, std::move(g));
      visit(i, g);
      if (watched_) Watches::visited(tape_, i, g);
    } else if (!rows_.empty() && rows_.contains(i)) {  // a leaf's, which stay rows
      ++counted_.nodes_visited;
    }
    if (node->is_leaf() || !leads_on(i)) return;
    if (node->kind == NodeKind::joint)
      push_joint(i, *node, std::move(g));
    else if (g.defined())
      push(i, *node, std::move(g));
    if (retain_) return;
    release(*node);
    if (watched_) return;  // who watches may look at the tape
    tape_.unmark(i);
    tape_.nodes_[i] = nullptr;
    if (node->refs.release()) node->destroy();
  }

  /// Walks to the leaves to which nothing more comes after node i, and tells who follows.
  template <class Visit> void complete(std::size_t i, const Visit& visit) {
    follower_.complete(i, [&](std::size_t k) {
      walk_to(k, visit);
      const auto rows = rows_.find(k);
      LeafFollower::tell(tape_, k, cotangents_[k], rows == rows_.end() ? nullptr : &rows->second);
    });
  }

  /// Asks for a node that the walk comes to a little later: a large graph's are not in the cache.
  void fetch_ahead(std::size_t i) const {
    constexpr std::size_t distance = 6;
    if (i >= distance && tape_.nodes_[i - distance]) prefetch(tape_.nodes_[i - distance]);
  }

  Tensor after_hooks(std::size_t i, Node& node, Tensor g) {
    const auto hooks = node.extension->hooks;  // a copy: a hook may register another
    for (const auto& hook : hooks)
      if (Tensor changed = hook(cotangents_.whole(i, g)); changed.defined())
        g = cotangents_.fit(i, std::move(changed), node, "hook");
    return g;
  }

  /// Hands the cotangent of node i to the nodes of its inputs.
  void push(std::size_t i, Node& node, Tensor&& g) {
    if (node.kind == NodeKind::output) return leave_at_op(i, node, std::move(g));
    const auto targets = tape_.inputs(i);
    Tensor result;
    if (node.output)
      result = Tensor(Ref<Value>::share(node.output),
                      create_graph_ ? Ref<Node>::share(&node) : Ref<Node>());
    for (std::size_t e = 0; e < targets.size(); ++e) {
      if (!is_needed(targets[e])) continue;
      Edge& edge = node.edges()[e];
      if (!edge.vjp.takes_any_shape() || !same_shape(node, *edge.node))
        cotangents_.make_whole(i, g);
      ++counted_.vjps_called;
      Tensor contribution = call(edge, targets[e], g, result);
      if (watched_) contribution = watched_contribution(i, e, g, result, std::move(contribution));
      cotangents_.add(targets[e], std::move(contribution), node);
    }
  }

  /// What the vjp of `edge` contributes to the cotangent of its input, which is at `target`. Rows
  /// stay rows on their way into a leaf, unless somebody wants to see the gradient whole.
  Tensor call(Edge& edge, std::size_t target, const Tensor& g, const Tensor& result) {
    if (!edge.vjp.gives_rows()) return edge.vjp(g, result);
    RowGradient rows = edge.vjp.rows(g, result);
    if (!keeps_rows_ || !edge.node->is_leaf() || !edge.node->extension->hooks.empty())
      return to_dense(rows, edge.node->shape()[0]);
    rows_[target].push_back(std::move(rows));
    return {};
  }

  /// What arrived at an op with several outputs: the cotangent and the node of each.
  struct Arrived {
    std::vector<Tensor> g;
    std::vector<Node*> outputs;
  };

  /// Leaves the cotangent of one of several outputs until the turn of the op itself.
  void leave_at_op(std::size_t i, Node& node, Tensor g) {
    Node& op = *node.edges()->node;
    const auto k = output(node).index;
    auto& arrived = arrived_[&op];
    arrived.g.resize(joint(op).output_count);
    arrived.outputs.resize(joint(op).output_count);
    cotangents_.make_whole(i, g);
    arrived.g[k] = arrived.g[k].defined() ? arrived.g[k] + g : std::move(g);
    arrived.outputs[k] = &node;
  }

  void push_joint(std::size_t i, Node& node, Tensor&& g) {
    const auto& op = joint(node);
    Arrived arrived;
    if (op.output_count > 0) {
      auto at = arrived_.extract(&node);
      if (!at) return;
      arrived = std::move(at.mapped());
      ++counted_.nodes_visited;
    } else {
      if (!g.defined()) return;
      if (!op.vjp.takes_any_shape()) cotangents_.make_whole(i, g);
      arrived.g.push_back(std::move(g));
    }
    const auto targets = tape_.inputs(i);
    std::vector<bool> needed(op.input_count, false);
    for (std::size_t e = 0; e < targets.size(); ++e)
      needed[op.edge_input[e]] = is_needed(targets[e]);
    const auto results = results_of(node, arrived.outputs);
    ++counted_.vjps_called;
    auto contributions = op.vjp(arrived.g, needed, results);
    contributions.resize(op.input_count);
    for (std::size_t e = 0; e < targets.size(); ++e) {
      auto& contribution = contributions[op.edge_input[e]];
      if (watched_)
        contribution =
            ask_watches(node, {}, e, std::move(contribution), [&](std::size_t other, bool ones) {
              std::vector<bool> only(op.input_count, false);
              only[op.edge_input[other]] = true;
              auto all = op.vjp(ones ? ones_for(arrived.g) : arrived.g, only, results);
              all.resize(op.input_count);
              return all[op.edge_input[other]];
            });
      if (is_needed(targets[e])) cotangents_.add(targets[e], std::move(contribution), node);
    }
  }

  /// The results of a joint op that its vjp asks for, tracked where the pass is recorded.
  /// `outputs`: the nodes of those that are on the tape.
  std::vector<Tensor> results_of(Node& node, const std::vector<Node*>& outputs) const {
    std::vector<Tensor> results;
    for (const auto& value : joint(node).outputs) {
      const auto k = results.size();
      Ref<Node> producer;
      if (create_graph_ && is_floating(value->dtype)) {
        const auto op = Ref<Node>::share(&node);
        if (outputs.empty())
          producer = op;
        else
          producer = outputs[k] ? Ref<Node>::share(outputs[k])
                                : make_output(op, k, value->shape(), value->dtype);
      }
      results.emplace_back(value, std::move(producer));
    }
    return results;
  }

  /// What the watches make of the contribution to input e of node i.
  [[gnu::noinline, gnu::cold]] Tensor watched_contribution(std::size_t i, std::size_t e,
                                                           const Tensor& g, const Tensor& result,
                                                           Tensor contribution) {
    Node& node = *tape_.nodes_[i];
    const auto again = [&](std::size_t other, bool ones) {
      return call(node.edges()[other], tape_.inputs(i)[other], ones ? ones_like(g) : g, result);
    };
    return ask_watches(node, g, e, std::move(contribution), again);
  }

  /// The same; `again` calls the vjp.
  template <class Again>
  [[gnu::noinline, gnu::cold]] static Tensor ask_watches(Node& node, const Tensor& g, std::size_t e,
                                                         Tensor contribution, Again again) {
    return Watches::contributed({.op = node.name,
                                 .g = g,
                                 .input = e,
                                 .inputs = node.edge_count,
                                 .shape = node.edges()[e].node->shape(),
                                 .contribution = std::move(contribution),
                                 .again = again});
  }

  const char* op_;
  const bool create_graph_, retain_, watched_ = watched();
  bool keeps_rows_ = false;
  LeafFollower follower_;
  PassStatistics counted_;
  Tape tape_;
  Cotangents cotangents_;                             // once visited, of those it is for
  std::vector<bool> needed_;                          // empty: all nodes
  std::unordered_map<const Node*, Arrived> arrived_;  // at ops with several outputs
  std::unordered_map<std::size_t, std::vector<RowGradient>> rows_;  // on their way into leaves
};

void detail::run_watched_pass(const Tensor& output, const Tensor& seed) {
  const auto cotangent = starting_cotangent("backward", output, seed);
  BackwardPass("backward", {&output, 1}, {&cotangent, 1}, {.retain_graph = true}).only_watched();
}

void detail::run_watched_pass(const Tape& tape) {
  const auto outputs = BackwardPass::results(tape);
  BackwardPass("backward", outputs, outputs, {.retain_graph = true}).only_watched();
}

void Tensor::backward(const Tensor& seed, BackwardOptions options) const {
  const auto cotangent = starting_cotangent("backward", *this, seed);
  BackwardPass("backward", {this, 1}, {&cotangent, 1}, {.retain_graph = options.retain_graph})
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
  return BackwardPass("grad", outputs, cotangents, options).gradients(inputs, options.allow_unused);
}

}  // namespace gradtape
