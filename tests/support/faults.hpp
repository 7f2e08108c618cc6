/// Allocations that fail on purpose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace gradtape::testing {

/// As long as it lives, allocation number `n` of this thread fails, counted from 0: by operator
/// new, or of a block for a tensor or a node.
class Fault {
 public:
  explicit Fault(std::int64_t n);
  ~Fault();
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;

  /// Whether it has happened.
  bool happened() const;
};

/// As long as it lives, this thread gets no block of more than `bytes`.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t bytes);
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
  std::size_t before_;
};

/// Calls f() once undisturbed, and then again and again: with its first allocation failing, its
/// second, and so on until it runs through. Returns "" if each failed run threw, lost no memory,
/// and check() was true after it; else what was wrong first. f must do the same each time;
/// prepare() is called before it, undisturbed.
[[nodiscard]] std::string survives_faults(
    const std::function<void()>& f, const std::function<bool()>& check = [] { return true; },
    const std::function<void()>& prepare = [] {});

}  // namespace gradtape::testing
