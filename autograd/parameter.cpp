#include "gradtape/autograd/parameter.hpp"

#include <fmt/format.h>

#include <cstring>

#include "gradtape/autograd/node.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// What both kinds of variable demand of a new value.
Tensor fitting(const char* op, const std::string& name, const Tensor& current, const Tensor& value) {
  const Tensor v = value.is_weak() ? value.detach().to(current.dtype()) : value.detach();
  if (v.shape() != current.shape())
    fail<ShapeError>(op, fmt::format("'{}' is {}, the new value {}", name, current.shape().str(), v.shape().str()));
  if (v.dtype() != current.dtype())
    fail<DtypeError>(op, fmt::format("'{}' is {}, the new value {}; convert it with to({})", name,
                                     gradtape::name(current.dtype()), gradtape::name(v.dtype()),
                                     gradtape::name(current.dtype())));
  return v;
}

}  // namespace

struct Parameter::Cell {
  Tensor current;  // the value; with the leaf's node unless frozen
  Ref<Node> node;  // the leaf, which outlives every value

  void put(const Tensor& value) { current = Tensor(value.value_ref(), current.node_ref()); }
};

Parameter::Parameter(const Tensor& initial, std::string name) : cell_(std::make_shared<Cell>()) {
  cell_->current = initial.detach().requires_grad(std::move(name));
  cell_->node = cell_->current.node_ref();
}

const Tensor& Parameter::tensor() const {
  if (!cell_) fail<GraphError>("Parameter", "this parameter is undefined (default-constructed)");
  return cell_->current;
}

const std::string& Parameter::name() const { return tensor(), cell_->node->extra->name; }
void Parameter::set_name(std::string name) const { tensor(), cell_->node->extra->name = std::move(name); }
Tensor Parameter::grad() const { return Tensor(tensor().value_ref(), cell_->node).grad(); }
void Parameter::zero_grad() const { Tensor(tensor().value_ref(), cell_->node).zero_grad(); }

void Parameter::set(const Tensor& value) const { cell_->put(fitting("Parameter::set", name(), tensor(), value)); }

void* Parameter::mutable_raw() const {
  const Tensor& current = tensor();
  if (!is_unique(current)) {
    const Tensor fresh = empty(current.shape(), current.dtype());
    if (fresh.numel())
      std::memcpy(const_cast<void*>(fresh.raw()), current.raw(),
                  static_cast<std::size_t>(fresh.numel()) * size_of(fresh.dtype()));
    cell_->put(fresh);
  }
  return const_cast<void*>(cell_->current.raw());
}

void Parameter::to(Dtype dtype) const {
  if (dtype == this->dtype()) return;
  const Tensor old_grad = grad();
  const bool frozen = is_frozen();
  cell_->current = tensor().detach().to(dtype).requires_grad(name());
  cell_->node = cell_->current.node_ref();
  if (old_grad.defined()) cell_->node->extra->grad = old_grad.to(dtype);
  freeze(frozen);
}

void Parameter::freeze(bool frozen) const {
  cell_->current = Tensor(tensor().value_ref(), frozen ? Ref<Node>() : cell_->node);
}
bool Parameter::is_frozen() const { return !tensor().is_tracked(); }

struct Buffer::Cell {
  Tensor current;
  std::string name;
};

Buffer::Buffer(const Tensor& initial, std::string name) : cell_(std::make_shared<Cell>()) {
  cell_->current = initial.is_weak() ? initial.detach().to(initial.dtype()) : initial.detach();
  cell_->name = std::move(name);
}

const Tensor& Buffer::tensor() const {
  if (!cell_) fail<GraphError>("Buffer", "this buffer is undefined (default-constructed)");
  return cell_->current;
}
const std::string& Buffer::name() const { return tensor(), cell_->name; }
void Buffer::set_name(std::string name) const { tensor(), cell_->name = std::move(name); }
void Buffer::set(const Tensor& value) const { cell_->current = fitting("Buffer::set", name(), tensor(), value); }
void Buffer::to(Dtype dtype) const {
  if (is_floating(this->dtype()) && is_floating(dtype)) cell_->current = tensor().to(dtype);
}

}  // namespace gradtape
