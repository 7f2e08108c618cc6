/// What the reductions share; for ops/*.cpp only.
#pragma once

#include <array>

#include "gradtape/autograd/kernels/reduce.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/index.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape::detail {

/// A set of axes: bit i stands for axis i.
class AxisSet {
 public:
  AxisSet() = default;
  /// Throws ShapeError in the name of `op` for an axis out of range or given twice.
  AxisSet(const char* op, const Tensor& x, const Axes& axes);

  bool contains(int axis) const { return bits_ >> axis & 1; }
  void insert(int axis) { bits_ = static_cast<std::uint8_t>(bits_ | 1 << axis); }
  /// Whether these are the first axes, so that what is left of a shape without them broadcasts to
  /// it.
  bool leading() const { return (bits_ & (bits_ + 1)) == 0; }
  /// The elements of `shape` that are reduced to one.
  std::int64_t count(const Shape& shape) const;
  /// `shape` with these axes dropped, or kept with extent 1.
  Shape reduced(const Shape& shape, bool keepdim) const;
  /// A result without these axes given axes of extent 1 in their place.
  Tensor restore(const Tensor& reduced) const;

 private:
  std::uint8_t bits_ = 0;
};

/// Puts the axes of a reduction's result back, so that it broadcasts to the input's shape.
struct Restore {
  Restore(AxisSet axes, bool keepdim) : axes(axes), in_place(keepdim || axes.leading()) {}
  Tensor operator()(const Tensor& y) const { return in_place ? y : axes.restore(y); }

  AxisSet axes;
  bool in_place;
};

/// x with the axes joined, row-major, into a new last one.
Tensor joined_last(const Tensor& x, AxisSet axes);

/// Throws ShapeError where some result would be reduced from nothing.
void need_elements(const char* op, const Tensor& x, AxisSet axes);

/// The runs of neighbouring axes to be reduced, innermost first: one kernel call each, applied to
/// the result of the one before.
struct Folds {
  Folds(const Shape& shape, AxisSet axes);

  std::array<AxisView, max_ndim> list;
  int count = 0;
};

/// Reduces x over `axes` to `shape`; kernel(const T* or const Out*, Out*, AxisView) reduces one run
/// of axes.
template <class T, class Out, class Kernel>
Tensor reduce(const Tensor& x, AxisSet axes, const Shape& shape, Kernel kernel) {
  const Folds folds(x.shape(), axes);
  const auto run = [&](const auto* from, int i) {
    const auto& view = folds.list[static_cast<std::size_t>(i)];
    const bool last = i + 1 == folds.count;
    Tensor y = empty(last ? shape : Shape{view.outer, view.inner}, dtype_of<Out>);
    kernel(from, mutable_data<Out>(y), view);
    return y;
  };
  Tensor y = run(static_cast<const T*>(x.raw()), 0);
  for (int i = 1; i < folds.count; ++i) y = run(static_cast<const Out*>(y.raw()), i);
  return y;
}

}  // namespace gradtape::detail
