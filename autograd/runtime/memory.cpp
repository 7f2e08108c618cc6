#include "gradtape/autograd/memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "gradtape/autograd/log.hpp"
#include "gradtape/autograd/system/system.hpp"

// GRADTAPE_SYSTEM_ALLOCATOR: nothing is cached, as -DGRADTAPE_ALLOCATOR=system asks for, and as the
// address sanitizer needs it, which has to see each block come and go.
#if defined(__SANITIZE_ADDRESS__)
#define GRADTAPE_SYSTEM_ALLOCATOR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GRADTAPE_SYSTEM_ALLOCATOR 1
#endif
#endif

namespace gradtape {
namespace detail {
namespace {

#ifdef GRADTAPE_SYSTEM_ALLOCATOR
constexpr bool caching = false;
#else
constexpr bool caching = true;
#endif
constexpr std::size_t small_limit = 1024;   // below: thread-local lists in steps of 16 bytes
constexpr std::size_t huge_page = 2 << 20;  // blocks of this size and more ask for huge pages
constexpr std::size_t large_alignment = 64;

struct FreeBlock {
  FreeBlock* next;
};

/// Size class of a large block: four steps to each doubling, so at most a quarter is wasted.
std::size_t large_class(std::size_t bytes) {
  if (!caching) return bytes;
  const std::size_t step = std::bit_floor(bytes) / 4;
  return (bytes + step - 1) / step * step;
}

/// A block from the system, which gets back what is cached before it is given up.
void* system_allocate(std::size_t alignment, std::size_t bytes) {
  if (void* const block = os::allocate_aligned(alignment, bytes)) return block;
  release_cached_memory();
  if (void* const block = os::allocate_aligned(alignment, bytes)) {
    log(LogLevel::warning, "memory",
        "the system had %zu bytes only after it got back what was cached", bytes);
    return block;
  }
  throw std::bad_alloc();
}

void* system_allocate(std::size_t bytes) {
  const std::size_t alignment = bytes >= huge_page ? huge_page : large_alignment;
  void* block = system_allocate(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (bytes >= huge_page) os::prefer_huge_pages(block, bytes);
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
    log(LogLevel::debug, "memory", "%zu bytes from the system; %zu are live, %zu cached", bytes,
        live_, cached_);
    return block;
  }
  void give(void* block, std::size_t bytes) noexcept {
    {
      const std::lock_guard lock(mutex_);
      live_ -= bytes;
      if (caching && cached_ + bytes <= 2 * most_) {
        try {
          lists_[index(bytes)].push_back(block);
          cached_ += bytes;
          return;
        } catch (const std::bad_alloc&) {  // no room to remember it: free it
        }
      }
    }
    os::free_aligned(block);
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    for (auto& list : lists_) {
      for (void* block : list) os::free_aligned(block);
      list.clear();
    }
    cached_ = 0;
  }
  MemoryUse use() {
    const std::lock_guard lock(mutex_);
    const auto bytes = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    return {.live = bytes(live_), .peak = bytes(peak_), .cached = bytes(cached_)};
  }
  void reset_peak() {
    const std::lock_guard lock(mutex_);
    peak_ = live_;
  }

 private:
  void count(std::size_t bytes) {
    live_ += bytes;
    peak_ = std::max(peak_, live_);
    most_ = std::max(most_, live_);
  }
  static std::size_t index(std::size_t bytes) {
    const int log = std::bit_width(bytes) - 1;
    return static_cast<std::size_t>(log) * 4 + ((bytes >> (log - 2)) & 3);
  }
  std::mutex mutex_;
  std::array<std::vector<void*>, 64 * 4> lists_;
  std::size_t live_ = 0, cached_ = 0;
  std::size_t peak_ = 0, most_ = 0;  // since reset_peak, and ever
};

LargePool& large_pool() {
  static auto* pool = [] {
    log(LogLevel::info, "memory", "%s",
        caching ? "freed blocks are kept for reuse" : "no block is kept for reuse");
    return new LargePool;  // never destroyed: tensors in statics may outlive it otherwise
  }();
  return *pool;
}

// Out of line, so that the short way saves no registers for them.
[[gnu::noinline]] void* allocate_large(std::size_t bytes) {
  return large_pool().take(large_class(bytes));
}
[[gnu::noinline]] void deallocate_large(void* block, std::size_t bytes) noexcept {
  large_pool().give(block, large_class(bytes));
}

#ifndef GRADTAPE_SYSTEM_ALLOCATOR

// small blocks are cut from slabs of about slab_alignment
constexpr std::size_t slab_alignment = 64 * 1024;
constexpr std::size_t slab_bytes = slab_alignment - 64;  // so that malloc can put them side by side
constexpr std::size_t kept_small = 256 << 20;  // so much memory of slabs is kept, free or not
// blocks that are freed until it is looked at again
constexpr std::int64_t between_looks = 1 << 18;

/// What stands at the front of the memory that small blocks are cut from.
struct alignas(16) Slab {
  std::size_t cut = 0;  // bytes of the blocks cut off so far
  std::size_t left = slab_bytes - sizeof(Slab);
  bool in_use = true;    // some thread cuts from it, or may
  std::size_t free = 0;  // bytes of its blocks that a sweep has met
  Slab* next = nullptr;  // in the list of those that ended threads left, or that a sweep frees

