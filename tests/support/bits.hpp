/// Comparison to the bit.
#pragma once

#include <gradtape/autograd/state.hpp>
#include <gradtape/autograd/tensor.hpp>

#include <cstddef>
#include <cstring>

namespace gradtape::testing {

/// Whether both are undefined or have the same shape, dtype and bits.
inline bool equal_bits(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.numel()) * size_of(a.dtype())) ==
             0;
}

inline bool equal_bits(const StateDict& a, const StateDict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, x] : a) {
    const auto y = b.find(name);
    if (y == b.end() || !equal_bits(x, y->second)) return false;
  }
  return true;
}

}  // namespace gradtape::testing
