#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tape/node.hpp"
#include "gradtape/autograd/tape/thread_state.hpp"

namespace gradtape {

using namespace detail;

// ---- what decides about recording ----

bool recording() { return thread_state.records(); }
const RecordingMode& recording_mode() {
  thread_state.undo_ended();
  return thread_state.mode;
}

RecordingScope::RecordingScope(const RecordingMode& mode, bool drops_work) {
  auto& state = thread_state;
  state.undo_ended();
  change_ = state.changes.begin({state.mode, drops_work});
  if (mode.recording && !state.mode.recording) state.count_from_now();
  state.mode = mode;
}
RecordingScope::~RecordingScope() {
  change_->over.store(true, std::memory_order_release);
  thread_state.undo_ended();
}
RecordingScope RecordingScope::off() {
  auto mode = recording_mode();
  mode.recording = false;
  return {mode, true};
}
RecordingScope RecordingScope::on() {
  auto mode = recording_mode();
  mode.recording = true;
  return {mode, false};
}
RecordingScope RecordingScope::inside_op() {
  auto mode = recording_mode();
  mode.recording = false;
  mode.inside_op = true;
  return {mode, false};
}
RecordingScope RecordingScope::inside_vjp(bool create_graph) {
  auto mode = recording_mode();
  mode.recording = mode.recording && create_graph;
  mode.inside_op = true;
  return {mode, !create_graph};
}

// ---- watches ----

namespace {
std::atomic<int> watch_count{0};  // of all threads
}

bool detail::watched() { return watch_count.load(std::memory_order_relaxed) > 0; }

Watch::Watch() : entry_(thread_state.watches.begin(this)) { ++watch_count; }
Watch::~Watch() {
  thread_state.watches.end(entry_);
  --watch_count;
}
void Watch::recorded(const char*, const Tensor&, std::span<const Tensor>) {}
void Watch::visited(const Tape&, std::size_t, const Tensor&) {}
Tensor Watch::contributed(const VjpCall& call) { return call.contribution; }

LeafWatch::LeafWatch() : entry_(thread_state.leaf_watches.begin(this)) {}
LeafWatch::~LeafWatch() { thread_state.leaf_watches.end(entry_); }

void Watches::recorded(const char* op, const Tensor& output, std::span<const Tensor> inputs) {
  thread_state.watches.for_each([&](Watch* watch) { watch->recorded(op, output, inputs); });
}
void Watches::visited(const Tape& tape, std::size_t i, const Tensor& g) {
  thread_state.watches.for_each([&](Watch* watch) { watch->visited(tape, i, g); });
}
Tensor Watches::contributed(VjpCall call) {
  thread_state.watches.for_each(
      [&](Watch* watch) { call.contribution = watch->contributed(call); });
  return std::move(call.contribution);
}

// ---- recording ----

namespace {

/// Whether an op with this value is recorded, apart from its inputs.
bool records(const Value& value) { return is_floating(value.dtype) && thread_state.records(); }

/// A node for an op just computed, which takes the work done since the last one.
Ref<Node> node_of_work(const char* name, const Shape& shape, Dtype dtype, std::size_t edge_count) {
  auto& state = thread_state;
  auto node =
      Ref<Node>::adopt(make_node(name, shape, dtype, edge_count, work.since(state.counted_before),
                                 held_bytes - state.held_before));
  state.count_from_now();
  return node;
}

void tell_watches(const char* name, const Tensor& output, std::initializer_list<OpInput> inputs) {
  std::vector<Tensor> all;
  for (const auto& x : inputs) all.push_back(x.tensor);
  Watches::recorded(name, output, all);
}

/// What is made of literals alone is a literal; `input(i)` gives the i-th of `count`.
template <class Input> void mark_literal(Value& value, std::size_t count, const Input& input) {
  bool weak = count > 0;
  for (std::size_t i = 0; i < count && weak; ++i) weak = input(i).is_weak();
  if (weak) value.weak = true;
}

/// `value` as a constant.
Tensor without_node(Tensor value) {
  // What finds indices or compares counts for the op that goes on with them; this does not.
  if (records(*value.value_ref())) thread_state.count_from_now();
  return std::move(value).tracked_by({});
}

/// The node for `value` with an edge to each tracked input.
template <class Input>
Tensor record_each(const char* name, Tensor value, std::size_t count, const Input& input,
                   std::span<Vjp> vjps) {
  if (count != vjps.size())
    fail<GraphError>(
        name, fmt::format("record got {} inputs and {} vjps; one vjp per input is needed", count,
                          vjps.size()));
  for (std::size_t i = 0; i < count; ++i)
    if (!vjps[i] && input(i).is_tracked()) fail<GraphError>(name, "record got an undefined vjp");
  auto* v = value.value_ref().get();
  if (!v) fail<GraphError>(name, "record got an undefined value");
  std::size_t tracked = 0;
  for (std::size_t i = 0; i < count; ++i) tracked += input(i).is_tracked();
  if (tracked == 0 || !records(*v)) {
    mark_literal(*v, count, input);
    return without_node(std::move(value));
  }

  auto node = node_of_work(name, v->shape(), v->dtype, tracked);
  Edge* edge = node->edges();
  for (std::size_t i = 0; i < count; ++i) {
    if (!input(i).is_tracked()) continue;
    connect(*node, edge, input(i).node_ref(), std::move(vjps[i]));
    if (edge->vjp.needs_output() && !node->output)
      node->output = Ref<Value>(value.value_ref()).leak();
    ++edge;
  }
  thread_state.recorded = node->order;
  return std::move(value).tracked_by(std::move(node));
}

std::vector<Tensor> record_joint(const char* name, std::vector<Tensor> values,
                                 const std::vector<Tensor>& inputs, JointVjp vjp) {
  if (!vjp) fail<GraphError>(name, "record got an undefined vjp");
  bool recorded = false;
  for (auto& value : values) {
    if (!value.defined()) fail<GraphError>(name, "record got an undefined value");
    value = value.detach();
    recorded = recorded || records(*value.value_ref());
  }
  if (!recorded) return values;
  const auto tracked =
      std::count_if(inputs.begin(), inputs.end(), [](const Tensor& x) { return x.is_tracked(); });
  if (tracked == 0) {
    thread_state.count_from_now();
    return values;
  }

  const bool several = values.size() != 1;
  auto extension = std::make_unique<Joint>();
  extension->input_count = inputs.size();
  extension->output_count = several ? values.size() : 0;
  if (vjp.needs_outputs())
    for (const auto& value : values) extension->outputs.push_back(value.value_ref());
  extension->vjp = std::move(vjp);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].is_tracked()) extension->edge_input.push_back(i);

