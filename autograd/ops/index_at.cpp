#include "gradtape/autograd/ops/index.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/detail/index.hpp"
#include "gradtape/autograd/ops/detail/strided.hpp"
#include "gradtape/autograd/runtime/work.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// An index tensor and the axis of the view that it indexes.
struct Advanced {
  int axis;
  Tensor index;
};

/// Goes through the indices of x[...]: integers, ranges and new axes make a view; tensors index
/// whole axes of that view.
class Subscript {
 public:
  Subscript(const char* op, const Tensor& x, const std::vector<Index>& indices)
      : op_(op), x_(x), own_(x.shape()), strides_(strides_of(own_)) {
    const int rest = own_.ndim() - consumed(indices);
    if (rest < 0)
      fail<ShapeError>(op, fmt::format("{} indices for the {} axes of {}", consumed(indices),
                                       own_.ndim(), describe(x)));
    for (const auto& index : indices) {
      if (index.get_if<Ellipsis>())
        take_whole(rest);
      else if (index.get_if<Newaxis>())
        view.push_back(1, 0);
      else if (const auto* i = index.get_if<std::int64_t>())
        take_row(*i);
      else if (const auto* range = index.get_if<Range>())
        take_range(*range);
      else
        take_tensor(*index.get_if<Tensor>());
    }
    take_whole(own_.ndim() - axis_);
  }

  View view;
  std::vector<Advanced> advanced;

 private:
  /// The number of x's axes that the indices stand for.
  int consumed(const std::vector<Index>& indices) const {
    int count = 0, ellipses = 0;
    for (const auto& index : indices) {
      const auto* tensor = index.get_if<Tensor>();
      ellipses += index.get_if<Ellipsis>() != nullptr;
      if (tensor && tensor->dtype() != int64 && tensor->dtype() != bool_)
        fail<DtypeError>(op_, fmt::format("an index must be int64 or bool, got {}; convert it with "
                                          "to(int64)",
                                          name(tensor->dtype())));
      if (tensor && tensor->dtype() == bool_)
        count += tensor->ndim();
      else
        count += !index.get_if<Ellipsis>() && !index.get_if<Newaxis>();
    }
    if (ellipses > 1) fail<ShapeError>(op_, "only one index may be an ellipsis");
    return count;
  }

  std::int64_t stride() const { return strides_[static_cast<std::size_t>(axis_)]; }

  void take_whole(int count) {
    for (; count > 0; --count, ++axis_) view.push_back(own_[axis_], stride());
  }

  void take_row(std::int64_t i) {
    const auto extent = own_[axis_];
    if (i < -extent || i >= extent)
      fail<ValueError>(
          op_, fmt::format("index {} is out of range for axis {} of {}", i, axis_, describe(x_)));
    view.offset += (i < 0 ? i + extent : i) * stride();
    ++axis_;
  }

  void take_range(Range range) {
    if (range.step < 1)
      fail<ValueError>(op_,
                       fmt::format("the step of a range must be at least 1, got {}{}", range.step,
                                   range.step < 0 ? "; to walk backwards, flip first" : ""));
    const auto extent = own_[axis_];
    const auto bound = [&](std::int64_t i) {
      return std::clamp<std::int64_t>(i < 0 ? i + extent : i, 0, extent);
    };
    const auto start = bound(range.start), stop = bound(range.stop);
    const auto count = stop > start ? (stop - start - 1) / range.step + 1 : 0;
    view.offset += count ? start * stride() : 0;
    view.push_back(count, count > 1 ? stride() * range.step : stride());
    ++axis_;
  }

  void take_tensor(const Tensor& index) {
    if (index.dtype() == int64) {
      advanced.push_back({view.shape.ndim(), index});
      return take_whole(1);
    }
    for (int i = 0; i < index.ndim(); ++i)
      if (index.shape()[i] != own_[axis_ + i])
        fail<ShapeError>(op_, fmt::format("the mask {} does not fit the axes from {} on of {}",
                                          describe(index), axis_, describe(x_)));
    const Tensor places = nonzero(index);
    if (index.ndim() == 0) {  // a new axis that is there or not
      advanced.push_back({view.shape.ndim(), zeros({places.size(0)}, int64)});
      view.push_back(1, 0);
    }
    for (int i = 0; i < index.ndim(); ++i) {
      advanced.push_back({view.shape.ndim(), select(places, 1, i)});
      take_whole(1);
    }
  }

