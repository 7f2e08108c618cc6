/// How values are made; for sources of the library only.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <string>
#include <type_traits>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::detail {

/// Up to this many bytes of elements live in the value's own block.
inline constexpr std::size_t inline_bytes = 256;

/// A value with its extents filled in and `element_bytes` of room behind them; no data pointer yet.
inline Value* make_value(const std::int64_t* extents, int ndim, std::int64_t numel, Dtype dtype,
                         std::size_t element_bytes) {
  const std::size_t head = sizeof(Value) + static_cast<std::size_t>(ndim) * sizeof(std::int64_t);
  auto* v = new (allocate(head + element_bytes)) Value;
  v->dtype = dtype;
  v->ndim = static_cast<std::uint8_t>(ndim);
  v->bytes = static_cast<std::uint32_t>(head + element_bytes);
  v->numel = numel;
  std::copy_n(extents, ndim, v->extents());
  return v;
}

/// The room for elements in the value's own block.
inline void* inline_elements(Value& v) { return v.extents() + v.ndim; }

/// A 0-d tensor without a value yet.
inline Tensor empty_scalar(Dtype dtype) {
  auto* v = make_value(nullptr, 0, 1, dtype, sizeof(std::int64_t));
  v->data.store(inline_elements(*v), std::memory_order_relaxed);
  return Tensor(Ref<Value>::adopt(v), {});
}

/// A 0-d tensor that holds `element`.
template <class T> Tensor make_scalar(T element) {
  Tensor scalar = empty_scalar(dtype_of<T>);
  *mutable_data<T>(scalar) = element;
  return scalar;
}

/// The elements of x, null where it is undefined; for kernels.
template <class T> const T* elements(const Tensor& x) {
  return x.defined() ? static_cast<const T*>(x.raw()) : nullptr;
}
/// Those of a tensor that is just being made.
template <class T> T* mutable_elements(const Tensor& fresh) {
  return fresh.defined() ? mutable_data<T>(fresh) : nullptr;
}

/// The elements in brackets, as Tensor::str() has them; of one at least.
std::string elements_text(const Tensor& x, const PrintOptions& options);

/// Whether a and b differ in dtype, or one of them is undefined.
inline bool differ(const Tensor& a, const Tensor& b) {
  const auto &p = a.value_ref(), &q = b.value_ref();
  return !p || !q || p->dtype != q->dtype;
}

/// `from` as an element of another type. Throws ValueError for a NaN, an infinity or a number out
/// of range where an integer is asked for.
template <class To, class From> To convert(From from, const char* op) {
  if constexpr (std::is_same_v<To, std::int64_t> && std::is_floating_point_v<From>)
    if (!(from >= From(-0x1p63) && from < From(0x1p63)))
      fail<ValueError>(op, fmt::format("{} does not fit int64", from));
  return static_cast<To>(from);
}

}  // namespace gradtape::detail