  static Slab& of(void* block) {
    return *reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(block) &
                                    ~(slab_alignment - 1));
  }
  void* take(std::size_t bytes) {
    void* const block = reinterpret_cast<char*>(this) + slab_bytes - left;
    cut += bytes;
    left -= bytes;
    return block;
  }
};
static_assert(sizeof(Slab) % 16 == 0);

using FreeLists = std::array<FreeBlock*, small_limit / 16 + 1>;

/// The bytes of a block of a class: room for the link when it is freed.
std::size_t small_bytes(std::size_t index) { return std::max<std::size_t>(index, 1) * 16; }

/// What threads share of small blocks: the free ones of ended threads, taken over by the next
/// threads that run out, and the number of slabs. Its mutex guards all slabs' heads.
struct SmallPool {
  std::mutex mutex;
  FreeLists orphans{};
  Slab* slabs = nullptr;  // what ended threads have not used up
  std::atomic<std::size_t> slab_count{0};

  /// Some blocks of a class, so that several threads find some; a null pointer where there is none.
  FreeBlock* take(std::size_t index) {
    FreeBlock* const first = orphans[index];
    if (!first) return nullptr;
    FreeBlock* last = first;
    for (int i = 1; i < 32 && last->next; ++i) last = last->next;
    orphans[index] = std::exchange(last->next, nullptr);
    return first;
  }
};
SmallPool& small_pool() {
  static auto* pool = new SmallPool;
  return *pool;
}

/// One thread's free small blocks. Without constructor and destructor, so that reaching it costs
/// one instruction.
struct SmallCache {
  FreeLists lists;
  Slab* slab;
  std::int64_t
      until_look;  // how many more blocks are freed before anything but the list is seen to
  bool gone;       // this thread is ending: what is freed now goes to the orphans
};
constinit thread_local SmallCache small_cache{};

/// Hands a thread's free blocks over when it ends.
struct Reaper {
  ~Reaper() {
    auto& cache = small_cache;
    cache.gone = true;
    cache.until_look = 0;
    auto& pool = small_pool();
    const std::lock_guard lock(pool.mutex);
    for (std::size_t i = 0; i < cache.lists.size(); ++i) {
      while (auto* block = cache.lists[i]) {
        cache.lists[i] = block->next;
        block->next = pool.orphans[i];
        pool.orphans[i] = block;
      }
    }
    if (auto* slab = std::exchange(cache.slab, nullptr))
      slab->next = std::exchange(pool.slabs, slab);
  }
  void arm() {}
};
thread_local Reaper reaper;

/// The list of this class is empty: take what ended threads left, or cut a new block off the slab.
[[gnu::noinline]] void* refill(std::size_t index) {
  const std::size_t bytes = small_bytes(index);
  reaper.arm();
  auto& cache = small_cache;
  auto& pool = small_pool();
  for (;;) {
    {
      const std::lock_guard lock(pool.mutex);
      if (auto* blocks = pool.take(index)) {
        cache.lists[index] = blocks->next;
        return blocks;
      }
      while (!cache.slab || cache.slab->left < bytes) {
        if (cache.slab) cache.slab->in_use = false;
        cache.slab = pool.slabs;
        if (!cache.slab) break;
        pool.slabs = cache.slab->next;
      }
      if (cache.slab) return cache.slab->take(bytes);
    }
    auto* const fresh = new (system_allocate(slab_alignment, slab_bytes)) Slab;
    ++pool.slab_count;
    cache.slab = fresh;
  }
}

/// Calls f(block, link) for each block of the lists; f may take it out by changing the link.
template <class F> void for_each_block(FreeLists& lists, F f) {
  for (std::size_t i = 0; i < lists.size(); ++i)
    for (FreeBlock** link = &lists[i]; *link;) {
      FreeBlock* const block = *link;
      f(i, block, link);
      if (*link == block) link = &block->next;
    }
}

/// Frees the slabs whose blocks are all free, in this thread or left by ended ones. Returns how
/// many free blocks there are after it.
std::int64_t free_small_blocks() {
  auto& pool = small_pool();
  const std::lock_guard lock(pool.mutex);
  FreeLists* const all[] = {&small_cache.lists, &pool.orphans};
  for (auto* lists : all)
    for_each_block(*lists, [](std::size_t i, FreeBlock* block, FreeBlock**) {
      Slab::of(block).free += small_bytes(i);
    });
  Slab* freed = nullptr;
  std::int64_t kept = 0;
  for (auto* lists : all)
    for_each_block(*lists, [&](std::size_t i, FreeBlock* block, FreeBlock** link) {
      auto& slab = Slab::of(block);
      if (slab.in_use || slab.free < slab.cut) {
        ++kept;
        return;
      }
      *link = block->next;
      slab.cut -= small_bytes(i);
      slab.free -= small_bytes(i);
      if (slab.cut == 0) slab.next = std::exchange(freed, &slab);
    });
  for (auto* lists : all)
    for_each_block(*lists,
                   [](std::size_t, FreeBlock* block, FreeBlock**) { Slab::of(block).free = 0; });
  while (freed) {
    os::free_aligned(std::exchange(freed, freed->next));
    --pool.slab_count;
  }
  os::return_freed_memory();
  return kept;
}

/// Frees a block of a thread that is ending, or looks whether there are too many free ones.
[[gnu::noinline]] void deallocate_rare(FreeBlock* block, std::size_t index) noexcept {
  auto& cache = small_cache;
  auto& pool = small_pool();
  if (cache.gone) {
    const std::lock_guard lock(pool.mutex);
    block->next = std::exchange(pool.orphans[index], block);
    return;
  }
  reaper.arm();  // a thread may free what it never allocated
  block->next = std::exchange(cache.lists[index], block);
  cache.until_look = between_looks;
  if (pool.slab_count.load(std::memory_order_relaxed) * slab_bytes > kept_small)
    cache.until_look = std::max(between_looks, free_small_blocks());
}
#endif

}  // namespace

#ifdef GRADTAPE_SYSTEM_ALLOCATOR
void* allocate(std::size_t bytes) {
  return bytes > small_limit ? allocate_large(bytes)
                             : system_allocate(std::max<std::size_t>(bytes, 1));
}
void deallocate(void* block, std::size_t bytes) noexcept {
  if (bytes > small_limit) return deallocate_large(block, bytes);
  os::free_aligned(block);
}
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
  if (--small_cache.until_look < 0) return deallocate_rare(free, index);
  free->next = std::exchange(small_cache.lists[index], free);
}
#endif

}  // namespace detail

void release_cached_memory() {
  detail::large_pool().clear();
#ifndef GRADTAPE_SYSTEM_ALLOCATOR
  detail::free_small_blocks();
#endif
}

MemoryUse memory_use() {
  auto use = detail::large_pool().use();
#ifndef GRADTAPE_SYSTEM_ALLOCATOR
  use.small = static_cast<std::int64_t>(detail::small_pool().slab_count * detail::slab_bytes);
#endif
  return use;
}

void reset_peak_memory() { detail::large_pool().reset_peak(); }

}  // namespace gradtape
