#include "gradtape/autograd/checkpoint.hpp"

#include <fmt/format.h>

#include <memory>
#include <unordered_set>
#include <utility>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tape/thread_state.hpp"

namespace gradtape {

using namespace detail;

namespace {

using Tensors = std::vector<Tensor>;
using Function = std::function<Tensors(const Tensors&)>;

/// Finds the leaves that ops use while it lives and that nobody handed in: parameters.
class CapturedLeaves : public Watch {
 public:
  explicit CapturedLeaves(const Tensors& known) {
    for (const auto& x : known) known_.insert(x.node_ref().get());
  }

  void recorded(const char*, const Tensor& output, std::span<const Tensor> inputs) override {
    for (const auto& x : inputs) add(x);
    if (output.is_tracked()) known_.insert(output.node_ref().get());
  }
  /// Throws GraphError for a tensor that was computed elsewhere: going on behind it, the backward
  /// pass would count twice what leads to an input too.
  void add(const Tensor& x) {
    if (!x.is_tracked() || !known_.insert(x.node_ref().get()).second) return;
    if (!x.is_leaf())
      fail<GraphError>("checkpoint",
                       fmt::format("the function uses a tracked tensor of shape {} that was "
                                   "computed outside; pass it as one of the inputs",
                                   x.shape().str()));
    found.push_back(x);
  }

  Tensors found;

 private:
  std::unordered_set<const void*> known_;
};

/// What the two runs of a function share.
struct Plan {
  Function f;
  std::vector<bool> tracked;  // of each input
  Tensors captured;
  RecordingMode mode;   // of the first run
  Generator generator;  // the default one as it was before the first run
};

/// Runs the function again at `inputs` and gives its gradients for the tracked inputs and for what
/// it captured, zeros where no path leads.
Tensors run_again(const Plan& plan, Tensors inputs, const Tensors& cotangents, bool create_graph) {
  const GeneratorScope same_numbers(plan.generator.clone());
  auto mode = plan.mode;
  mode.inside_op = true;
  const RecordingScope scope(mode);
  Tensors targets;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!plan.tracked[i]) continue;
    if (!inputs[i].is_tracked()) inputs[i] = inputs[i].requires_grad();
    targets.push_back(inputs[i]);
  }
  targets.insert(targets.end(), plan.captured.begin(), plan.captured.end());
  const Tensors outputs = plan.f(inputs);
  Tensors differentiable, seeds;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (i < cotangents.size() && cotangents[i].defined() && outputs[i].is_tracked()) {
      differentiable.push_back(outputs[i]);
      seeds.push_back(cotangents[i]);
    }
  Tensors grads(targets.size());
  if (!differentiable.empty())
    grads =
        grad(differentiable, seeds, targets, {.create_graph = create_graph, .allow_unused = true});
  for (std::size_t i = 0; i < grads.size(); ++i)
    if (!grads[i].defined()) grads[i] = zeros_like(targets[i].detach());
  return grads;
}

/// The gradients as a function of inputs and cotangents that is itself checkpointed.
Tensors recorded_gradients(const std::shared_ptr<const Plan>& plan, const Tensors& inputs,
                           std::span<const Tensor> cotangents) {
  std::vector<bool> given;
  Tensors arguments = inputs;
  for (const auto& g : cotangents) {
    given.push_back(g.defined());
    if (g.defined()) arguments.push_back(g);
  }
  const auto count = static_cast<std::ptrdiff_t>(inputs.size());
  return checkpoint(Function([plan, given, count](const Tensors& x) {
                      Tensors g;
                      auto next = x.begin() + count;
                      for (const bool here : given) g.push_back(here ? *next++ : Tensor());
                      return run_again(*plan, Tensors(x.begin(), x.begin() + count), g, true);
                    }),
                    arguments);
}

/// Hands the gradients out to the inputs of the op: all inputs, then what was captured.
Tensors distribute(const Plan& plan, Tensors grads) {
  Tensors out;
  auto next = grads.begin();
  for (const bool tracked : plan.tracked) out.push_back(tracked ? std::move(*next++) : Tensor());
  out.insert(out.end(), next, grads.end());
  return out;
}

}  // namespace

std::vector<Tensor> checkpoint(const Function& f, const std::vector<Tensor>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].defined())
      fail<GraphError>("checkpoint", fmt::format("input {} is undefined", i));
  if (!recording()) return f(inputs);
  const auto plan = std::make_shared<Plan>();
  plan->f = f;
  plan->mode = recording_mode();
  plan->generator = default_generator().clone();
  const Work counted_before = thread_state.counted_before;
  const auto held_before = thread_state.held_before;
  Tensors values;
  {
    // The first run is recorded too, which shows what it captures; its graph ends with this block.
    Tensors fresh;
    for (const auto& x : inputs) {
      plan->tracked.push_back(x.is_tracked());
      fresh.push_back(x.is_tracked() ? x.detach().requires_grad() : x);
    }
    CapturedLeaves captured(fresh);
    values = f(fresh);
    for (const auto& value : values) captured.add(value);
    plan->captured = std::move(captured.found);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i].defined())
      fail<GraphError>("checkpoint", fmt::format("the function's result {} is undefined", i));
    values[i] = values[i].detach();
  }
  // The ops of the first run took its work and memory; they belong to the node made below.
  thread_state.counted_before = counted_before;
  thread_state.held_before = held_before;
  Tensors arguments = inputs;
  arguments.insert(arguments.end(), plan->captured.begin(), plan->captured.end());
  return record("checkpoint", values, arguments,
                [plan, inputs](std::span<const Tensor> g, const std::vector<bool>&) {
                  if (recording()) return distribute(*plan, recorded_gradients(plan, inputs, g));
                  Tensors values;
                  for (const auto& x : inputs) values.push_back(x.detach());
                  return distribute(*plan, run_again(*plan, values, {g.begin(), g.end()}, false));
                });
}

Tensor checkpoint(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                  const std::vector<Tensor>& inputs) {
  return checkpoint(Function([f](const Tensors& x) { return Tensors{f(x)}; }), inputs)[0];
}

}  // namespace gradtape
