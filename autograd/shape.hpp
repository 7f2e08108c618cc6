/// Shape: the extents of a tensor, held in place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>

#include "gradtape/autograd/integer_list.hpp"

namespace gradtape {

/// Tensors have at most this many axes.
inline constexpr int max_ndim = 8;

/// The extents of a tensor, outermost first; 0 to 8 axes, each extent >= 0. Where a function infers
/// or keeps an extent (reshape, expand) it may be given as -1.
///
/// Made from integers of any types, `{2, n}`, or one of them, `5`, or from a vector, array or span;
/// see IntegerList. Throws ShapeError for more than 8 axes or an extent below -1.
class Shape {
 public:
  Shape() = default;
  template <detail::AnyInteger... I>
    requires(sizeof...(I) > 0)
  Shape(I... extents) {
    (push_back(detail::to_int64(extents)), ...);
  }
  template <detail::IntegerRange R> Shape(const R& extents) {
    for (const auto extent : extents) push_back(detail::to_int64(extent));
  }

  /// The same of `ndim` extents without a check, for extents that are already those of a tensor.
  static Shape trusted(const std::int64_t* extents, int ndim) {
    Shape shape;
    shape.ndim_ = ndim;
    for (int i = 0; i < ndim; ++i) shape[i] = extents[i];
    return shape;
  }

  /// The number of axes, 0 to 8.
  [[nodiscard]] int ndim() const { return ndim_; }
  /// The extent of an axis in [0, ndim), which is not checked.
  [[nodiscard]] std::int64_t operator[](int axis) const {
    return extents_[static_cast<std::size_t>(axis)];
  }
  /// The same for writing.
  std::int64_t& operator[](int axis) { return extents_[static_cast<std::size_t>(axis)]; }
  const std::int64_t* begin() const { return extents_.data(); }
  const std::int64_t* end() const { return extents_.data() + ndim_; }
  /// The last extent; of no 0-d shape.
  [[nodiscard]] std::int64_t back() const { return (*this)[ndim_ - 1]; }

  /// The number of elements: the product of the extents (1 for a 0-d shape). Throws ShapeError in
  /// the name of `op` where the extents, but for those of 0, have a product of 2^58 or more, whose
  /// bytes no memory could hold.
  [[nodiscard]] std::int64_t numel(const char* op = "Shape") const {
    std::int64_t n = 1;
    bool none = false, overflows = false;
    for (const auto extent : *this) {
      none |= extent == 0;
#ifdef __GNUC__
      overflows |= __builtin_mul_overflow(n, extent == 0 ? 1 : extent, &n);
#else  // extents are not negative
      if (extent == 0) continue;
      overflows |= n > (std::int64_t{1} << 58) / extent;
      n = overflows ? 1 : n * extent;
#endif
    }
    if (overflows || n >= std::int64_t{1} << 58) too_large(op);
    return none ? 0 : n;
  }

  /// Appends an axis at the end. Throws ShapeError past 8 axes.
  void push_back(std::int64_t extent) {
    if (ndim_ == max_ndim || extent < -1) refuse(extent);
    extents_[static_cast<std::size_t>(ndim_++)] = extent;
  }

  /// Axis counted from the front, for `axis` in [-ndim, ndim). Throws ShapeError in the name of
  /// `op` otherwise.
  [[nodiscard]] int axis(std::int64_t axis, const char* op) const;

  /// `[2, 3]`, as error messages and the summaries of tensors write it.
  [[nodiscard]] std::string str() const;

  /// Whether all extents are equal.
  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.ndim_ != b.ndim_) return false;
    for (int i = 0; i < a.ndim_; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }

 private:
  [[noreturn]] void refuse(std::int64_t extent) const;
  [[noreturn]] void too_large(const char* op) const;

  std::array<std::int64_t, max_ndim> extents_;
  int ndim_ = 0;
};

/// The common shape of `a` and `b` under NumPy's broadcasting; throws ShapeError in the name of
/// `op`.
[[nodiscard]] Shape broadcast(const Shape& a, const Shape& b, const char* op);

/// Whether a tensor of shape `from` broadcasts to exactly `to`.
[[nodiscard]] bool broadcasts_to(const Shape& from, const Shape& to);

/// Writes `shape.str()`.
std::ostream& operator<<(std::ostream& out, const Shape& shape);

}  // namespace gradtape
