// Products of vectors and tensors, composed of matmul, broadcasting products and reshapes.

#include "gradtape/autograd/ops/matmul.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/detail/strided.hpp"
#include "gradtape/autograd/ops/index.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

using namespace detail;

namespace {

void need_one_dtype(const char* op, const Tensor& a, const Tensor& b) {
  Tensor x = a, y = b;
  promote_literals(x, y, op);
}

void need_vectors(const char* op, const Tensor& a, const Tensor& b) {
  need_one_dtype(op, a, b);
  if (a.ndim() != 1 || b.ndim() != 1)
    fail<ShapeError>(op, fmt::format("needs two vectors, got {} and {}", describe(a), describe(b)));
}

/// The axes counted from the front; throws for one out of range or given twice.
std::vector<std::int64_t> from_front(const Tensor& x, const IntegerList& axes) {
  std::vector<std::int64_t> found;
  for (auto axis : axes) {
    found.push_back(x.shape().axis(axis, "tensordot"));
    if (std::count(found.begin(), found.end(), found.back()) > 1)
      fail<ShapeError>("tensordot", fmt::format("axis {} of {} is given twice", axis, describe(x)));
  }
  return found;
}

/// x with `axes` moved to the front or to the end and joined, the others joined, as a matrix; the
/// extents of the others go to `kept`.
Tensor folded(const Tensor& x, const IntegerList& axes, bool to_front, Shape& kept) {
  std::vector<std::int64_t> order;
  std::int64_t inner = 1, outer = 1;
  for (std::int64_t axis = 0; axis < x.ndim(); ++axis)
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) {
      order.push_back(axis);
      kept.push_back(x.size(axis));
      outer *= x.size(axis);
    }
  for (auto axis : axes) inner *= x.size(axis);
  order.insert(to_front ? order.begin() : order.end(), axes.begin(), axes.end());
  return reshape(permute(x, order), to_front ? Shape{inner, outer} : Shape{outer, inner});
}

}  // namespace

Tensor bmm(const Tensor& a, const Tensor& b) {
  need_defined("bmm", a, "a");
  need_defined("bmm", b, "b");
  need_one_dtype("bmm", a, b);
  if (a.ndim() != 3 || b.ndim() != 3 || a.size(0) != b.size(0))
    fail<ShapeError>("bmm", fmt::format("needs [b, n, k] and [b, k, m], got {} and {}", describe(a),
                                        describe(b)));
  return matmul(a, b);
}

Tensor dot(const Tensor& a, const Tensor& b) {
  need_vectors("dot", a, b);
  return matmul(a, b);
}

Tensor outer(const Tensor& a, const Tensor& b) {
  need_vectors("outer", a, b);
  return unsqueeze(a, 1) * b;
}

Tensor tensordot(const Tensor& a, const Tensor& b, int count) {
  need_defined("tensordot", a, "a");
  need_defined("tensordot", b, "b");
  if (count < 0 || count > a.ndim() || count > b.ndim())
    fail<ShapeError>("tensordot", fmt::format("cannot sum over {} axes of {} and {}", count,
                                              describe(a), describe(b)));
  std::vector<std::int64_t> last, first;
  for (int i = 0; i < count; ++i) {
    last.push_back(a.ndim() - count + i);
    first.push_back(i);
  }
  return tensordot(a, b, last, first);
}

Tensor tensordot(const Tensor& a, const Tensor& b, const IntegerList& axes_a,
                 const IntegerList& axes_b) {
  need_one_dtype("tensordot", a, b);
  if (axes_a.size() != axes_b.size())
    fail<ShapeError>("tensordot", fmt::format("{} axes of {} cannot meet {} of {}", axes_a.size(),
                                              describe(a), axes_b.size(), describe(b)));
  const auto of_a = from_front(a, axes_a), of_b = from_front(b, axes_b);
  for (std::size_t i = 0; i < of_a.size(); ++i)
    if (a.size(of_a[i]) != b.size(of_b[i]))
      fail<ShapeError>("tensordot", fmt::format("axis {} of {} and axis {} of {} differ", axes_a[i],
                                                describe(a), axes_b[i], describe(b)));
  Shape shape;
  const Tensor left = folded(a, of_a, false, shape), right = folded(b, of_b, true, shape);
  return reshape(matmul(left, right), shape);
}

Tensor kron(const Tensor& a, const Tensor& b) {
  need_defined("kron", a, "a");
  need_defined("kron", b, "b");
  need_one_dtype("kron", a, b);
  const int ndim = std::max(a.ndim(), b.ndim());
  if (2 * ndim > max_ndim)
    fail<ShapeError>("kron", fmt::format("needs at most {} axes, got {} and {}", max_ndim / 2,
                                         describe(a), describe(b)));
  Shape of_a, of_b, shape;  // every axis of the result as one of a and one of b
  for (int axis = 0; axis < ndim; ++axis) {
    const int i = axis - (ndim - a.ndim()), j = axis - (ndim - b.ndim());
    const auto n = i < 0 ? 1 : a.size(i), m = j < 0 ? 1 : b.size(j);
    of_a.push_back(n);
    of_a.push_back(1);
    of_b.push_back(1);
    of_b.push_back(m);
    shape.push_back(extent_product("kron", n, m, a));
  }
  return reshape(reshape(a, of_a) * reshape(b, of_b), shape);
}

Tensor cross(const Tensor& a, const Tensor& b, std::int64_t axis) {
  need_defined("cross", a, "a");
  need_defined("cross", b, "b");
  need_one_dtype("cross", a, b);
  const int of_a = a.shape().axis(axis, "cross"), of_b = b.shape().axis(axis, "cross");
  if (a.size(of_a) != 3 || b.size(of_b) != 3)
    fail<ShapeError>("cross", fmt::format("axis {} must have extent 3, got {} and {}", axis,
                                          describe(a), describe(b)));
  if (a.ndim() - of_a != b.ndim() - of_b)
    fail<ShapeError>("cross", fmt::format("axis {} of {} and {} is not the same: count it from the "
                                          "end",
                                          axis, describe(a), describe(b)));
  const auto turn = [](const Tensor& x, int along, std::int64_t by) {
    return index_select(x, along,
                        tensor(std::vector<std::int64_t>{by, (by + 1) % 3, (by + 2) % 3}));
  };
  return turn(a, of_a, 1) * turn(b, of_b, 2) - turn(a, of_a, 2) * turn(b, of_b, 1);
}

}  // namespace gradtape
