#include <gradtape/autograd/functional.hpp>
#include <gradtape/autograd/generator.hpp>
#include <gradtape/autograd/memory.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tensor.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "support/process.hpp"
#include "support/sanitizers.hpp"
#include "support/skip.hpp"

using namespace gradtape;
using namespace gradtape::detail;
using namespace gradtape::testing;

namespace {

constexpr std::size_t sizes[] = {0,      1,    15,   16,   17,    48,     255,           1023,
                                 1024,   1025, 1280, 4096, 65535, 100000, (2 << 20) - 1, 2 << 20,
                                 5 << 20};

/// Whether free blocks are kept: not by -DGRADTAPE_ALLOCATOR=system, nor under the address
/// sanitizer, so that it sees every use after free.
bool caching() {
  deallocate(allocate(5000), 5000);
  return memory_use().cached > 0;
}
constexpr const char* not_cached = "free blocks are not kept in this build";

struct Counted {
  explicit Counted(int& alive) : alive(alive) { ++alive; }
  void destroy() {
    --alive;
    delete this;
  }
  RefCount refs;
  int& alive;
};

}  // namespace

TEST_CASE("blocks are aligned, writable to the last byte, and apart from each other") {
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  unsigned char mark = 0;
  for (const auto bytes : sizes)
    for (int copy = 0; copy < 3; ++copy) {
      auto* block = static_cast<unsigned char*>(allocate(bytes));
      CHECK(reinterpret_cast<std::uintptr_t>(block) % (bytes >= 1024 + 1 ? 64 : 16) == 0);
      std::memset(block, ++mark, bytes);
      blocks.emplace_back(block, bytes);
    }
  mark = 0;
  for (const auto& [block, bytes] : blocks) {
    ++mark;
    std::size_t damaged = 0;
    for (std::size_t i = 0; i < bytes; ++i) damaged += block[i] != mark;
    CHECK(damaged == 0);
  }
  for (const auto& [block, bytes] : blocks) deallocate(block, bytes);
}

TEST_CASE("a freed block serves the next request of its size") {
  if (!caching()) return skip(not_cached);
  release_cached_memory();  // the cache is bounded, and other tests may have filled it
  for (const std::size_t bytes : {40, 1000, 5000, 3000000}) {
    void* first = allocate(bytes);
    deallocate(first, bytes);
    void* second = allocate(bytes);
    CHECK(second == first);
    deallocate(second, bytes);
  }
}

TEST_CASE("released memory is fetched anew, and tensors that live stay as they are") {
  const Tensor kept = full({1000000}, 3);
  { const Tensor dropped = full({1000000}, 4); }
  release_cached_memory();
  const Tensor fresh = full({1000000}, 5);
  CHECK(kept.data<float>()[999999] == 3);
  CHECK(fresh.data<float>()[999999] == 5);
}

TEST_CASE("memory_use counts what is live, its peak, and what is cached") {
  release_cached_memory();
  reset_peak_memory();
  const auto before = memory_use();
  CHECK(before.peak == before.live);
  CHECK(before.cached == 0);
  constexpr std::int64_t million = 1000000;  // of 4 bytes; blocks are up to a quarter larger
  {
    const Tensor a = zeros({million}), b = zeros({2 * million});
    const auto during = memory_use();
    CHECK(during.live - before.live >= 12 * million);
    CHECK(during.live - before.live <= 15 * million);
    CHECK(during.peak == during.live);
  }
  const auto after = memory_use();
  CHECK(after.live == before.live);
  CHECK(after.peak - before.live >= 12 * million);
  CHECK(after.cached == (caching() ? after.peak - before.live : 0));
  reset_peak_memory();
  CHECK(memory_use().peak == before.live);
}

TEST_CASE("ten thousand steps of changing shapes do not make memory grow") {
  release_cached_memory();
  reset_peak_memory();
  Generator generator(1);
  const auto step = [&] {
    const auto n = static_cast<std::int64_t>(1 + generator.below(3000));
    (void)grad_of([](const Tensor& x) { return sum(square(x) + x); }, ones({n}));
  };
  for (int i = 0; i < 1000; ++i) step();
  const auto early = memory_use();
  for (int i = 0; i < 9000; ++i) step();
  const auto late = memory_use();
  CHECK(late.live == early.live);
  CHECK(late.cached <= early.cached + (64 << 10));  // a block or two of sizes that come together
  CHECK(late.small <= early.small + (64 << 10));    // a slab more, for the same reason
}

TEST_CASE("a request that no machine can meet throws and spoils nothing") {
  if (under_sanitizer) return skip("a failed allocation ends a program under a sanitizer");
  CHECK_THROWS_AS(allocate(std::size_t{1} << 60), std::bad_alloc);
  CHECK_THROWS_AS(zeros({std::int64_t{1} << 50}, float64), std::bad_alloc);
  const Tensor x = ones({100000});
  CHECK(x.data<float>()[99999] == 1);
}

TEST_CASE("blocks may be freed by another thread than the one that asked for them") {
  std::vector<Tensor> made;
  std::thread([&] {
    for (int i = 0; i < 2000; ++i) made.push_back(full({i % 400}, i));
  }).join();
  for (std::size_t i = 1; i < made.size(); ++i)
    if (made[i].numel()) REQUIRE(made[i].data<float>()[0] == static_cast<float>(i));
  std::thread([&] { made.clear(); }).join();
  CHECK(made.empty());
}

