#include "gradtape/autograd/parameter.hpp"

#include <fmt/format.h>

#include <cstring>
#include <vector>

#include "gradtape/autograd/tape/node.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// `value` without its graph, in the shape and dtype that the variable `name` has had so far. What
/// fits needs no memory: a failed update is undone by setting the old values.
Tensor fitting(const char* op, const Name& name, const Tensor& current, const Tensor& value) {
  const Tensor fresh = value.is_weak() ? value.to(current.dtype()) : value.detach();
  if (fresh.shape() == current.shape() && fresh.dtype() == current.dtype()) return fresh;
  const std::string text = name.str(),
                    which = text.empty() ? "the variable" : fmt::format("'{}'", text);
  if (fresh.shape() != current.shape())
    fail<ShapeError>(op, fmt::format("{} is {}, the new value {}", which, current.shape().str(),
                                     fresh.shape().str()));
  fail<DtypeError>(op, fmt::format("{} is {}, the new value {}; convert it with to({})", which,
                                   gradtape::name(current.dtype()), gradtape::name(fresh.dtype()),
                                   gradtape::name(current.dtype())));
}

/// Throws unless these are rows of a gradient of `current`.
void check_rows(const std::string& name, const Tensor& current, const RowGradient& rows) {
  constexpr const char* op = "Parameter::set_grad";
  if (!rows.defined()) return;
  if (rows.values.dtype() != current.dtype() || rows.index.dtype() != int64 ||
      current.ndim() != 2 || rows.index.ndim() != 1 ||
      rows.values.shape() != Shape{rows.index.numel(), current.size(1)})
    fail<ShapeError>(op, fmt::format("{} {} at index {} {} are no rows of '{}' {} {}",
                                     rows.values.shape().str(), gradtape::name(rows.values.dtype()),
                                     rows.index.shape().str(), gradtape::name(rows.index.dtype()),
                                     name, current.shape().str(), gradtape::name(current.dtype())));
  for (const auto row : rows.index.data<std::int64_t>())
    if (row < -current.size(0) || row >= current.size(0))
      fail<ValueError>(
          op, fmt::format("row {} is out of range for '{}' {}", row, name, current.shape().str()));
}

/// What an undefined variable converts to.
const Tensor& no_tensor() {
  static const Tensor none;
  return none;
}

}  // namespace

// ---- Parameter ----

struct Parameter::Cell {
  Tensor current;  // the value; with the leaf's node unless frozen
  Ref<Node> leaf;  // outlives every value

  explicit Cell(Tensor tracked) : current(std::move(tracked)), leaf(current.node_ref()) {}
  Cell(const Cell& other);
  Cell(Cell&&) noexcept = default;
  Cell& operator=(Cell&&) noexcept = default;
  void put(const Tensor& value) { current = Tensor(value.value_ref(), current.node_ref()); }
};

/// A variable of its own, with the same value and name, and no gradient yet. The elements are
/// shared until one of both is written.
Parameter::Cell::Cell(const Cell& other) : Cell(other.current.detach().requires_grad()) {
  detail::leaf(*leaf).name = detail::leaf(*other.leaf).name;
  if (!other.current.is_tracked()) current = current.detach();
}

Parameter::Parameter(const Tensor& initial, std::string name)
    : cell_(detail::Shared<Cell>::make(initial.detach().requires_grad(std::move(name)))) {}

Parameter::Cell& Parameter::cell() const {
  if (!cell_)
    fail<GraphError>(
        "Parameter",
        "this parameter is undefined; in a model, make it with parameter(name, initial)");
  return *cell_;
}

Parameter::operator const Tensor&() const { return cell_ ? cell_->current : no_tensor(); }
const Tensor& Parameter::tensor() const { return cell().current; }
std::string Parameter::name() const { return detail::leaf(*cell().leaf).name.str(); }
void Parameter::set_name(std::string name) const { set_name(Name(std::move(name))); }
void Parameter::set_name(const Name& name) const { detail::leaf(*cell().leaf).name = name; }
Tensor Parameter::grad() const { return detail::leaf(*cell().leaf).gradient(shape()); }
bool Parameter::has_grad() const {
  auto& leaf = detail::leaf(*cell().leaf);
  const std::lock_guard lock(leaf.mutex);
  return leaf.grad.defined() || !leaf.rows.empty();
}
RowGradient Parameter::row_gradient() const {
  auto& leaf = detail::leaf(*cell().leaf);
  const std::lock_guard lock(leaf.mutex);
  if (leaf.grad.defined() || leaf.rows.empty()) return {};
  leaf.rows = {joined(leaf.rows, shape())};
  return leaf.rows[0];
}
void Parameter::zero_grad() const { detail::leaf(*cell().leaf).clear_gradient(); }

