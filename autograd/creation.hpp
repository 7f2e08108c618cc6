/// Creation: tensors from numbers and containers, and constants. All are untracked.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <type_traits>
#include <vector>

#include "gradtape/autograd/integer_list.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Nested braces, any depth up to 8: `tensor({{1, 2}, {3, 4}})`. Integers make int64, bools bool_,
/// anything else float32 unless `dtype` is given. Throws ShapeError when the nesting is ragged,
/// ValueError for an integer that int64 cannot hold.
class NestedList {
 public:
  template <class T>
    requires std::is_arithmetic_v<T>
  NestedList(T value)
      : floats{static_cast<double>(value)},
        dtype(std::is_same_v<T, bool> ? bool_
              : std::is_integral_v<T> ? int64
                                      : float32) {
    if constexpr (detail::AnyInteger<T>)
      integers.push_back(detail::to_int64(value));
    else  // 0 for a float: beside one, nobody reads the integers
      integers.push_back(std::is_integral_v<T> ? static_cast<std::int64_t>(value != 0) : 0);
  }
  NestedList(std::initializer_list<NestedList> items);

  Shape shape;                         ///< Of the braces, outermost first.
  std::vector<double> floats;          ///< The elements, row-major.
  std::vector<std::int64_t> integers;  ///< The same, exact where floats are not.
  Dtype dtype = Dtype::bool_;          ///< What they make unless another is asked for.
};

namespace detail {

[[nodiscard]] Tensor from_braces(const NestedList& values, Dtype dtype);

/// What a number becomes as an element: bool and float stay, integers are int64, the rest double.
template <class T>
using Element = std::conditional_t<is_one_of<T, bool, float>, T,
                                   std::conditional_t<AnyInteger<T>, std::int64_t, double>>;

template <class T>
concept Number = AnyInteger<T> || std::floating_point<T> || std::same_as<T, bool>;

/// Whether `T` is a container of numbers, nested to any depth: vector<vector<double>>, float[3].
template <class T> inline constexpr bool is_nested = false;
template <class T>
  requires(Iterable<T> && std::forward_iterator<IteratorOf<T>> && !std::same_as<ItemOf<T>, T>)
inline constexpr bool is_nested<T> = Number<ItemOf<T>> || is_nested<ItemOf<T>>;
template <class T>
concept Nested = is_nested<T>;
/// A container of numbers.
template <class R>
concept Flat = Nested<R> && Number<ItemOf<R>>;

template <class R> [[nodiscard]] constexpr Dtype nested_dtype() {
  if constexpr (Flat<R>)
    return dtype_of<Element<ItemOf<R>>>;
  else
    return nested_dtype<ItemOf<R>>();
}

/// The extents of a container by its first rows; 0 where there are none.
template <class R> void measure(const R* values, Shape& shape) {
  shape.push_back(values ? std::ranges::distance(*values) : 0);
  if constexpr (!Flat<R>) {
    if (shape.back() > 0) {
      const auto& first = *std::ranges::begin(*values);
      measure(&first, shape);
    } else {
      measure<ItemOf<R>>(nullptr, shape);
    }
  }
}

/// A new tensor, filled from the front with elements converted to its dtype.
class Filling {
 public:
  Filling(const Shape& shape, Dtype dtype);

  /// Throws ShapeError where the next row along `axis` does not have the extent of the others.
  void check_row(std::int64_t extent, int axis) const;
  /// Throws ShapeError where the shape does not take `count` elements.
  void check_count(std::int64_t count) const;
  /// Of the element types.
  template <class T> void append(const T* elements, std::size_t count);
  template <class R> void append_flat(const R& values) {
    using From = ItemOf<R>;
    using To = Element<From>;
    if constexpr (std::same_as<From, To> && std::contiguous_iterator<IteratorOf<R>>) {
      append(std::ranges::data(values), std::ranges::size(values));
    } else {
      std::array<To, 256> some;
      std::size_t count = 0;
      for (const From value : values) {
        if constexpr (AnyInteger<From>)
          some[count++] = to_int64(value);
        else
          some[count++] = static_cast<To>(value);
        if (count < some.size()) continue;
        append(some.data(), count);
        count = 0;
      }
      append(some.data(), count);
    }
  }
  template <class R> void append_rows(const R& values, int axis) {
    check_row(std::ranges::distance(values), axis);
    if constexpr (Flat<R>)
      append_flat(values);
    else
      for (const auto& row : values) append_rows(row, axis + 1);
  }
  const Tensor& tensor() const { return tensor_; }

