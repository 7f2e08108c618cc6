/// borrow: tensors over memory that somebody else owns, without a copy.
#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>

#include "gradtape/autograd/integer_list.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// In place of an owner: the caller keeps the memory alive, such as that of a constant array.
struct NoOwner {};
inline constexpr NoOwner no_owner;

namespace detail {

/// What keeps borrowed elements alive. By `new`, which knows owners of every alignment.
template <class Owner> struct Lender : Storage {
  Owner owner;

  template <class O> explicit Lender(O&& from) : owner(std::forward<O>(from)) {
    give_back = [](Storage* self) noexcept { delete static_cast<Lender*>(self); };
  }
};

/// A container whose elements lie side by side.
template <class T>
concept Contiguous = Iterable<T> && std::contiguous_iterator<IteratorOf<T>>;

/// Throws ValueError: "borrow: the owner, a container of 8 bytes, does not hold ...".
[[noreturn]] inline void refuse_owner(std::size_t bytes, const Shape& shape, Dtype dtype) {
  fail<ValueError>("borrow", "the owner, a container of " + std::to_string(bytes) +
                                 " bytes, does not hold the elements, " + shape.str() + " " +
                                 name(dtype) + ": move in the container that does");
}

/// Whether the `bytes` at `data` are elements of `owner`.
template <class Owner>
[[nodiscard]] bool holds(const Owner& owner, const void* data, std::size_t bytes) {
  const void* const first = std::ranges::data(owner);
  const void* const last = std::ranges::data(owner) + std::ranges::size(owner);
  const std::less_equal<> no_later;
  return no_later(first, data) && no_later(static_cast<const char*>(data) + bytes, last);
}

}  // namespace detail

/// A tensor over `shape.numel()` elements at `data`, row-major and side by side, without a copy.
///
/// `owner` is what keeps them alive: a std::shared_ptr, a container that is moved in, a handle of
/// another library, a lambda that captures one. The tensor, and what shares its elements (detach(),
/// reshape, slices along axis 0, a graph), holds it; with the last of them it is destroyed, once,
/// in the thread where that happens, so its destructor must not throw. With `no_owner` the caller
/// keeps the memory alive.
///
/// No op writes into the memory: a Parameter made of it moves to memory of its own at its first
/// update. It must not change meanwhile: results already computed, and gradients yet to be, would
/// no longer be those of one value. memory_use() does not count it.
///
///     auto pixels = std::make_shared<std::vector<float>>(read_pixels());
///     const Tensor image = borrow(pixels->data(), {28, 28}, pixels);
///     const Tensor row = borrow(values.data(), {3}, std::move(values));
///
/// T: float, double, std::int64_t or bool. Throws ShapeError for a negative extent; ValueError for
/// a null pointer, an address that is not aligned to T, and an owner that is a container and does
/// not hold the elements. If it throws, nothing is kept.
template <class T, class Owner>
[[nodiscard]] Tensor borrow(const T* data, const Shape& shape, Owner&& owner) {
  using Held = std::remove_cvref_t<Owner>;
  static_assert(!std::is_pointer_v<Held>, "gradtape: a pointer owns nothing; see borrow()");
  static_assert(!(detail::Iterable<Held> && std::is_lvalue_reference_v<Owner>),
                "gradtape: the copy of a container has its elements elsewhere: move the owner in, "
                "std::move(owner), or share it, std::make_shared");
  Tensor x = detail::borrowed(data, shape, dtype_of<T>, "borrow");
  auto* const lender = new detail::Lender<Held>(std::forward<Owner>(owner));
  x.value_ref()->buffer = detail::Ref<detail::Storage>::adopt(lender);
  if constexpr (detail::Contiguous<Held>) {  // one that keeps its elements in itself has moved them
    const auto bytes = static_cast<std::size_t>(x.numel()) * sizeof(T);
    if (bytes && !detail::holds(lender->owner, data, bytes))
      detail::refuse_owner(std::ranges::size(lender->owner) * sizeof(detail::ItemOf<Held>), shape,
                           dtype_of<T>);
  }
  return x;
}

}  // namespace gradtape
