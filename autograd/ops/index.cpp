#include "gradtape/autograd/ops/index.hpp"

#include <fmt/format.h>

#include <cstring>

#include "gradtape/autograd/kernels/index.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/detail/index.hpp"
#include "gradtape/autograd/ops/detail/slice.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// x's shape seen from `axis`, whose extent is that of the indexed tensor.
kernels::Indexing around(const Shape& shape, int axis, std::int64_t extent,
                         const std::int64_t* index) {
  return {axis_view(shape, axis), extent, index};
}

void need_vector(const char* op, const Tensor& index) {
  if (index.ndim() != 1)
    fail<ShapeError>(
        op, fmt::format("the index must have one axis, got {}; flatten it first", describe(index)));
}

/// Throws unless index's shape is that of the indexed tensor, but free along `axis` and at most as
/// large elsewhere.
void need_alike(const char* op, const Shape& indexed, int axis, const Tensor& index) {
  const Shape shape = index.shape();
  bool fits = shape.ndim() == indexed.ndim();
  for (int i = 0; fits && i < shape.ndim(); ++i) fits = i == axis || shape[i] <= indexed[i];
  if (!fits)
    fail<ShapeError>(
        op, fmt::format("index {} must have as many axes as {}, and be no larger off axis {}",
                        describe(index), indexed.str(), axis));
}

/// Calls f with x's elements. Throws where they cannot be added.
template <class F> void visit_sums(const char* op, const Tensor& x, F f) {
  if (x.dtype() == bool_) fail<DtypeError>(op, "does not add bools; convert with to(int64)");
  if (x.dtype() == int64) return f(x.data<std::int64_t>().data());
  visit_floating(x.dtype(), op, [&](auto zero) { f(x.data<decltype(zero)>().data()); });
}

Tensor fresh_copy(const Tensor& x) {
  const Tensor y = empty(x.shape(), x.dtype());
  if (x.numel())
    std::memcpy(mutable_data<void>(y), x.raw(),
                static_cast<std::size_t>(x.numel()) * size_of(x.dtype()));
  return y;
}

}  // namespace

namespace detail {

namespace {

const std::int64_t* index_from(const char* op, const Tensor& index, std::int64_t lowest,
                               std::int64_t extent) {
  if (index.dtype() != int64)
    fail<DtypeError>(op, fmt::format("the index must be int64, got {}; convert it with to(int64)",
                                     name(index.dtype())));
  const auto given = index.data<std::int64_t>();
  std::uint64_t farthest = 0;  // above the lowest; what is below it wraps around
#pragma omp simd reduction(max : farthest)
  for (std::size_t k = 0; k < given.size(); ++k)
    farthest = std::max(farthest,
                        static_cast<std::uint64_t>(given[k]) - static_cast<std::uint64_t>(lowest));
  const bool fits = given.empty() || farthest < static_cast<std::uint64_t>(extent - lowest);
  for (std::size_t k = 0; !fits && k < given.size(); ++k)
    if (given[k] < lowest || given[k] >= extent)
      fail<ValueError>(
          op, fmt::format("index {} at position {} of {} is out of range for an extent of {}{}",
                          given[k], k, describe(index), extent,
                          given[k] < 0 && lowest == 0 ? "; here none counts from the end" : ""));
  return given.data();
}

}  // namespace

const std::int64_t* checked_index(const char* op, const Tensor& index, std::int64_t extent) {
  return index_from(op, index, -extent, extent);
}

const std::int64_t* checked_label(const char* op, const Tensor& index, std::int64_t extent) {
  return index_from(op, index, 0, extent);
}

Tensor index_select_backward(const Tensor& g, std::int64_t axis, const Tensor& index,
                             std::int64_t extent) {
  need_defined("index_select_backward", g, "g");
  need_defined("index_select_backward", index, "index");
  Shape shape = g.shape();
  const int a = shape.axis(axis, "index_select");
  const auto at = around(shape, a, extent, index.data<std::int64_t>().data());
  shape[a] = extent;
  const Tensor y = empty(shape, g.dtype());
  visit_sums("index_select", g,
             [&]<class T>(const T* from) { kernels::index_sum(from, mutable_data<T>(y), at); });
  return record("index_select_backward", y, {g},
                {[a, index](const Tensor& c) { return index_select(c, a, index); }});
}

Tensor gather_backward(const Tensor& g, std::int64_t axis, const Tensor& index,
                       const Shape& shape) {
  need_defined("gather_backward", g, "g");
  need_defined("gather_backward", index, "index");
  const Shape own = g.shape();
  const int a = shape.axis(axis, "gather");
  const auto at = around(own, a, shape[a], index.data<std::int64_t>().data());
  Shape filled = own;  // what lies beyond it along the other axes stays zero
  filled[a] = shape[a];
  Tensor y = empty(filled, g.dtype());
  visit_sums("gather", g,
             [&]<class T>(const T* from) { kernels::scatter_sum(from, mutable_data<T>(y), at); });
  y = record("gather_backward", y, {g},
             {[a, index](const Tensor& c) { return gather(c, a, index); }});
  for (int i = 0; i < own.ndim(); ++i)
    if (i != a && own[i] < shape[i]) y = slice_backward(y, i, shape[i], 0, 1);
  return y;
}

}  // namespace detail