 private:
  Tensor tensor_;
  std::int64_t filled_ = 0;
};

}  // namespace detail

/// The tensor that nested braces spell out; see NestedList.
[[nodiscard]] Tensor tensor(std::initializer_list<NestedList> values);
/// The same with the elements converted to `dtype`.
[[nodiscard]] Tensor tensor(std::initializer_list<NestedList> values, Dtype dtype);
/// A 0-d tensor of the dtype that braces would have. Unlike a literal it keeps that dtype.
template <class T>
  requires std::is_arithmetic_v<T>
[[nodiscard]] Tensor tensor(T value) {
  const NestedList one(value);
  return detail::from_braces(one, one.dtype);
}
template <class T>
  requires std::is_arithmetic_v<T>
[[nodiscard]] Tensor tensor(T value, Dtype dtype) {
  return detail::from_braces(value, dtype);
}

// From containers: vectors, arrays, C arrays, spans, nested to any depth or with a shape. Integers
// of every type make int64, bools bool_, float float32, double and long double float64, unless a
// dtype is given. Throws ShapeError where rows differ in length or `shape` takes another number of
// values, ValueError for an integer that int64 cannot hold.

/// A copy of the values: vector<double> -> [n], vector<vector<double>> -> [n, m].
template <detail::Nested R> [[nodiscard]] Tensor tensor(const R& values) {
  return tensor(values, detail::nested_dtype<R>());
}
/// The same with the elements converted to `dtype`.
template <detail::Nested R, std::same_as<Dtype> D>  // D: so that {} is a shape
[[nodiscard]] Tensor tensor(const R& values, D dtype) {
  Shape shape;
  detail::measure(&values, shape);
  detail::Filling filling(shape, dtype);
  filling.append_rows(values, 0);
  return filling.tensor();
}
/// Braces around containers are one more axis, as in NumPy: {v, w} of vectors [n] -> [2, n].
template <detail::Nested R> [[nodiscard]] Tensor tensor(std::initializer_list<R> rows) {
  return tensor<std::initializer_list<R>>(rows);
}
/// The same with the elements converted to `dtype`.
template <detail::Nested R>
[[nodiscard]] Tensor tensor(std::initializer_list<R> rows, Dtype dtype) {
  return tensor<std::initializer_list<R>>(rows, dtype);
}
/// A copy of the values, row-major, under a shape.
template <detail::Flat R, std::same_as<Dtype> D>
[[nodiscard]] Tensor tensor(const R& values, const Shape& shape, D dtype) {
  detail::Filling filling(shape, dtype);
  filling.check_count(std::ranges::distance(values));
  filling.append_flat(values);
  return filling.tensor();
}
template <detail::Flat R> [[nodiscard]] Tensor tensor(const R& values, const Shape& shape) {
  return tensor(values, shape, detail::nested_dtype<R>());
}

// Constants, of float32 unless said otherwise. Each throws ShapeError for a negative extent.

/// All 0.
[[nodiscard]] Tensor zeros(const Shape& shape, Dtype dtype = float32);
/// All 1.
[[nodiscard]] Tensor ones(const Shape& shape, Dtype dtype = float32);
/// All `value`. Throws ValueError where an integer dtype cannot hold it.
[[nodiscard]] Tensor full(const Shape& shape, double value, Dtype dtype = float32);
/// All 0, with the shape and dtype of `like`.
[[nodiscard]] Tensor zeros_like(const Tensor& like);
/// All 1, with the shape and dtype of `like`.
[[nodiscard]] Tensor ones_like(const Tensor& like);
/// All `value`, with the shape and dtype of `like`.
[[nodiscard]] Tensor full_like(const Tensor& like, double value);
/// start, start + step, ... below stop; 1-d. Throws ValueError for step 0.
[[nodiscard]] Tensor arange(double start, double stop, double step = 1, Dtype dtype = int64);
/// 0, 1, ... stop - 1; int64.
[[nodiscard]] Tensor arange(std::int64_t stop);
/// 0, 1, ... below stop.
[[nodiscard]] inline Tensor arange(double stop, Dtype dtype) { return arange(0, stop, 1, dtype); }
/// `count` evenly spaced values from start to stop, both included.
[[nodiscard]] Tensor linspace(double start, double stop, std::int64_t count, Dtype dtype = float32);
/// The identity matrix [n, m]; m = n unless given.
[[nodiscard]] Tensor eye(std::int64_t n, std::int64_t m = -1, Dtype dtype = float32);
[[nodiscard]] inline Tensor eye(std::int64_t n, Dtype dtype) { return eye(n, n, dtype); }

}  // namespace gradtape
