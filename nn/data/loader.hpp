/// Loader: batches made ahead of the training loop, epoch after epoch.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <stop_token>

#include "gradtape/autograd/state.hpp"
#include "gradtape/nn/data/batches.hpp"

namespace gradtape::nn::data {
namespace detail {
class Prefetcher;
}

/// Options of Loader: how the batches are made. None of them changes the batches.
struct LoaderOptions {
  int threads = 1;            ///< Threads that make batches ahead; 0: the loop makes them itself.
  int prefetch = 2;           ///< Batches ahead of the loop, for each thread.
  std::stop_token stop = {};  ///< Ends the loop before its next batch when any thread asks for it.
};

/// The batches of a data set, made on other threads while the loop works on those before.
///
///     Loader loader(train, {.size = 128, .shuffle = true, .seed = 1}, {.threads = 2});
///     for (auto epoch = loader.epoch(); epoch < 10; ++epoch)
///       for (auto [images, labels] : loader) ...
///
/// Each loop is one epoch. After a loop that ended early, by `break`, an exception or a request to
/// stop, the next loop resumes the epoch at the first batch that it has not seen. The batches are
/// those of `batches` with the same options, to the bit, for every number of threads. An exception
/// of a function of the data set is rethrown in the loop in place of its batch. Ops in these
/// functions are not recorded.
///
/// position() and epoch() may be read from any thread; everything else belongs to one, and to the
/// time between loops.
class Loader {
 public:
  /// options.epoch is the first. Throws ValueError for a negative number of threads or prefetch
  /// below 1, and what `batches` throws.
  explicit Loader(Dataset dataset, const BatchOptions& batches = {},
                  const LoaderOptions& options = {});

  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    Iterator() = default;
    const Batch& operator*() const { return batch_; }
    Iterator& operator++() {
      advance();
      return *this;
    }
    void operator++(int) { advance(); }
    friend bool operator==(const Iterator& at, std::default_sentinel_t) { return !at.ahead_; }

   private:
    friend class Loader;
    explicit Iterator(Loader& loader);
    void advance();

    Loader* loader_ = nullptr;
    std::uint64_t epoch_ = 0;
    std::shared_ptr<detail::Prefetcher> ahead_;  // none at the end
    Batch batch_;
  };

  /// The batch at position(), and those after it.
  Iterator begin() { return Iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

  /// The number of batches in an epoch.
  [[nodiscard]] std::int64_t size() const { return size_; }
  /// The number of batches of this epoch that the loop has taken so far.
  [[nodiscard]] std::int64_t position() const { return position_; }
  /// The number of the epoch that the loop is in, or that the next loop will be.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  /// Makes the next loop begin at the first batch of an epoch.
  void set_epoch(std::uint64_t epoch);

  /// "seed", "epoch" and "position", with "samples" and "batch_size" to recognise the data set by.
  [[nodiscard]] StateDict state_dict() const;
  /// Resumes after the last batch that the other loader's loop had taken. Throws ValueError
  /// for the state of another data set or batch size, with nothing changed.
  void load_state_dict(const StateDict& state);

 private:
  Dataset dataset_;
  BatchOptions batches_;
  LoaderOptions options_;
  std::int64_t size_;
  std::atomic<std::int64_t> position_{0};
  std::atomic<std::uint64_t> epoch_;
};

}  // namespace gradtape::nn::data
