#include "gradtape/autograd/shape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "gradtape/autograd/error.hpp"

namespace gradtape {

void Shape::refuse(std::int64_t extent) const {
  if (ndim_ == max_ndim) fail<ShapeError>("Shape", "a tensor has at most 8 axes");
  fail<ShapeError>("Shape", fmt::format("extent {} of axis {} is negative", extent, ndim_));
}

void Shape::too_large(const char* op) const {
  fail<ShapeError>(op, fmt::format("{} has more elements than any memory holds", str()));
}

int Shape::axis(std::int64_t axis, const char* op) const {
  if (axis < -ndim_ || axis >= ndim_)
    fail<ShapeError>(op, fmt::format("axis {} is out of range for shape {}", axis, str()));
  return static_cast<int>(axis < 0 ? axis + ndim_ : axis);
}

std::string Shape::str() const { return fmt::format("[{}]", fmt::join(begin(), end(), ", ")); }

Shape broadcast(const Shape& a, const Shape& b, const char* op) {
  const bool a_longer = a.ndim() >= b.ndim();
  Shape out = a_longer ? a : b;
  const Shape& other = a_longer ? b : a;
  const int offset = out.ndim() - other.ndim();
  for (int i = 0; i < other.ndim(); ++i) {
    auto& extent = out[offset + i];
    if (extent == other[i] || other[i] == 1) continue;
    if (extent != 1)
      fail<ShapeError>(op, fmt::format("shapes {} and {} do not broadcast: axis {} is {} against "
                                       "{} (see docs/errors.md#shapes)",
                                       a.str(), b.str(), offset + i, extent, other[i]));
    extent = other[i];
  }
  return out;
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  if (from.ndim() > to.ndim()) return false;
  const int offset = to.ndim() - from.ndim();
  for (int i = 0; i < from.ndim(); ++i)
    if (from[i] != 1 && from[i] != to[offset + i]) return false;
  return true;
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.str(); }

}  // namespace gradtape
