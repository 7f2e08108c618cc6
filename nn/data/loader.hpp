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

/// Options of Loader: how the batches are made, and which part of each is given. None of them
/// changes the batches.
struct LoaderOptions {
  int threads = 1;            ///< Threads that make batches ahead; 0: the loop makes them itself.
  int prefetch = 2;           ///< Batches ahead of the loop, for each thread.
  std::stop_token stop = {};  ///< Ends the loop before its next batch when any thread asks for it.
  Shard shard = {};           ///< The part of every batch that this loader gives.
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
/// Of several loaders with the same options, one for each shard, all have the same number of
/// batches, and their batches joined in the order of the shards are those of a loader without, to
/// the bit: of m samples shard r of R gets those in [m r / R, m (r + 1) / R). BatchOptions::size is
/// that of the whole batch, over all shards. A function given to map_batches must treat each sample
/// alike.
///
/// position() and epoch() may be read from any thread; everything else belongs to one, and to the
/// time between loops.
class Loader {
 public:
  /// batches.epoch is the first. Throws ValueError for a negative number of threads, prefetch below
  /// 1, a shard index outside [0, count) or a batch with fewer samples than there are shards, and
  /// what `batches` throws.
  explicit Loader(Dataset dataset, const BatchOptions& batches = {},
                  const LoaderOptions& options = {});

  /// An input iterator through one epoch: `*it` is the batch, `++it` waits for the next.
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
    std::int64_t start_ = 0;
    std::shared_ptr<detail::Prefetcher> ahead_;  // none at the end
    Batch batch_;
  };

  /// The batch at position(), and those after it.
  Iterator begin() { return Iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

  /// The number of batches in an epoch; in one that load_state_dict goes on with in batches of
  /// another size, the number of those.
  [[nodiscard]] std::int64_t size() const;
  /// The number of these size() batches that the loop has taken so far.
  [[nodiscard]] std::int64_t position() const { return position_; }
  /// The number of samples in the batch that the loop has taken last, over all shards; 0 where it
  /// has taken none of this epoch. A shard's mean loss weighs as its part of them.
  [[nodiscard]] std::int64_t batch_samples() const;
  /// The number of the epoch that the loop is in, or that the next loop will be.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  /// Makes the next loop begin at the first batch of an epoch.
  void set_epoch(std::uint64_t epoch);

  /// "seed", "epoch" and "position", the "start" of the first batch and "batch_size" in samples,
  /// and "samples" to recognise the data set by. It is the same for all shards.
  [[nodiscard]] StateDict state_dict() const;
  /// Resumes after the last batch that the other loader's loop had taken, in the same order. If its
  /// batches were of another size, the samples after that batch are the rest of this epoch:
  /// position() is 0, and size() the number of batches that they make; later epochs are whole.
  /// Throws ValueError for the state of another data set, and where a batch of the rest has fewer
  /// samples than there are shards, with nothing changed.
  void load_state_dict(const StateDict& state);

 private:
  Dataset dataset_;
  BatchOptions batches_;
  LoaderOptions options_;
  std::int64_t length_;                 // samples in a whole epoch
  std::atomic<std::int64_t> start_{0};  // the sample at which the batches of this epoch begin
  std::atomic<std::int64_t> position_{0};
  std::atomic<std::uint64_t> epoch_;
};

}  // namespace gradtape::nn::data
