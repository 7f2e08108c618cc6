#include "gradtape/autograd/kernels/index.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/ops/detail/slice.hpp"
#include "gradtape/autograd/ops/index.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// Throws unless `index` holds int64 in [-extent, extent).
const std::int64_t* checked(const char* op, const Tensor& index, std::int64_t extent) {
  if (index.dtype() != int64)
    fail<DtypeError>(op, fmt::format("the index must be int64, got {}; convert it with to(int64)",
                                     name(index.dtype())));
  const auto given = index.data<std::int64_t>();
  bool fits = true;
  for (auto i : given) fits = fits && i >= -extent && i < extent;
  for (std::size_t k = 0; !fits && k < given.size(); ++k)
    if (given[k] < -extent || given[k] >= extent)
      fail<ValueError>(
          op, fmt::format("index {} at position {} of {} is out of range for an extent of {}",
                          given[k], k, describe(index), extent));
  return given.data();
}

/// x's shape seen from `axis`, whose extent is that of the indexed tensor.
kernels::Indexing around(const Shape& shape, int axis, std::int64_t extent,
                         const std::int64_t* index) {
  kernels::Indexing at{1, extent, shape[axis], 1, index};
  for (int i = 0; i < axis; ++i) at.outer *= shape[i];
  for (int i = axis + 1; i < shape.ndim(); ++i) at.inner *= shape[i];
  return at;
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

/// A sum of rows or elements of x in zeros of `shape`.
template <class Kernel>
Tensor add_into_zeros(const char* op, const Tensor& x, const Shape& shape, Kernel kernel) {
  if (x.dtype() == bool_) fail<DtypeError>(op, "does not add bools; convert with to(int64)");
  const Tensor y = zeros(shape, x.dtype());
  if (x.dtype() == int64)
    kernel(x.data<std::int64_t>().data(), mutable_data<std::int64_t>(y));
  else
    visit_floating(x.dtype(), op, [&](auto zero) {
      kernel(x.data<decltype(zero)>().data(), mutable_data<decltype(zero)>(y));
    });
  return y;
}

}  // namespace

Tensor index_select(const Tensor& x, std::int64_t axis, const Tensor& index) {
  Shape shape = x.shape();
  const int a = shape.axis(axis, "index_select");
  const auto extent = shape[a];
  need_vector("index_select", index);
  const auto* const rows = checked("index_select", index, extent);
  shape[a] = index.numel();
  const Tensor y = empty(shape, x.dtype());
  if (y.numel())
    kernels::index_select(x.raw(), mutable_data<void>(y), size_of(x.dtype()),
                          around(shape, a, extent, rows));
  return record("index_select", y, {x},
                {[a, extent, index](const Tensor& g) { return index_add(g, a, index, extent); }});
}

Tensor index_add(const Tensor& x, std::int64_t axis, const Tensor& index, std::int64_t extent) {
  Shape shape = x.shape();
  const int a = shape.axis(axis, "index_add");
  need_vector("index_add", index);
  if (extent < 0)
    fail<ShapeError>("index_add", fmt::format("the extent must not be negative, got {}", extent));
  if (index.numel() != shape[a])
    fail<ShapeError>("index_add", fmt::format("{} indices for the {} rows along axis {} of {}",
                                              index.numel(), shape[a], axis, describe(x)));
  const auto at = around(shape, a, extent, checked("index_add", index, extent));
  shape[a] = extent;
  const Tensor y = add_into_zeros(
      "index_add", x, shape, [&](const auto* from, auto* to) { kernels::index_add(from, to, at); });
  return record("index_add", y, {x},
                {[a, index](const Tensor& g) { return index_select(g, a, index); }});
}

Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& index) {
  const Shape own = x.shape(), shape = index.shape();
  const int a = own.axis(axis, "gather");
  need_alike("gather", own, a, index);
  const auto* const elements = checked("gather", index, own[a]);
  for (int i = 0; i < own.ndim(); ++i)
    if (i != a && shape[i] < own[i]) return gather(slice(x, i, 0, shape[i]), a, index);
  const Tensor y = empty(shape, x.dtype());
  if (y.numel())
    kernels::gather(x.raw(), mutable_data<void>(y), size_of(x.dtype()),
                    around(shape, a, own[a], elements));
  return record("gather", y, {x},
                {[a, own, index](const Tensor& g) { return scatter_add(g, a, index, own); }});
}

Tensor scatter_add(const Tensor& x, std::int64_t axis, const Tensor& index, const Shape& shape) {
  const Shape own = x.shape();
  const int a = shape.axis(axis, "scatter_add");
  need_alike("scatter_add", shape, a, index);
  if (own != index.shape())
    fail<ShapeError>("scatter_add", fmt::format("x {} and index {} must have one shape",
                                                describe(x), describe(index)));
  const auto at = around(own, a, shape[a], checked("scatter_add", index, shape[a]));
  Shape filled = own;  // what lies beyond it along the other axes stays zero
  filled[a] = shape[a];
  Tensor y = add_into_zeros("scatter_add", x, filled, [&](const auto* from, auto* to) {
    kernels::scatter_add(from, to, at);
  });
  y = record("scatter_add", y, {x}, {[a, index](const Tensor& g) { return gather(g, a, index); }});
  for (int i = 0; i < own.ndim(); ++i)
    if (i != a && own[i] < shape[i]) y = slice_backward(y, i, shape[i], 0, 1);
  return y;
}

Tensor one_hot(const Tensor& index, std::int64_t classes, Dtype dtype) {
  if (classes < 1)
    fail<ValueError>("one_hot", fmt::format("needs at least one class, got {}", classes));
  const auto* const hot = checked("one_hot", index, classes);
  Shape shape = index.shape();
  shape.push_back(classes);
  const Tensor y = zeros(shape, dtype);
  visit_dtype(dtype, [&](auto zero) {
    auto* const to = mutable_data<decltype(zero)>(y);
    for (std::int64_t i = 0; i < index.numel(); ++i)
      to[i * classes + (hot[i] < 0 ? hot[i] + classes : hot[i])] = 1;
  });
  return record("one_hot", y, {}, {});
}

}  // namespace gradtape
