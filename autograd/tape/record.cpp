#include "gradtape/autograd/tape.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gradtape/autograd/tape/node.hpp"
#include "gradtape/autograd/tape/recording.hpp"

namespace gradtape {
namespace detail {
namespace {

thread_local bool recording_enabled = true;
thread_local std::uint64_t recorded = 0;  // a Lamport clock: graphs may pass from thread to thread

std::atomic<int> watch_count{0};  // of all threads: while it is 0, recording asks no further
constinit thread_local Watch* watches = nullptr;
thread_local bool inside = false;  // an op or a vjp

/// What this thread's counters showed when its last op was recorded: what came since is the work of
/// the next one.
constinit thread_local Work counted_before;
constinit thread_local std::int64_t held_before = 0;

void count_from_now() {
  counted_before = work;
  held_before = held_bytes;
}

std::size_t node_bytes(std::size_t edge_count, std::size_t ndim, bool has_work) {
  return sizeof(Node) + edge_count * sizeof(Edge) + ndim * sizeof(std::int64_t) +
         (has_work ? sizeof(Work) + sizeof(std::int64_t) : 0);
}

std::int64_t* extents(Node& node) {
  return reinterpret_cast<std::int64_t*>(node.edges() + node.edge_count);
}

/// Nodes whose last reference is gone, linked through `order`. Destroying one may end others: they
/// queue up here, so that no chain is too long for the stack.
struct Graveyard {
  Node* head = nullptr;
  bool busy = false;
};
thread_local Graveyard graveyard;

void bury(Node* node) noexcept {
  delete std::exchange(node->extra, nullptr);
  release(*node);
  const auto bytes = node_bytes(node->edge_count, node->ndim, node->has_work);
  node->~Node();
  deallocate(node, bytes);
}

}  // namespace

Shape Node::shape() { return Shape::trusted(extents(*this), ndim); }

void Node::destroy() noexcept {
  order = reinterpret_cast<std::uintptr_t>(std::exchange(graveyard.head, this));
  if (graveyard.busy) return;
  graveyard.busy = true;
  while (auto* node = graveyard.head) {
    graveyard.head = reinterpret_cast<Node*>(static_cast<std::uintptr_t>(node->order));
    bury(node);
  }
  graveyard.busy = false;
}

void release(Node& node) noexcept {
  if (node.leaf || node.released)
    return;  // leaves are shared between threads: not even the flag is touched
  node.released = true;
  for (std::size_t i = 0; i < node.edge_count; ++i) {
    Edge& edge = node.edges()[i];
    edge.vjp.~Vjp();
    if (edge.node->refs.release()) edge.node->destroy();
  }
  Ref<Value>::adopt(std::exchange(node.output, nullptr));
  if (node.extra) node.extra->joint = nullptr;
}

Work Node::work() {
  if (!has_work) return {flops, bytes};
  const auto* words = extents(*this) + ndim;
  return {words[0], words[1]};
}

std::int64_t Node::held() { return has_work ? extents(*this)[ndim + 2] : 0; }

Node* make_node(const char* name, const Shape& shape, Dtype dtype, std::size_t edge_count,
                const Work& work, std::int64_t held) {
  const bool small = ((work.flops | work.bytes) & ~std::int64_t{255}) == 0 && held == 0;
  const auto bytes = node_bytes(edge_count, static_cast<std::size_t>(shape.ndim()), !small);
  auto* node = new (allocate(bytes)) Node;
  node->order = ++recorded;
  node->name = name;
  node->edge_count = static_cast<std::uint32_t>(edge_count);
  node->ndim = static_cast<std::uint8_t>(shape.ndim());
  node->dtype = dtype;
  std::copy(shape.begin(), shape.end(), extents(*node));
  if (small) {
    node->flops = static_cast<std::uint8_t>(work.flops);
    node->bytes = static_cast<std::uint8_t>(work.bytes);
  } else {
    node->has_work = true;
    auto* words = extents(*node) + shape.ndim();
    words[0] = work.flops;
    words[1] = work.bytes;
    words[2] = held;
  }
  return node;
}

std::string label(Node& node) {
  return node.extra && !node.extra->name.empty() ? fmt::format("'{}'", node.extra->name)
                                                 : std::string(node.name);
}

std::string describe(const Tensor& x) {
  auto* node = x.node_ref().get();
  if (!node || !node->extra || node->extra->name.empty()) return x.shape().str();
  return fmt::format("'{}' {}", node->extra->name, x.shape().str());
}

namespace {

void connect(Node& node, Edge* edge, const Ref<Node>& input, Vjp vjp) {
  node.order = std::max(node.order, input->order + 1);
  new (edge) Edge{Ref<Node>(input).leak(), std::move(vjp)};
}

/// The node for `value` with an edge to each tracked input; `input(i)` and `vjp(i)` give the i-th.
template <class Input, class TakeVjp>
Tensor record_each(const char* name, Tensor value, std::size_t count, Input input, TakeVjp vjp) {
  auto* v = value.value_ref().get();
  if (!v) fail<GraphError>(name, "record got an undefined value");
  if (count > 0 && input(0).is_weak()) {  // what is made of literals alone is a literal
    v->weak = true;
    for (std::size_t i = 1; i < count; ++i) v->weak = v->weak && input(i).is_weak();
  }
  std::size_t tracked = 0;
  if (recording_enabled && is_floating(v->dtype))
    for (std::size_t i = 0; i < count; ++i) tracked += input(i).is_tracked();
  if (tracked == 0) {
    // What finds indices or compares counts for the op that goes on with them.
    if (recording_enabled && is_floating(v->dtype)) count_from_now();
    return std::move(value).tracked_by({});
  }

  auto node = Ref<Node>::adopt(make_node(name, v->shape(), v->dtype, tracked,
                                         work.since(counted_before), held_bytes - held_before));
  count_from_now();
  Edge* edge = node->edges();
  for (std::size_t i = 0; i < count; ++i) {
    if (!input(i).is_tracked()) continue;
    connect(*node, edge, input(i).node_ref(), vjp(i));
    if (edge->vjp.needs_output() && !node->output)
      node->output = Ref<Value>(value.value_ref()).leak();
    ++edge;
  }
  recorded = node->order;
  return std::move(value).tracked_by(std::move(node));
}

std::vector<Tensor> record_joint(const char* name, std::vector<Tensor> values,
                                 const std::vector<Tensor>& inputs, JointVjp vjp) {
  if (!vjp) fail<GraphError>(name, "record got an undefined vjp");
  for (auto& value : values) {
    if (!value.defined()) fail<GraphError>(name, "record got an undefined value");
    value = value.detach();
  }
  const auto tracked =
      std::count_if(inputs.begin(), inputs.end(), [](const Tensor& x) { return x.is_tracked(); });
  if (!recording_enabled) return values;
  if (std::none_of(values.begin(), values.end(),
                   [](const Tensor& y) { return is_floating(y.dtype()); }))
    return values;
  if (tracked == 0) {
    count_from_now();
    return values;
  }

  const bool several = values.size() != 1;
  auto node = Ref<Node>::adopt(make_node(
      name, several ? Shape{} : values[0].shape(), several ? float32 : values[0].dtype(),
      static_cast<std::size_t>(tracked), work.since(counted_before), held_bytes - held_before));
  count_from_now();
  auto& more = extra(*node);
  more.joint = std::move(vjp);
  more.input_count = inputs.size();
  Edge* edge = node->edges();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].is_tracked()) continue;
    connect(*node, edge++, inputs[i].node_ref(), {});
    more.edge_input.push_back(i);
  }
  recorded = node->order;
  if (!several) {
    values[0] = Tensor(values[0].value_ref(), std::move(node));
    return values;
  }
  more.output_count = values.size();
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!is_floating(values[k].dtype())) continue;
    auto output = Ref<Node>::adopt(make_node(name, values[k].shape(), values[k].dtype(), 1));
    extra(*output).output_index = k;
    connect(*output, output->edges(), node, {});
    recorded = output->order;
    values[k] = Tensor(values[k].value_ref(), std::move(output));
  }
  return values;
}

