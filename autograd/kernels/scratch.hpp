/// Memory for the time of a kernel.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "gradtape/autograd/memory.hpp"

namespace gradtape::kernels {

/// Uninitialised elements from the caching allocator.
template <class T> class Scratch {
 public:
  explicit Scratch(std::int64_t count)
      : bytes_(static_cast<std::size_t>(std::max<std::int64_t>(1, count)) * sizeof(T)),
        data_(static_cast<T*>(detail::allocate(bytes_))) {}
  ~Scratch() { detail::deallocate(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  operator T*() const { return data_; }
  T* get() const { return data_; }  // where a template has to find T

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace gradtape::kernels
