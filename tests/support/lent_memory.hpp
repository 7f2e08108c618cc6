/// Memory to borrow that cannot be written, and beside which nothing can be read.
#pragma once

#include <gradtape/autograd/borrow.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <type_traits>

#include "support/process.hpp"

namespace gradtape::testing {

/// A copy of x in borrowed memory: it ends `distance` bytes, or as few as possible, before a page
/// that cannot be read, and is read-only. A write, or a read behind the end, stops the program.
inline Tensor lend_read_only(const Tensor& x, std::size_t distance = 0) {
  const std::size_t bytes = static_cast<std::size_t>(x.numel()) * size_of(x.dtype());
  const GuardedMemory memory(bytes + distance);
  char* const start = static_cast<char*>(memory.start.get()) + memory.readable - distance - bytes;
  if (bytes) std::memcpy(start, x.raw(), bytes);
  memory.protect();
  return detail::visit_dtype(x.dtype(), [&](auto zero) {
    const void* const elements = start;
    return borrow(static_cast<const decltype(zero)*>(elements), x.shape(), memory.start);
  });
}

}  // namespace gradtape::testing
