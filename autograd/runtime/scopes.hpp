/// What scopes set for a thread as long as they live; for sources of the library only.
#pragma once

#include <atomic>
#include <new>
#include <utility>

#include "gradtape/autograd/memory.hpp"

namespace gradtape::detail {

/// What one scope has set.
template <class T> struct ScopeEntry {
  T value;
  ScopeEntry* older;
  std::atomic<bool> over{false};
};

/// What the scopes of a thread have set, the newest first. A scope need not end in the order of
/// construction, nor in its thread: it only says that it is over, and the thread drops the entry
/// once it is the newest. Without constructor and destructor, to be thread_local at no cost.
template <class T> struct ScopeStack {
  using Entry = ScopeEntry<T>;
  Entry* newest;

  Entry* begin(T value) {
    drop_ended();
    return newest = new (allocate(sizeof(Entry))) Entry{std::move(value), newest};
  }
  /// For a scope of whichever thread.
  void end(Entry* entry) {
    entry->over.store(true, std::memory_order_release);
    drop_ended();
  }
  /// Drops ended entries, as far as no newer one lives; calls dropped(value) for each.
  template <class F> void drop_ended(F dropped) {
    while (newest && newest->over.load(std::memory_order_acquire)) {
      Entry* const entry = std::exchange(newest, newest->older);
      dropped(entry->value);
      entry->~Entry();
      deallocate(entry, sizeof(Entry));
    }
  }
  void drop_ended() {
    drop_ended([](const T&) {});
  }
  /// Calls f(value) for what has not ended, the newest first.
  template <class F> void for_each(F f) const {
    for (Entry* entry = newest; entry; entry = entry->older)
      if (!entry->over.load(std::memory_order_acquire)) f(entry->value);
  }
};

}  // namespace gradtape::detail