void Parameter::map_grad(const std::function<Tensor(const Tensor&)>& f) const {
  auto& leaf = detail::leaf(*cell().leaf);
  const std::lock_guard lock(leaf.mutex);
  if (!leaf.grad.defined() && leaf.rows.empty()) return;
  const NoGrad no_grad;
  if (!leaf.grad.defined()) {
    const RowGradient rows = joined(leaf.rows, shape());
    leaf.rows = {
        {rows.index, fitting("Parameter::map_grad", leaf.name, rows.values, f(rows.values))}};
    return;
  }
  const Tensor all = leaf.rows.empty() ? leaf.grad : dense_sum(leaf.grad, leaf.rows, shape());
  leaf.grad = fitting("Parameter::map_grad", leaf.name, all, f(all));
  leaf.rows.clear();
}

void Parameter::set_grad(const Tensor& gradient) const {
  auto& leaf = detail::leaf(*cell().leaf);
  const Tensor fresh =
      gradient.defined() ? fitting("Parameter::set_grad", leaf.name, tensor(), gradient) : Tensor();
  const std::lock_guard lock(leaf.mutex);
  leaf.grad = fresh;
  leaf.rows.clear();
}

void Parameter::set_grad(const RowGradient& rows) const {
  auto& leaf = detail::leaf(*cell().leaf);
  check_rows(name(), tensor(), rows);
  std::vector<RowGradient> fresh;
  if (rows.defined()) fresh = {joined({rows}, shape())};
  const std::lock_guard lock(leaf.mutex);
  leaf.grad = {};
  leaf.rows.swap(fresh);
}

void Parameter::set(const Tensor& value) const {
  cell().put(fitting("Parameter::set", detail::leaf(*cell().leaf).name, tensor(), value));
}

void* Parameter::mutable_raw() const {
  const Tensor& current = tensor();
  if (!is_unique(current)) {
    const Tensor fresh = empty(current.shape(), current.dtype());
    if (const auto n = static_cast<std::size_t>(current.numel()))
      std::memcpy(mutable_data<char>(fresh), current.raw(), n * size_of(current.dtype()));
    cell().put(fresh);
  }
  return mutable_data<void>(tensor());
}

void Parameter::to(Dtype dtype) const {
  if (dtype == this->dtype()) return;
  Cell converted(tensor().detach().to(dtype).requires_grad());
  const auto& old = detail::leaf(*cell().leaf);
  auto& fresh = detail::leaf(*converted.leaf);
  fresh.name = old.name;
  fresh.hooks = old.hooks;
  if (old.grad.defined()) fresh.grad = old.grad.to(dtype);
  for (const auto& [index, values] : old.rows) fresh.rows.push_back({index, values.to(dtype)});
  const bool frozen = is_frozen();
  cell() = std::move(converted);
  freeze(frozen);
}

void Parameter::freeze(bool frozen) const {
  auto& [current, leaf] = cell();
  current = Tensor(current.value_ref(), frozen ? Ref<Node>() : leaf);
}

bool Parameter::is_frozen() const { return !tensor().is_tracked(); }

std::vector<Tensor> detail::grad_of_parameters(const Tensor& output,
                                               const std::vector<Parameter>& parameters,
                                               const GradOptions& options) {
  std::vector<Tensor> inputs;
  for (const auto& parameter : parameters) {
    if (!parameter.defined())
      fail<GraphError>("grad", fmt::format("parameter {} is undefined", inputs.size()));
    if (parameter.is_frozen())
      fail<GraphError>("grad",
                       fmt::format("parameter {} '{}' is frozen; thaw it with freeze(false) "
                                   "before computing the output, or leave it out",
                                   inputs.size(), parameter.name()));
    inputs.push_back(parameter.tensor());
  }
  return grad(output, inputs, options);
}

// ---- Buffer ----

struct Buffer::Cell {
  Tensor current;
  Name name;
};

Buffer::Buffer(const Tensor& initial, std::string name)
    : cell_(detail::Shared<Cell>::make(
          Cell{initial.is_weak() ? initial.to(initial.dtype()) : initial.detach(),
               Name(std::move(name))})) {}

Buffer::Cell& Buffer::cell() const {
  if (!cell_)
    fail<GraphError>("Buffer",
                     "this buffer is undefined; in a model, make it with buffer(name, initial)");
  return *cell_;
}

Buffer::operator const Tensor&() const { return cell_ ? cell_->current : no_tensor(); }
const Tensor& Buffer::tensor() const { return cell().current; }
std::string Buffer::name() const { return cell().name.str(); }
void Buffer::set_name(std::string name) const { set_name(Name(std::move(name))); }
void Buffer::set_name(const Name& name) const { cell().name = name; }

void Buffer::set(const Tensor& value) const {
  cell().current = fitting("Buffer::set", cell().name, tensor(), value);
}

void Buffer::to(Dtype dtype) const {
  if (is_floating(this->dtype()) && is_floating(dtype)) cell().current = tensor().to(dtype);
}

}  // namespace gradtape
