#include "gradtape/autograd/runtime/thread_pool.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "gradtape/autograd/log.hpp"
#include "gradtape/autograd/runtime/serial.hpp"
#include "gradtape/autograd/system/system.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Between jobs a worker looks for the next one for a while and then sleeps: loops of a training
// step follow each other within microseconds, and waking a sleeping thread takes ten or more.
// OpenMP's threads look for far longer, and where another process wants the cores every loop then
// waits for a thread that is not running.

namespace gradtape::detail {
namespace {

constexpr auto attentive = std::chrono::microseconds(100);

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits until value() != old: awake for a while, then asleep.
template <class T> void wait_for_change(const std::atomic<T>& value, T old) {
  const auto until = std::chrono::steady_clock::now() + attentive;
  do {
    for (int i = 0; i < 64; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      relax();
    }
  } while (std::chrono::steady_clock::now() < until);
  value.wait(old, std::memory_order_acquire);
}

/// The number of a job, and how many workers are inside it, in one word: a worker enters a job only
/// while it is open, and the job's owner leaves when it is closed and nobody is inside.
class Pool {
 public:
  void run(const PoolJob& job, int threads) {
    const std::unique_lock mine(users_, std::try_to_lock);
    if (!mine || threads < 2 || !grow(threads - 1)) return run_alone(job);
    job_ = job;
    wanted_.store(threads - 1, std::memory_order_relaxed);
    next_.store(0, std::memory_order_relaxed);
    state_.store(open, std::memory_order_release);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    {
      const Serial one_thread_for_libraries;
      take_pieces();
    }
    // No piece is left to take: whoever is not inside now has nothing to do there.
    auto inside = state_.fetch_and(~open, std::memory_order_acq_rel) & ~open;
    while (inside != 0) {
      wait_for_change(state_, inside);
      inside = state_.load(std::memory_order_acquire);
    }
  }

 private:
  static constexpr std::uint32_t open = 1u << 31;

  static void run_alone(const PoolJob& job) {
    for (std::int64_t piece = 0; piece < job.pieces; ++piece) job.call(job.context, piece);
  }

  void take_pieces() {
    for (;;) {
      const auto piece = next_.fetch_add(1, std::memory_order_relaxed);
      if (piece >= job_.pieces) return;
      job_.call(job_.context, piece);
    }
  }

  /// Whether a worker may work on the current job; it then counts as inside.
  bool enter(int worker) {
    if (worker >= wanted_.load(std::memory_order_relaxed)) return false;
    auto state = state_.load(std::memory_order_acquire);
    while (state & open)
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) return true;
    return false;
  }

  void leave() {
    if (state_.fetch_sub(1, std::memory_order_acq_rel) == 1) state_.notify_one();
  }

  void work(int worker) {
    const Serial one_thread_for_libraries;
    for (std::uint32_t seen = 0;;) {
      wait_for_change(round_, seen);
      seen = round_.load(std::memory_order_acquire);
      if (!enter(worker)) continue;
      take_pieces();
      leave();
    }
  }

  /// Whether there is a worker at least.
  bool grow(int workers) {
    if (workers_ >= workers) return true;
    for (; workers_ < workers; ++workers_) try {
        std::thread([this, worker = workers_] { work(worker); }).detach();
      } catch (const std::system_error&) {  // no more threads to be had
        if (workers_ != refused_at_)        // told once
          log(LogLevel::warning, "threads", "the system gives no more than %d of %d", workers_ + 1,
              workers + 1);
        refused_at_ = workers_;
        return workers_ > 0;
      }
    log(LogLevel::info, "threads", "large loops run on %d threads from here on", workers + 1);
    return true;
  }

  std::mutex users_;
  int workers_ = 0, refused_at_ = -1;
  PoolJob job_{};
  std::atomic<int> wanted_{0};
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::uint32_t> state_{0};
  std::atomic<std::uint32_t> round_{0};
};

/// Never destroyed: workers sleep in it until the process ends.
alignas(Pool) unsigned char storage[sizeof(Pool)];

Pool* pool() {
  static Pool* const made = [] {
    // Workers of a plugin that is unloaded would wake up in nothing.
    os::keep_loaded(storage);
    // A child has no workers; it starts its own.
    os::after_fork_in_child([] { new (storage) Pool; });
    return new (storage) Pool;
  }();
  return made;
}

}  // namespace

void run_on_pool(const PoolJob& job, int threads) { pool()->run(job, threads); }

}  // namespace gradtape::detail