void check_vjps(const char* name, std::size_t inputs, std::span<const Vjp> vjps) {
  if (inputs != vjps.size())
    fail<GraphError>(
        name, fmt::format("record got {} inputs and {} vjps; one vjp per input is needed", inputs,
                          vjps.size()));
  for (const auto& vjp : vjps)
    if (!vjp) fail<GraphError>(name, "record got an undefined vjp");
}

}  // namespace

bool watched() { return watch_count.load(std::memory_order_relaxed) > 0; }

}  // namespace detail

using namespace detail;

class WatchList {
 public:
  static void show(const char* op, const Tensor& output, const std::vector<Tensor>& inputs) {
    for (auto* watch = watches; watch; watch = watch->next_) watch->recorded(op, output, inputs);
  }
  static Tensor ask(const char* op, const Tensor& g, std::size_t input, Tensor contribution) {
    for (auto* watch = watches; watch; watch = watch->next_)
      contribution = watch->contributed(op, g, input, std::move(contribution));
    return contribution;
  }
};

Tensor detail::after_watches(const char* op, const Tensor& g, std::size_t input,
                             Tensor contribution) {
  return WatchList::ask(op, g, input, std::move(contribution));
}

Tensor record(const char* name, Tensor value,
              std::initializer_list<std::reference_wrapper<const Tensor>> inputs,
              std::initializer_list<Vjp> vjps) {
  check_vjps(name, inputs.size(), {vjps.begin(), vjps.size()});
  Tensor output = record_each(
      name, std::move(value), inputs.size(),
      [&](std::size_t i) -> const Tensor& { return inputs.begin()[i]; },
      [&](std::size_t i) { return vjps.begin()[i].take(); });
  if (watched()) WatchList::show(name, output, {inputs.begin(), inputs.end()});
  return output;
}