Tensor index_select(const Tensor& x, std::int64_t axis, const Tensor& index) {
  need_defined("index_select", x, "x");
  Shape shape = x.shape();
  const int a = shape.axis(axis, "index_select");
  const auto extent = shape[a];
  need_vector("index_select", index);
  const auto* const rows = checked_index("index_select", index, extent);
  shape[a] = index.numel();
  const Tensor y = empty(shape, x.dtype());
  if (y.numel())
    kernels::index_select(x.raw(), mutable_data<void>(y), size_of(x.dtype()),
                          around(shape, a, extent, rows));
  return record("index_select", y, {x}, {[a, extent, index](const Tensor& g) {
                  return index_select_backward(g, a, index, extent);
                }});
}

Tensor index_add(const Tensor& given, std::int64_t axis, const Tensor& index, const Tensor& added) {
  Tensor x = given, source = added;
  promote_literals(x, source, "index_add");
  const Shape own = x.shape();
  const int a = own.axis(axis, "index_add");
  need_vector("index_add", index);
  Shape rows = own;
  rows[a] = index.numel();
  if (source.shape() != rows)
    fail<ShapeError>("index_add",
                     fmt::format("{} indices along axis {} of {} need a source {}, got {}",
                                 index.numel(), axis, describe(x), rows.str(), describe(source)));
  const auto at = around(rows, a, own[a], checked_index("index_add", index, own[a]));
  const Tensor y = fresh_copy(x);
  visit_sums("index_add", source,
             [&]<class T>(const T* from) { kernels::index_add(from, mutable_data<T>(y), at); });
  return record("index_add", y, {x, source},
                {[](const Tensor& g) { return g; },
                 [a, index](const Tensor& g) { return index_select(g, a, index); }});
}

Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& index) {
  need_defined("gather", x, "x");
  need_defined("gather", index, "index");
  const Shape own = x.shape(), shape = index.shape();
  const int a = own.axis(axis, "gather");
  need_alike("gather", own, a, index);
  const auto* const elements = checked_index("gather", index, own[a]);
  for (int i = 0; i < own.ndim(); ++i)
    if (i != a && shape[i] < own[i]) return gather(slice(x, i, 0, shape[i]), a, index);
  const Tensor y = empty(shape, x.dtype());
  if (y.numel())
    kernels::gather(x.raw(), mutable_data<void>(y), size_of(x.dtype()),
                    around(shape, a, own[a], elements));
  return record("gather", y, {x},
                {[a, own, index](const Tensor& g) { return gather_backward(g, a, index, own); }});
}

namespace {

/// Whether index is smaller than x off the axis.
bool is_ragged(const Shape& own, int axis, const Tensor& index) {
  bool ragged = false;
  for (int i = 0; i < own.ndim(); ++i) ragged = ragged || (i != axis && index.shape()[i] < own[i]);
  return ragged;
}

using Scatter = Tensor (*)(const char*, const Tensor&, std::int64_t, const Tensor&, const Tensor&);

/// A scatter into x flattened, by the positions that gather would read.
Tensor scatter_flat(Scatter f, const char* op, const Tensor& x, int axis, const Tensor& index,
                    const Tensor& source) {
  const Tensor places = gather(reshape(arange(x.numel()), x.shape()), axis, index);
  const Shape flat{places.numel()};
  return reshape(f(op, reshape(x, {x.numel()}), 0, reshape(places, flat), reshape(source, flat)),
                 x.shape());
}

/// Where scatter's value is the one that stays: the last for its place.
Tensor stays(const Shape& shape, int axis, const Tensor& index) {
  const auto inside = RecordingScope::inside_op();
  const Tensor order = reshape(arange(index.numel()), index.shape());
  return gather(scatter(full(shape, -1, int64), axis, index, order), axis, index) == order;
}

/// What a scatter works on: tensors of one dtype, the source of the index's shape.
struct ScatterOperands {
  Tensor x, source;
  int axis;
  const std::int64_t* places;  // the checked elements of the index
  bool ragged;
};
ScatterOperands scatter_operands(const char* op, Tensor x, std::int64_t axis, const Tensor& index,
                                 Tensor source) {
  promote_literals(x, source, op);
  const Shape own = x.shape();
  const int a = own.axis(axis, op);
  need_alike(op, own, a, index);
  source = detail::scatter_source(op, source, index);
  const auto* const places = checked_index(op, index, own[a]);
  return {std::move(x), std::move(source), a, places, is_ragged(own, a, index)};
}

}  // namespace

