/// Reference counts and the caching allocator that every tensor and node comes from.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "gradtape/autograd/system/single_threaded.hpp"

namespace gradtape::detail {

/// A block of at least `bytes`, aligned to 16 bytes (64 from 1 KiB on). Freed blocks are kept and
/// reused: fresh pages cost ten times what it takes to stream through them.
void* allocate(std::size_t bytes);
void deallocate(void* block, std::size_t bytes) noexcept;

/// Vectors from the caching allocator: what a backward pass needs is there again in the next one.
template <class T> struct CachingAllocator {
  using value_type = T;
  CachingAllocator() = default;
  template <class U> CachingAllocator(const CachingAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(detail::allocate(n * sizeof(T))); }
  void deallocate(T* block, std::size_t n) noexcept { detail::deallocate(block, n * sizeof(T)); }
  friend bool operator==(CachingAllocator, CachingAllocator) { return true; }
};
template <class T> using CachedVector = std::vector<T, CachingAllocator<T>>;

/// Intrusive reference count, starting at one.
class RefCount {
 public:
  void retain() noexcept {
    if (single_threaded())
      count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    else
      count_.fetch_add(1, std::memory_order_relaxed);
  }
  /// True when that was the last reference.
  bool release() noexcept {
    if (single_threaded()) {
      const auto left = count_.load(std::memory_order_relaxed) - 1;
      count_.store(left, std::memory_order_relaxed);
      return left == 0;
    }
    return count_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }
  bool unique() const noexcept { return at_most(1); }
  bool at_most(std::uint32_t count) const noexcept {
    return count_.load(std::memory_order_acquire) <= count;
  }

 private:
  std::atomic<std::uint32_t> count_{1};
};

/// Owning pointer to a `T` with members `refs` (RefCount) and `destroy()`.
template <class T> class Ref {
 public:
  Ref() = default;
  /// Takes over a reference that the caller holds.
  static Ref adopt(T* p) noexcept {
    Ref ref;
    ref.p_ = p;
    return ref;
  }
  static Ref share(T* p) noexcept {
    if (p) p->refs.retain();
    return adopt(p);
  }
  Ref(const Ref& other) noexcept : p_(other.p_) {
    if (p_) p_->refs.retain();
  }
  Ref(Ref&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(p_, other.p_);
    return *this;
  }
  ~Ref() {
    if (p_ && p_->refs.release()) p_->destroy();
  }
  T* get() const noexcept { return p_; }
  T* operator->() const noexcept { return p_; }
  T& operator*() const noexcept { return *p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }
  T* leak() noexcept { return std::exchange(p_, nullptr); }

 private:
  T* p_ = nullptr;
};

}  // namespace gradtape::detail

namespace gradtape {

/// Bytes of this process's tensors and nodes, as the allocator sees them: in whole blocks, which
/// are up to a quarter larger than what was asked for.
struct MemoryUse {
  std::int64_t live = 0;    ///< in blocks of over 1 KiB that are in use
  std::int64_t peak = 0;    ///< the most that `live` has been, since reset_peak_memory()
  std::int64_t cached = 0;  ///< in free blocks of over 1 KiB, kept for reuse
  std::int64_t small = 0;   ///< what smaller blocks are cut from, whether in use or free
};
/// A library built with -DGRADTAPE_ALLOCATOR=system caches nothing, and does not count small
/// blocks.
[[nodiscard]] MemoryUse memory_use();
/// Lets `peak` begin anew, at what is live now.
void reset_peak_memory();

/// Returns cached free blocks to the system: all of over 1 KiB, and of the smaller ones those that
/// this thread and ended threads have freed, as far as no block beside them is in use. The library
/// does so itself where memory runs out; and with the smaller ones, once there are over 256 MiB.
void release_cached_memory();

}  // namespace gradtape
