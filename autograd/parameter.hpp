/// Parameter and Buffer: named variables that hold tensors.
#pragma once

#include <functional>
#include <string>

#include "gradtape/autograd/row_gradient.hpp"
#include "gradtape/autograd/tensor.hpp"
#include "gradtape/autograd/tensor/name.hpp"
#include "gradtape/autograd/tensor/shared.hpp"

namespace gradtape {

/// A named variable: a shared cell with the current value and its accumulated gradient. Copies are
/// handles to the same cell. Where a Tensor is expected it stands for its value, a leaf that keeps
/// its identity over updates.
///
/// An update writes in place when nobody else holds the elements and into fresh ones otherwise
/// (copy on write), so a graph recorded before the update still differentiates correctly.
class Parameter : by_argument::Base {
 public:
  Parameter() = default;
  /// Throws DtypeError unless floating.
  explicit Parameter(const Tensor& initial, std::string name = {});

  /// The current value, as tensor(); an undefined tensor where this is undefined.
  operator const Tensor&() const;
  /// The current value, a tracked leaf (untracked while frozen). This and what follows throws
  /// GraphError for an undefined parameter.
  const Tensor& tensor() const;
  /// Whether this is a handle to a variable at all.
  [[nodiscard]] bool defined() const { return static_cast<bool>(cell_); }
  /// What error messages and files call it.
  [[nodiscard]] std::string name() const;
  /// Renames the variable.
  void set_name(std::string name) const;
  /// The same, to a name that grows with what is above: modules give the full path
  /// ("encoder.0.weight") so.
  void set_name(const detail::Name& name) const;
  /// Row i of the current value, or what another index gives; see Tensor.
  [[nodiscard]] Tensor operator[](const Index& index) const { return tensor()[index]; }
  /// The extents of the current value.
  [[nodiscard]] Shape shape() const { return tensor().shape(); }
  /// Its element type.
  [[nodiscard]] Dtype dtype() const { return tensor().dtype(); }
  /// Its number of elements.
  [[nodiscard]] std::int64_t numel() const { return tensor().numel(); }

  /// The accumulated gradient; undefined before the first backward pass.
  [[nodiscard]] Tensor grad() const;
  /// Whether there is one.
  [[nodiscard]] bool has_grad() const;
  /// The accumulated gradient as the rows that it has, where all of it came from sparse lookups
  /// (EmbeddingOptions::sparse); undefined otherwise. grad() is the same as a whole.
  [[nodiscard]] RowGradient row_gradient() const;
  /// Drops the accumulated gradient.
  void zero_grad() const;
  /// Replaces the accumulated gradient, where there is one, by f of it, untracked and while no
  /// backward pass adds to it. A gradient that consists of rows stays so: f gets their values
  /// [k, d], and must give 0 for 0. Throws ShapeError, DtypeError when f changes shape or dtype.
  void map_grad(const std::function<Tensor(const Tensor&)>& f) const;
  /// Replaces the accumulated gradient, or makes it; an undefined one drops it. Throws ShapeError,
  /// DtypeError with the name where it is not the value's shape and dtype.
  void set_grad(const Tensor& gradient) const;
  /// The same by rows: what row_gradient() gives. Throws ShapeError with the name for what are no
  /// rows of the value, or for a value that is not [n, d]; ValueError for a row out of range.
  void set_grad(const RowGradient& rows) const;
  /// Replaces the value; shape and dtype must stay. Throws ShapeError, DtypeError with the name.
  void set(const Tensor& value) const;
  /// The elements for writing, in place where nobody else holds them, else in a fresh copy.
  void* mutable_raw() const;
  /// Converts value and gradient to another floating dtype.
  void to(Dtype dtype) const;
  /// A frozen parameter is not tracked: it gets no gradient, and optimizers skip it.
  void freeze(bool frozen = true) const;
  /// Whether it is frozen.
  [[nodiscard]] bool is_frozen() const;
  /// Whether both are handles to the same variable.
  friend bool operator==(const Parameter& a, const Parameter& b) { return a.cell_ == b.cell_; }
  /// The same for all handles to one variable, and for no other.
  const void* id() const { return cell_.get(); }

 private:
  struct Cell;
  Cell& cell() const;
  detail::Shared<Cell> cell_;
};

/// A named variable without a gradient, such as a running mean.
class Buffer {
 public:
  Buffer() = default;
  /// Of any dtype.
  explicit Buffer(const Tensor& initial, std::string name = {});
  /// The current value, as tensor(); an undefined tensor where this is undefined.
  operator const Tensor&() const;
  /// The current value, untracked. This and what follows throws GraphError for an undefined buffer.
  const Tensor& tensor() const;
  /// Whether this is a handle to a variable at all.
  [[nodiscard]] bool defined() const { return static_cast<bool>(cell_); }
  /// What error messages and files call it.
  [[nodiscard]] std::string name() const;
  /// Renames the variable.
  void set_name(std::string name) const;
  /// The same, to a name that grows with what is above.
  void set_name(const detail::Name& name) const;
  /// The extents of the current value.
  [[nodiscard]] Shape shape() const { return tensor().shape(); }
  /// Its element type.
  [[nodiscard]] Dtype dtype() const { return tensor().dtype(); }
  /// Replaces the value; shape and dtype must stay. Throws ShapeError, DtypeError with the name.
  void set(const Tensor& value) const;
  /// Converts a floating value to another floating dtype; leaves int64 and bool alone.
  void to(Dtype dtype) const;

 private:
  struct Cell;
  Cell& cell() const;
  detail::Shared<Cell> cell_;
};

}  // namespace gradtape