  auto node =
      node_of_work(name, several ? Shape{} : values[0].shape(),
                   several ? float32 : values[0].dtype(), static_cast<std::size_t>(tracked));
  Edge* edge = node->edges();
  for (const auto i : extension->edge_input) connect(*node, edge++, inputs[i].node_ref(), {});
  node->kind = NodeKind::joint;
  node->extension = extension.release();
  thread_state.recorded = node->order;
  if (!several) return {Tensor(values[0].value_ref(), std::move(node))};
  for (std::size_t k = 0; k < values.size(); ++k)
    if (is_floating(values[k].dtype()))
      values[k] =
          Tensor(values[k].value_ref(), make_output(node, k, values[k].shape(), values[k].dtype()));
  return values;
}

}  // namespace

bool detail::is_recorded(const Tensor& value, std::initializer_list<OpInput> inputs) {
  const auto is_tracked = [](const OpInput& input) { return input.tensor.is_tracked(); };
  return std::any_of(inputs.begin(), inputs.end(), is_tracked) && records(*value.value_ref());
}

Tensor detail::leave_unrecorded(const char* name, Tensor value,
                                std::initializer_list<OpInput> inputs) {
  const auto input = [&](std::size_t i) -> const Tensor& { return inputs.begin()[i].tensor; };
  mark_literal(*value.value_ref(), inputs.size(), input);
  Tensor output = without_node(std::move(value));
  if (watched()) tell_watches(name, output, inputs);
  return output;
}

Tensor detail::record_op(const char* name, Tensor value, std::initializer_list<OpInput> inputs,
                         std::span<Vjp> vjps) {
  const auto input = [&](std::size_t i) -> const Tensor& { return inputs.begin()[i].tensor; };
  Tensor output = record_each(name, std::move(value), inputs.size(), input, vjps);
  if (watched()) tell_watches(name, output, inputs);
  return output;
}

Tensor record(const char* name, Tensor value, const std::vector<Tensor>& inputs,
              std::vector<Vjp> vjps) {
  const auto input = [&](std::size_t i) -> const Tensor& { return inputs[i]; };
  Tensor output = record_each(name, std::move(value), inputs.size(), input, vjps);
  if (watched()) Watches::recorded(name, output, inputs);
  return output;
}

std::vector<Tensor> record(const char* name, std::vector<Tensor> values,
                           const std::vector<Tensor>& inputs, JointVjp vjp) {
  auto outputs = record_joint(name, std::move(values), inputs, std::move(vjp));
  if (watched())
    for (const auto& output : outputs) Watches::recorded(name, output, inputs);
  return outputs;
}

}  // namespace gradtape
