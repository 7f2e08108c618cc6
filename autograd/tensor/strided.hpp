/// Elements of other libraries: any strides, any alignment, any arithmetic type.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "gradtape/autograd/borrow.hpp"
#include "gradtape/autograd/creation.hpp"

namespace gradtape::detail {

/// How elements lie in memory: the next one along axis i is `strides[i]` bytes away.
struct Strided {
  const void* data = nullptr;
  Shape shape;
  std::array<std::int64_t, max_ndim> strides{};

  /// Throws ShapeError for more than 8 axes.
  void push_back(std::int64_t extent, std::int64_t stride) {
    shape.push_back(extent);
    strides[static_cast<std::size_t>(shape.ndim() - 1)] = stride;
  }
  [[nodiscard]] std::int64_t stride(int axis) const {
    return strides[static_cast<std::size_t>(axis)];
  }
  [[nodiscard]] bool is_empty() const {
    for (const auto extent : shape)
      if (extent == 0) return true;
    return false;
  }
  /// Whether they lie side by side in row-major order. An axis of one element has any stride.
  [[nodiscard]] bool is_row_major(std::int64_t element) const {
    if (is_empty()) return true;
    std::int64_t expected = element;
    for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
      if (shape[axis] != 1 && stride(axis) != expected) return false;
      expected *= shape[axis];
    }
    return true;
  }
  /// The same elements with the last two axes swapped; of at least two.
  [[nodiscard]] Strided transposed() const {
    Strided swapped = *this;
    const int last = shape.ndim() - 1;
    std::swap(swapped.shape[last - 1], swapped.shape[last]);
    std::swap(swapped.strides[static_cast<std::size_t>(last - 1)],
              swapped.strides[static_cast<std::size_t>(last)]);
    return swapped;
  }
};

/// What an element of type From is as one of type To. Throws ValueError where int64 is too small.
template <class To, class From> To element_as(From value) {
  if constexpr (std::is_same_v<To, std::int64_t> && AnyInteger<From>)
    return to_int64(value);
  else
    return static_cast<To>(value);
}

template <class From, class To>
To* copy_axis(const Strided& from, const char* at, int axis, To* out) {
  if (axis == from.shape.ndim()) {
    From element;  // by memcpy: it may stand anywhere
    std::memcpy(&element, at, sizeof element);
    *out = element_as<To>(element);
    return out + 1;
  }
  for (std::int64_t i = 0; i < from.shape[axis]; ++i, at += from.stride(axis))
    out = copy_axis<From>(from, at, axis + 1, out);
  return out;
}

/// A row-major copy of elements of type From. Integers of every type become int64, other elements
/// keep theirs.
template <class From> [[nodiscard]] Tensor copy_strided(const Strided& from, const char* op) {
  using To = Element<From>;
  const Tensor x = empty(from.shape, dtype_of<To>, op);
  if (x.numel()) copy_axis<From>(from, static_cast<const char*>(from.data), 0, mutable_data<To>(x));
  return x;
}

/// The same as elements of `dtype`. Throws ValueError where it does not hold one.
template <class From>
[[nodiscard]] Tensor copy_strided(const Strided& from, Dtype dtype, const char* op) {
  if (std::is_floating_point_v<From> && !is_floating(dtype))
    return copy_strided<From>(from, op).to(dtype);
  const Tensor x = empty(from.shape, dtype, op);
  if (x.numel())
    visit_dtype(dtype, [&](auto zero) {
      using To = decltype(zero);
      copy_axis<From>(from, static_cast<const char*>(from.data), 0, mutable_data<To>(x));
    });
  return x;
}

/// The elements without a copy where they lie row-major, or with their last two axes swapped (then
/// as a transpose, which products take as it is); else a copy, which needs no owner.
template <class T, class Owner>
[[nodiscard]] Tensor borrow_strided(const Strided& from, Owner&& owner, const char* op) {
  constexpr auto element = static_cast<std::int64_t>(sizeof(T));
  const auto at = reinterpret_cast<std::uintptr_t>(from.data);
  if (at % sizeof(T) == 0) {
    const T* const data = static_cast<const T*>(from.data);
    if (from.is_row_major(element)) return borrow(data, from.shape, std::forward<Owner>(owner));
    if (from.shape.ndim() >= 2)
      if (const Strided turned = from.transposed(); turned.is_row_major(element))
        return transposed(borrow(data, turned.shape, std::forward<Owner>(owner)));
  }
  return copy_strided<T>(from, op);
}

}  // namespace gradtape::detail
