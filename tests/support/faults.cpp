#include "support/faults.hpp"

#include <gradtape/autograd/memory.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <new>
#include <utility>

namespace {

struct State {
  bool armed = false, happened = false, counting = false;
  std::int64_t left = 0;           // allocations until one fails
  std::size_t largest = SIZE_MAX;  // block there is
  std::int64_t blocks = 0;         // that this thread holds, of those made while counting
};
constinit thread_local State state;

void meet(std::size_t bytes) {
  if (bytes > state.largest) throw std::bad_alloc();
  if (!state.armed || state.left-- != 0) return;
  state.happened = true;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) {
  meet(bytes);
  void* const block = std::malloc(bytes ? bytes : 1);
  if (!block) throw std::bad_alloc();
  if (state.counting) ++state.blocks;
  return block;
}
void operator delete(void* block) noexcept {
  if (block && state.counting) --state.blocks;
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }

// A sanitizer has these too: its blocks must not meet the operators above.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void operator delete[](void* block) noexcept { operator delete(block); }
void operator delete[](void* block, std::size_t) noexcept { operator delete(block); }

#ifndef __APPLE__
// The linker's --wrap sends the library's calls of allocate and deallocate here; see
// CMakeLists.txt. In their symbols std::size_t is a letter.
#ifdef _WIN64
#define GRADTAPE_SIZE_T "y"  // unsigned long long
#else
#define GRADTAPE_SIZE_T "m"  // unsigned long
#endif
extern "C" {
void* real_allocate(std::size_t bytes) __asm__(
    "__real__ZN8gradtape6detail8allocateE" GRADTAPE_SIZE_T);
void real_deallocate(void* block, std::size_t bytes) noexcept
    __asm__("__real__ZN8gradtape6detail10deallocateEPv" GRADTAPE_SIZE_T);
void* wrapped_allocate(std::size_t bytes) __asm__(
    "__wrap__ZN8gradtape6detail8allocateE" GRADTAPE_SIZE_T);
void wrapped_deallocate(void* block, std::size_t bytes) noexcept
    __asm__("__wrap__ZN8gradtape6detail10deallocateEPv" GRADTAPE_SIZE_T);

void* wrapped_allocate(std::size_t bytes) {
  meet(bytes);
  void* const block = real_allocate(bytes);
  if (state.counting) ++state.blocks;
  return block;
}
void wrapped_deallocate(void* block, std::size_t bytes) noexcept {
  if (state.counting) --state.blocks;
  real_deallocate(block, bytes);
}
}
#endif

namespace gradtape::testing {

Fault::Fault(std::int64_t n) {
  state.left = n;
  state.happened = false;
  state.armed = true;
}
Fault::~Fault() { state.armed = false; }
bool Fault::happened() const { return state.happened; }

MemoryLimit::MemoryLimit(std::size_t bytes) : before_(std::exchange(state.largest, bytes)) {}
MemoryLimit::~MemoryLimit() { state.largest = before_; }

namespace {

struct Run {
  bool happened = false, threw = false;
  std::int64_t lost = 0;
};

Run run(const std::function<void()>& f, const std::function<void()>& prepare, std::int64_t n) {
  Run result;
  prepare();
  const auto before = state.blocks;
  state.counting = true;
  try {
    const Fault fault(n);
    try {
      f();
    } catch (...) {
      state.armed = false;
      result.happened = fault.happened();
      throw;
    }
    result.happened = fault.happened();
  } catch (const std::exception&) {
    result.threw = true;
  }
  state.counting = false;
  result.lost = state.blocks - before;
  return result;
}

}  // namespace

std::string survives_faults(const std::function<void()>& f, const std::function<bool()>& check,
                            const std::function<void()>& prepare) {
  prepare();
  f();
  std::int64_t steady = 0;  // blocks that remain after a run without a fault: caches
  for (int i = 0; i < 3; ++i) steady = run(f, prepare, INT64_MAX).lost;
  for (std::int64_t n = 0; n < 1'000'000; ++n) {
    Run r = run(f, prepare, n);
    if (!r.happened) return r.threw ? fmt::format("it throws after {} allocations", n) : "";
    if (!check()) return fmt::format("something is half done after allocation {} failed", n);
    // A cache may have grown: then it does not grow again.
    for (int again = 0; again < 3 && r.lost > steady; ++again) r = run(f, prepare, n);
    if (r.lost > steady)
      return fmt::format("{} blocks are lost when allocation {} fails", r.lost - steady, n);
  }
  return "it does not come to an end";
}

}  // namespace gradtape::testing
