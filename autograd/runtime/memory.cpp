#include "gradtape/autograd/memory.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define GRADTAPE_NO_CACHE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GRADTAPE_NO_CACHE 1
#endif
#endif

namespace gradtape {
namespace detail {
namespace {

constexpr std::size_t small_limit = 1024;      // below: thread-local lists in steps of 16 bytes
constexpr std::size_t slab_bytes = 64 * 1024;  // small blocks are cut from slabs of this size
constexpr std::size_t huge_page = 2 << 20;     // blocks of this size and more ask for huge pages
constexpr std::size_t large_alignment = 64;

struct FreeBlock {
  FreeBlock* next;
};

/// Size class of a large block: four steps to each doubling, so at most a quarter is wasted.
std::size_t large_class(std::size_t bytes) {
  const std::size_t step = std::bit_floor(bytes) / 4;
  return (bytes + step - 1) / step * step;
}

void* system_allocate(std::size_t bytes) {
  const std::size_t alignment = bytes >= huge_page ? huge_page : large_alignment;
  void* block = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!block) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (bytes >= huge_page) madvise(block, bytes, MADV_HUGEPAGE);
#endif
  return block;
}

/// Free large blocks of the whole process, by size class. It keeps at most twice as many bytes as
/// were ever live at once: enough for a program whose sizes change.
class LargePool {
 public:
  void* take(std::size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      auto& list = lists_[index(bytes)];
      if (!list.empty()) {
        void* block = list.back();
        list.pop_back();
        cached_ -= bytes;
        count(bytes);
        return block;
      }
    }
    void* block = system_allocate(bytes);  // counted once it is there: it may throw
    const std::lock_guard lock(mutex_);
    count(bytes);
    return block;
  }
  void give(void* block, std::size_t bytes) noexcept {
    {
      const std::lock_guard lock(mutex_);
      live_ -= bytes;
      if (cached_ + bytes <= 2 * peak_) {
        try {
          lists_[index(bytes)].push_back(block);
          cached_ += bytes;
          return;
        } catch (const std::bad_alloc&) {  // no room to remember it: free it
        }
      }
    }
    std::free(block);
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    for (auto& list : lists_) {
      for (void* block : list) std::free(block);
      list.clear();
    }
    cached_ = 0;
  }

 private:
  void count(std::size_t bytes) {
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }
  static std::size_t index(std::size_t bytes) {
    const int log = std::bit_width(bytes) - 1;
    return static_cast<std::size_t>(log) * 4 + ((bytes >> (log - 2)) & 3);
  }
  std::mutex mutex_;
  std::array<std::vector<void*>, 64 * 4> lists_;
  std::size_t live_ = 0, peak_ = 0, cached_ = 0;
};

LargePool& large_pool() {
  static auto* pool =
      new LargePool;  // never destroyed: tensors in statics may outlive it otherwise
  return *pool;
}

/// What an ended thread has not cut off its slab.
struct FreeSlab {
  FreeSlab* next;
  std::size_t left;
};

/// Free small blocks of all ended threads, taken over by the next threads that run out.
struct Orphans {
  std::mutex mutex;
  std::array<FreeBlock*, small_limit / 16 + 1> lists{};
  FreeSlab* slabs = nullptr;

  /// Some blocks of a class, so that several threads find some; a null pointer where there is none.
  FreeBlock* take(std::size_t index) {
    FreeBlock* const first = lists[index];
    if (!first) return nullptr;
    FreeBlock* last = first;
    for (int i = 1; i < 32 && last->next; ++i) last = last->next;
    lists[index] = std::exchange(last->next, nullptr);
    return first;
  }
};
Orphans& orphans() {
  static auto* all = new Orphans;
  return *all;
}

/// One thread's free small blocks. Without constructor and destructor, so that reaching it costs
/// one instruction.
struct SmallCache {
  std::array<FreeBlock*, small_limit / 16 + 1> lists;
  char* slab;
  std::size_t left;
  bool gone;  // this thread is ending: what is freed now goes to the orphans
};
constinit thread_local SmallCache small_cache{};

/// Hands a thread's free blocks over when it ends.
struct Reaper {
  ~Reaper() {
    auto& cache = small_cache;
    cache.gone = true;
    auto& all = orphans();
    const std::lock_guard lock(all.mutex);
    for (std::size_t i = 0; i < cache.lists.size(); ++i) {
      while (auto* block = cache.lists[i]) {
        cache.lists[i] = block->next;
        block->next = all.lists[i];
        all.lists[i] = block;
      }
    }
    if (cache.left >= sizeof(FreeSlab))
      all.slabs = new (cache.slab) FreeSlab{all.slabs, std::exchange(cache.left, 0)};
  }
  void arm() {}
};
thread_local Reaper reaper;

/// The list of this class is empty: take what ended threads left, or cut a new block off the slab.
[[gnu::noinline]] void* refill(std::size_t index) {
  const std::size_t bytes = std::max<std::size_t>(index, 1) * 16;  // room for the link when freed
  reaper.arm();
  auto& cache = small_cache;
  {
    auto& all = orphans();
    const std::lock_guard lock(all.mutex);
    if (auto* blocks = all.take(index)) {
      cache.lists[index] = blocks->next;
      return blocks;
    }
    while (cache.left < bytes && all.slabs) {
      auto* slab = std::exchange(all.slabs, all.slabs->next);
      cache.left = slab->left;
      cache.slab = reinterpret_cast<char*>(slab);
    }
  }
  if (cache.left < bytes) {
    cache.slab = static_cast<char*>(system_allocate(slab_bytes));
    cache.left = slab_bytes;
  }
  void* block = cache.slab;
  cache.slab += bytes;
  cache.left -= bytes;
  return block;
}

#ifndef GRADTAPE_NO_CACHE
// Out of line, so that the short way saves no registers for them.
[[gnu::noinline]] void* allocate_large(std::size_t bytes) {
  return large_pool().take(large_class(bytes));
}
[[gnu::noinline]] void deallocate_large(void* block, std::size_t bytes) noexcept {
  large_pool().give(block, large_class(bytes));
}
[[gnu::noinline]] void deallocate_late(FreeBlock* block, std::size_t index) noexcept {
  auto& all = orphans();
  const std::lock_guard lock(all.mutex);
  block->next = std::exchange(all.lists[index], block);
}
#endif

}  // namespace

#ifdef GRADTAPE_NO_CACHE
void* allocate(std::size_t bytes) { return system_allocate(std::max<std::size_t>(bytes, 1)); }
void deallocate(void* block, std::size_t) noexcept { std::free(block); }
#else
void* allocate(std::size_t bytes) {
  if (bytes > small_limit) return allocate_large(bytes);
  const std::size_t index = (bytes + 15) / 16;
  auto*& head = small_cache.lists[index];
  if (!head) return refill(index);
  return std::exchange(head, head->next);
}

void deallocate(void* block, std::size_t bytes) noexcept {
  if (bytes > small_limit) return deallocate_large(block, bytes);
  const std::size_t index = (bytes + 15) / 16;
  auto* free = static_cast<FreeBlock*>(block);
  if (small_cache.gone) return deallocate_late(free, index);
  free->next = std::exchange(small_cache.lists[index], free);
  if (!free->next) reaper.arm();  // a thread may free what it never allocated
}
#endif

}  // namespace detail

void release_cached_memory() { detail::large_pool().clear(); }

}  // namespace gradtape
