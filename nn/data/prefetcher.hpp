/// The threads of a Loader. Private to loader.cpp.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "gradtape/nn/data/loader.hpp"

namespace gradtape::nn::data::detail {

/// Returns the batches from `first` on in order, while threads of its own make those that follow.
///
/// A worker claims the next batch that nobody has, makes it, and puts it into the slot of its
/// number. There are as many slots as batches may be ahead, so a batch may be claimed once the one
/// that had its slot before has been taken.
class Prefetcher {
 public:
  Prefetcher(Batches batches, std::int64_t first, const LoaderOptions& options);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// Takes the next batch, or throws what making it threw. False at the end and after a request to
  /// stop.
  bool next(Batch& batch);
  /// The number of the next batch.
  std::int64_t taken() const { return taken_; }
  bool at_end() const { return taken_ == batches_.size(); }

 private:
  struct Slot {
    Batch batch = {};
    std::exception_ptr error = {};
    bool ready = false;
  };
  Slot& slot(std::int64_t i) { return slots_[static_cast<std::size_t>(i) % slots_.size()]; }
  void start(int threads);
  void work();

  const Batches batches_;
  const std::stop_token stop_;
  std::int64_t taken_;  // batches before this one have been given to the loop

  std::mutex mutex_;  // for all of the following
  std::condition_variable room_;
  std::condition_variable_any ready_;
  std::int64_t claimed_;  // batches before this one have a worker
  std::int64_t limit_;    // no batch from this one on may be claimed yet
  std::vector<Slot> slots_;
  std::vector<Batch> spent_;
  bool ending_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace gradtape::nn::data::detail