namespace detail {

Tensor scatter_source(const char* op, const Tensor& source, const Tensor& index) {
  const Shape shape = index.shape();
  if (source.ndim() == 0) return expand(source, shape);
  bool fits = source.ndim() == shape.ndim();
  for (int i = 0; fits && i < shape.ndim(); ++i) fits = shape[i] <= source.shape()[i];
  if (!fits)
    fail<ShapeError>(op, fmt::format("source {} must be a scalar or as large as index {}",
                                     describe(source), describe(index)));
  Tensor y = source;
  for (int i = 0; i < shape.ndim(); ++i) y = slice(y, i, 0, shape[i]);
  return y;
}

Tensor scatter_add_as(const char* op, const Tensor& given, std::int64_t axis, const Tensor& index,
                      const Tensor& added) {
  const auto operands = scatter_operands(op, given, axis, index, added);
  const Tensor &x = operands.x, &source = operands.source;
  const int a = operands.axis;
  if (operands.ragged) return scatter_flat(scatter_add_as, op, x, a, index, source);
  const Tensor y = fresh_copy(x);
  const auto at = around(index.shape(), a, x.shape()[a], operands.places);
  visit_sums(op, source,
             [&]<class T>(const T* from) { kernels::scatter_add(from, mutable_data<T>(y), at); });
  return record(op, y, {x, source},
                {[](const Tensor& g) { return g; },
                 [a, index](const Tensor& g) { return gather(g, a, index); }});
}

Tensor scatter_as(const char* op, const Tensor& given, std::int64_t axis, const Tensor& index,
                  const Tensor& written) {
  const auto operands = scatter_operands(op, given, axis, index, written);
  const Tensor &x = operands.x, &source = operands.source;
  const Shape own = x.shape();
  const int a = operands.axis;
  if (operands.ragged) return scatter_flat(scatter_as, op, x, a, index, source);
  const Tensor y = fresh_copy(x);
  kernels::scatter(source.raw(), mutable_data<void>(y), size_of(x.dtype()),
                   around(index.shape(), a, own[a], operands.places));
  return record(op, y, {x, source},
                {[op, a, index](const Tensor& g) { return scatter_as(op, g, a, index, 0); },
                 [own, a, index](const Tensor& g) {
                   return where(stays(own, a, index), gather(g, a, index), 0);
                 }});
}

}  // namespace detail

Tensor scatter(const Tensor& x, std::int64_t axis, const Tensor& index, const Tensor& source) {
  return scatter_as("scatter", x, axis, index, source);
}

Tensor scatter_add(const Tensor& x, std::int64_t axis, const Tensor& index, const Tensor& source) {
  return scatter_add_as("scatter_add", x, axis, index, source);
}

Tensor take_along(const Tensor& x, std::int64_t axis, const Tensor& index) {
  need_defined("take_along", x, "x");
  need_defined("take_along", index, "index");
  Shape own = x.shape(), wanted = index.shape();
  const int a = own.axis(axis, "take_along");
  if (own.ndim() != wanted.ndim())
    fail<ShapeError>("take_along", fmt::format("index {} must have as many axes as {}",
                                               describe(index), describe(x)));
  const auto extent = own[a], count = wanted[a];
  own[a] = wanted[a] = 1;
  Shape shape = broadcast(own, wanted, "take_along");
  shape[a] = extent;
  const Tensor from = expand(x, shape);
  shape[a] = count;
  return gather(from, a, expand(index, shape));
}

}  // namespace gradtape