Tensor record(const char* name, Tensor value, const std::vector<Tensor>& inputs,
              std::vector<Vjp> vjps) {
  check_vjps(name, inputs.size(), vjps);
  Tensor output = record_each(
      name, std::move(value), inputs.size(),
      [&](std::size_t i) -> const Tensor& { return inputs[i]; },
      [&](std::size_t i) { return std::move(vjps[i]); });
  if (watched()) WatchList::show(name, output, inputs);
  return output;
}

std::vector<Tensor> record(const char* name, std::vector<Tensor> values,
                           const std::vector<Tensor>& inputs, JointVjp vjp) {
  auto outputs = record_joint(name, std::move(values), inputs, std::move(vjp));
  if (watched())
    for (const auto& output : outputs) WatchList::show(name, output, inputs);
  return outputs;
}

bool recording() { return recording_enabled; }
NoGrad::NoGrad() : before_(std::exchange(recording_enabled, false)) {}
NoGrad::~NoGrad() {
  recording_enabled = before_;
  if (before_) count_from_now();
}
detail::WithRecording::WithRecording() : before_(std::exchange(recording_enabled, true)) {
  if (!before_) count_from_now();
}
detail::WithRecording::~WithRecording() { recording_enabled = before_; }
detail::InsideOp::InsideOp() : InsideOp(false) {}
detail::InsideOp::InsideOp(bool recording)
    : recording_before_(std::exchange(recording_enabled, recording)),
      inside_before_(std::exchange(inside, true)) {}
detail::InsideOp::~InsideOp() {
  recording_enabled = recording_before_;
  inside = inside_before_;
}
bool detail::inside_op() { return inside; }

Watch::Watch() : next_(std::exchange(watches, this)) { ++watch_count; }
Watch::~Watch() {
  watches = next_;
  --watch_count;
}
void Watch::recorded(const char*, const Tensor&, std::span<const Tensor>) {}
Tensor Watch::contributed(const char*, const Tensor&, std::size_t, Tensor contribution) {
  return contribution;
}

// ---- leaves ----

Tensor Tensor::requires_grad(std::string name) const {
  if (!is_floating(dtype()))
    fail<DtypeError>("requires_grad", fmt::format("only float32 and float64 differentiate, got {}",
                                                  gradtape::name(dtype())));
  auto node = Ref<Node>::adopt(make_node("leaf", shape(), dtype(), 0));
  node->leaf = true;
  extra(*node).name = std::move(name);
  count_from_now();  // what the leaf's own value took is no op's work
  return Tensor(is_weak() ? to(dtype()).value_ref() : value_, std::move(node));
}

bool Tensor::is_leaf() const { return node_ && node_->leaf; }

Tensor Tensor::grad() const {
  if (!is_leaf())
    fail<GraphError>(
        "grad",
        "only a leaf accumulates a gradient; make one with requires_grad(), or ask for the "
        "gradient of an intermediate tensor with grad(output, {tensor})");
  const std::lock_guard lock(node_->extra->mutex);
  const auto& more = *node_->extra;
  return more.rows.empty() ? more.grad : dense(more.grad, more.rows, shape());
}

void Tensor::zero_grad() const {
  if (!is_leaf()) fail<GraphError>("zero_grad", "only a leaf accumulates a gradient");
  const std::lock_guard lock(node_->extra->mutex);
  node_->extra->grad = {};
  node_->extra->rows.clear();
}

void Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) const {
  if (!is_tracked())
    fail<GraphError>("register_hook", "this tensor is not tracked, so it has no gradient");
  extra(*node_).hooks.push_back(std::move(hook));
}

}  // namespace gradtape
