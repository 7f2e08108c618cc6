/// Memory to borrow that cannot be written, and beside which nothing can be read.
#pragma once

#include <gradtape/autograd/borrow.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

namespace gradtape::testing {

/// A copy of x in borrowed memory: it ends `distance` bytes, or as few as possible, before a page
/// that cannot be read, and is read-only. A write, or a read behind the end, stops the program.
inline Tensor lend_read_only(const Tensor& x, std::size_t distance = 0) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t bytes = static_cast<std::size_t>(x.numel()) * size_of(x.dtype());
  const std::size_t readable = (bytes + distance + page) / page * page, whole = readable + page;
  void* const memory =
      ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  const std::shared_ptr<void> owner(memory, [whole](void* p) { ::munmap(p, whole); });
  char* const end = static_cast<char*>(memory) + readable;
  char* const start = end - distance - bytes;
  if (bytes) std::memcpy(start, x.raw(), bytes);
  ::mprotect(memory, readable, PROT_READ);
  ::mprotect(end, page, PROT_NONE);
  return detail::visit_dtype(x.dtype(), [&](auto zero) {
    const void* const elements = start;
    return borrow(static_cast<const decltype(zero)*>(elements), x.shape(), owner);
  });
}

}  // namespace gradtape::testing