  const char* op_;
  const Tensor& x_;
  Shape own_;
  Strides strides_;
  int axis_ = 0;
};

/// The indices of several axes as one index into these axes joined.
Tensor joined_index(const char* op, const Shape& shape, const std::vector<Advanced>& advanced,
                    const Shape& result) {
  std::vector<std::int64_t> joined(static_cast<std::size_t>(result.numel()));
  for (const auto& [axis, index] : advanced) {
    const auto extent = shape[axis];
    checked_index(op, index, extent);
    const Tensor spread = expand(index, result);
    const auto given = spread.data<std::int64_t>();
    count_work(2 * result.numel(), 24 * result.numel());
    for (std::size_t k = 0; k < joined.size(); ++k)
      joined[k] = joined[k] * extent + (given[k] < 0 ? given[k] + extent : given[k]);
  }
  return tensor(joined);
}

/// x[..., i, j, ...] for tensors i, j: the axes that they index become one, which they index
/// together.
Tensor index_together(const char* op, const Tensor& given, const std::vector<Advanced>& advanced) {
  Tensor x = given;
  Shape common;
  for (const auto& part : advanced) common = broadcast(common, part.index.shape(), op);
  const Tensor index = joined_index(op, x.shape(), advanced, common);
  const int count = static_cast<int>(advanced.size());
  int first = advanced[0].axis;
  if (advanced.back().axis - first != count - 1) {
    std::vector<std::int64_t> from, to;
    for (int i = 0; i < count; ++i) {
      from.push_back(advanced[static_cast<std::size_t>(i)].axis);
      to.push_back(i);
    }
    x = movedim(x, from, to);
    first = 0;
  }
  const Shape own = x.shape();
  Shape joined, result;
  std::int64_t extent = 1;
  for (int axis = 0; axis < own.ndim(); ++axis) {
    const bool inside = axis >= first && axis < first + count;
    if (inside) extent *= own[axis];
    if (axis == first + count - 1) {
      joined.push_back(extent);
      for (auto e : common) result.push_back(e);
    }
    if (inside) continue;
    joined.push_back(own[axis]);
    result.push_back(own[axis]);
  }
  return reshape(index_select(reshape(x, joined), first, index), result);
}

Tensor read(const char* op, const Tensor& x, const std::vector<Index>& indices) {
  const Subscript subscript(op, x, indices);
  const bool all = subscript.view.shape == x.shape();
  const Tensor y = all ? x : read_view("at", x, subscript.view);
  return subscript.advanced.empty() ? y : index_together(op, y, subscript.advanced);
}

}  // namespace

Tensor at(const Tensor& x, const IndexList& indices) { return read("at", x, indices.list); }

Tensor Tensor::operator[](const Index& index) const { return at(*this, index); }

Tensor index_put(const Tensor& given, const IndexList& indices, const Tensor& put_values,
                 IndexPutOptions options) {
  Tensor x = given, values = put_values;
  promote_literals(x, values, "index_put");
  const Tensor places = read("index_put", reshape(arange(x.numel()), x.shape()), indices.list);
  if (!broadcasts_to(values.shape(), places.shape()))
    fail<ShapeError>("index_put", fmt::format("values {} do not broadcast to the indexed {}",
                                              describe(values), places.shape().str()));
  const Shape flat{places.numel()};
  const Tensor source = reshape(expand(values, places.shape()), flat);
  const auto put = options.accumulate ? scatter_add_as : scatter_as;
  return reshape(put("index_put", reshape(x, {x.numel()}), 0, reshape(places, flat), source),
                 x.shape());
}

}  // namespace gradtape
