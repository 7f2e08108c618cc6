/// IntegerList: what functions take as a list of extents, axes, counts or positions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/error.hpp"

namespace gradtape {

namespace detail {

template <class T, class... Ts> inline constexpr bool is_one_of = (std::is_same_v<T, Ts> || ...);

/// An integer, of any size and sign; neither a bool nor a character.
template <class T>
concept AnyInteger =
    std::is_integral_v<T> &&
    !is_one_of<std::remove_cv_t<T>, bool, char, wchar_t, char8_t, char16_t, char32_t>;

// <ranges> would slow down every file that includes this; <iterator> has what is needed of it.

/// What can be read from begin to end: a vector, an array, a span, ...
template <class T>
concept Iterable = requires(const T& range) {
  std::ranges::begin(range);
  std::ranges::end(range);
};
template <Iterable T> using IteratorOf = decltype(std::ranges::begin(std::declval<const T&>()));
template <Iterable T> using ItemOf = std::iter_value_t<IteratorOf<T>>;

/// Several integers.
template <class T>
concept IntegerRange = Iterable<T> && AnyInteger<ItemOf<T>>;

/// The same number. Throws ValueError for one that only an unsigned integer holds.
template <AnyInteger T> [[nodiscard]] constexpr std::int64_t to_int64(T value) {
  if constexpr (std::is_unsigned_v<T> && sizeof(T) >= sizeof(std::int64_t)) {
    if (value > static_cast<T>(std::numeric_limits<std::int64_t>::max()))
      fail<ValueError>("int64", std::to_string(value) + " is larger than the largest int64");
  }
  return static_cast<std::int64_t>(value);
}

}  // namespace detail

/// A list of integers of any types: `3`, `{3, 5}`, a vector, array or span.
///
/// Lists here have no constructor of a std::initializer_list: with one, GCC would drop the names in
/// `sum(x, {.keepdim = true})` and `nn::MaxPool2d({.stride = 4})` and take the values as the list.
/// So both are errors on every compiler.
class IntegerList {
 public:
  IntegerList() = default;
  template <detail::AnyInteger... I>
    requires(sizeof...(I) > 0)
  IntegerList(I... items) : list{detail::to_int64(items)...} {}
  template <detail::IntegerRange R> IntegerList(const R& items) {
    for (const auto item : items) list.push_back(detail::to_int64(item));
  }

  /// How many there are.
  [[nodiscard]] std::size_t size() const { return list.size(); }
  /// Whether there is none.
  [[nodiscard]] bool empty() const { return list.empty(); }
  /// The i-th, from 0; i is not checked.
  [[nodiscard]] std::int64_t operator[](std::size_t i) const { return list[i]; }
  auto begin() const { return list.begin(); }
  auto end() const { return list.end(); }

  /// The integers themselves.
  std::vector<std::int64_t> list;
};

}  // namespace gradtape