TEST_CASE("what an ended thread has freed serves the next threads") {
  if (!caching()) return skip(not_cached);
  // Each thread keeps 64 blocks at a time; were the blocks of ended threads lost, no address would
  // come twice.
  std::set<void*> seen;
  for (int round = 0; round < 20; ++round)
    std::thread([&] {
      std::vector<void*> blocks(64);
      for (auto& block : blocks) seen.insert(block = allocate(176));
      for (auto* block : blocks) deallocate(block, 176);
    }).join();
  CHECK(seen.size() < 3 * 64);
}

TEST_CASE("what an ended thread has not cut off its slab serves the next threads") {
  if (!caching()) return skip(not_cached);
  std::set<std::uintptr_t> slabs;  // of 64 KiB: 64 blocks of as many threads share some
  std::vector<void*> kept;
  for (int i = 0; i < 64; ++i)
    std::thread([&] {
      kept.push_back(allocate(944));
      slabs.insert(reinterpret_cast<std::uintptr_t>(kept.back()) >> 16);
    }).join();
  CHECK(slabs.size() < 32);
  for (void* block : kept) deallocate(block, 944);
}

TEST_CASE("many small blocks return to the system") {
  if (!caching() || under_sanitizer) return skip("a sanitizer's malloc keeps what is freed");
  if (resident_memory() == 0) return skip("this system does not say how much memory a process has");
  const auto megabytes = [] { return resident_memory() >> 20; };
  release_cached_memory();
  const auto before = megabytes();
  std::vector<void*> blocks(6 << 20);  // of 112 bytes: 700 MB
  for (auto& block : blocks) {
    block = allocate(112);
    std::memset(block, 1, 112);
  }
  CHECK(megabytes() - before > 600);
  for (auto* block : blocks) deallocate(block, 112);
  CHECK(megabytes() - before < 350);  // up to 256 MiB are kept, and the list of the blocks
  release_cached_memory();
  CHECK(megabytes() - before < 100);
}

TEST_CASE("small blocks among others stay as they are when memory is released") {
  std::vector<std::pair<unsigned char*, std::size_t>> kept;
  for (int i = 0; i < 20000; ++i) {
    const std::size_t bytes = static_cast<std::size_t>(i % 60) * 16 + 1;
    auto* const block = static_cast<unsigned char*>(allocate(bytes));
    std::memset(block, i % 251, bytes);
    kept.emplace_back(block, bytes);
  }
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (i % 7) deallocate(std::exchange(kept[i].first, nullptr), kept[i].second);
  release_cached_memory();
  std::size_t damaged = 0;
  for (std::size_t i = 0; i < kept.size(); i += 7)
    for (std::size_t k = 0; k < kept[i].second; ++k) damaged += kept[i].first[k] != i % 251;
  CHECK(damaged == 0);
  for (std::size_t i = 0; i < kept.size(); i += 7) deallocate(kept[i].first, kept[i].second);
}

TEST_CASE("what is cached is given back before memory is refused") {
  if (!caching() || under_sanitizer) return skip("a sanitizer needs its address space");
  if (!can_limit || resident_memory() == 0) return skip(no_limits);
  constexpr std::size_t megabyte = 1 << 20;
  release_cached_memory();
  bool fits = true;
  try {
    const MemoryRoom limit(600 * megabyte);
    deallocate(allocate(400 * megabyte), 400 * megabyte);  // cached now
    deallocate(allocate(450 * megabyte), 450 * megabyte);
  } catch (const std::bad_alloc&) {
    fits = false;
  }
  CHECK(fits);
  release_cached_memory();
}

TEST_CASE("the last reference destroys, whichever way references were passed") {
  int alive = 0;
  {
    auto a = Ref<Counted>::adopt(new Counted(alive));
    CHECK(a->refs.unique());
    auto b = a;
    CHECK_FALSE(a->refs.unique());
    auto c = std::move(a);
    CHECK_FALSE(a);
    b = {};
    CHECK(c->refs.unique());
    c = Ref<Counted>::share(c.get());
    CHECK(c->refs.unique());
    Ref<Counted>::adopt(c.leak());
    CHECK(alive == 0);
  }
  CHECK(alive == 0);
}

TEST_CASE("a reference count is right under several threads") {
  int alive = 0;
  {
    const auto shared = Ref<Counted>::adopt(new Counted(alive));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 20000; ++i) const Ref<Counted> copy = shared;
      });
    for (auto& thread : threads) thread.join();
    CHECK(shared->refs.unique());
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
}

TEST_CASE("blocks of no bytes overlap nothing") {
  std::vector<void*> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(detail::allocate(0));
  void* const other = detail::allocate(16);
  std::memset(other, 7, 16);
  for (void* block : blocks) detail::deallocate(block, 0);
  const auto* bytes = static_cast<const unsigned char*>(other);
  CHECK(std::all_of(bytes, bytes + 16, [](unsigned char b) { return b == 7; }));
  CHECK(std::set<void*>(blocks.begin(), blocks.end()).size() == blocks.size());
  detail::deallocate(other, 16);
}
