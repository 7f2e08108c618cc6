/// Shape: the extents of a tensor, held in place.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>

namespace gradtape {

/// Tensors have at most this many axes.
inline constexpr int max_ndim = 8;

/// The extents of a tensor, outermost first; 0 to 8 axes, each extent >= 0. Where a function infers
/// or keeps an extent (reshape, expand) it may be given as -1.
class Shape {
 public:
  Shape() = default;

  /// Throws ShapeError for more than 8 axes or a negative extent.
  Shape(std::initializer_list<std::int64_t> extents)
      : Shape(std::span<const std::int64_t>(extents.begin(), extents.size())) {}
  explicit Shape(std::span<const std::int64_t> extents);

  /// The same without a check, for extents that are already those of a tensor.
  static Shape trusted(const std::int64_t* extents, int ndim) {
    Shape shape;
    shape.ndim_ = ndim;
    for (int i = 0; i < ndim; ++i) shape.extents_[i] = extents[i];
    return shape;
  }

  int ndim() const { return ndim_; }
  std::int64_t operator[](int axis) const { return extents_[axis]; }
  std::int64_t& operator[](int axis) { return extents_[axis]; }
  const std::int64_t* begin() const { return extents_.data(); }
  const std::int64_t* end() const { return extents_.data() + ndim_; }
  std::int64_t back() const { return extents_[ndim_ - 1]; }

  /// The number of elements: the product of the extents (1 for a 0-d shape).
  std::int64_t numel() const {
    std::int64_t n = 1;
    for (auto extent : *this) n *= extent;
    return n;
  }

  /// Appends an axis at the end. Throws ShapeError past 8 axes.
  void push_back(std::int64_t extent);

  /// Axis counted from the front, for `axis` in [-ndim, ndim). Throws ShapeError in the name of
  /// `op` otherwise.
  int axis(std::int64_t axis, const char* op) const;

  /// `[2, 3]`, as error messages and the summaries of tensors write it.
  std::string str() const;

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.ndim_ != b.ndim_) return false;
    for (int i = 0; i < a.ndim_; ++i)
      if (a.extents_[i] != b.extents_[i]) return false;
    return true;
  }

 private:
  std::array<std::int64_t, max_ndim> extents_;
  int ndim_ = 0;
};

/// The common shape of `a` and `b` under NumPy's broadcasting; throws ShapeError in the name of
/// `op`.
Shape broadcast(const Shape& a, const Shape& b, const char* op);

/// Whether a tensor of shape `from` broadcasts to exactly `to`.
bool broadcasts_to(const Shape& from, const Shape& to);

std::ostream& operator<<(std::ostream& out, const Shape& shape);

}  // namespace gradtape
