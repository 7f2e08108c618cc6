/// Elements of a file's type as elements of a tensor's.
#pragma once

#include <cstring>
#include <type_traits>

#include "gradtape/autograd/io/bytes.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape::detail {

/// Converts as many `From` as `to` has elements; `swap` reverses the bytes of each first. Integers
/// that `To` would round are an IoError that names the first.
template <class From, class To>
void convert_elements(std::string_view bytes, bool swap, const Tensor& to, const Origin& origin) {
  To* out = mutable_data<To>(to);
  const std::size_t count = bytes.size() / sizeof(From);
  if constexpr (std::is_same_v<From, To>) {
    if (!swap) {
      if (count) std::memcpy(out, bytes.data(), bytes.size());
      return;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    const From value = from_bytes<From>(bytes.data() + i * sizeof(From), swap);
    out[i] = static_cast<To>(value);  // NOLINT(bugprone-signed-char-misuse): an int8 is a number
    if constexpr (std::is_integral_v<From> && sizeof(From) >= 4 && std::is_same_v<To, float>)
      if (static_cast<double>(out[i]) != static_cast<double>(value))
        origin.fail("holds " + std::to_string(value) + " as element " + std::to_string(i) +
                    ", which float32 would round; ask for float64 or int64");
  }
}

}  // namespace gradtape::detail
