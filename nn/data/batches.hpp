/// Mini-batches: the samples of one epoch, in order or at random.
#pragma once

#include <cstdint>
#include <optional>

#include "gradtape/autograd/shard.hpp"
#include "gradtape/nn/data/counted_iterator.hpp"
#include "gradtape/nn/data/dataset.hpp"

namespace gradtape::nn::data {

/// Options of batches and Loader: which samples make the batches, in which order.
struct BatchOptions {
  std::int64_t size = 32;   ///< Samples in a batch; the last may have fewer.
  bool shuffle = false;     ///< In random order instead of that of the data set.
  std::uint64_t seed = 0;   ///< Fixes what is random, together with the epoch.
  std::uint64_t epoch = 0;  ///< The number of the epoch; each has an order of its own.
  bool drop_last = false;   ///< Leave out a last batch of fewer samples.
  Tensor weights = {};      ///< [n]: draw samples with probabilities in proportion to these.
  std::optional<std::int64_t> draws = {};  ///< How many with weights; n unless given.
  bool replacement = true;  ///< Whether a sample may be drawn again in the same epoch.
};

namespace detail {
/// How many batches of `size` so many samples make.
std::int64_t batch_count(std::int64_t samples, std::int64_t size, bool drop_last);
}  // namespace detail

/// The batches of one epoch, made when the loop gets to them; see `batches`.
class Batches {
 public:
  /// `shard` is the part of every batch that is given, `start` the sample of the epoch, counted in
  /// its order, at which the first batch begins. Throws what `batches` does, and ValueError for a
  /// start outside the epoch, a shard index outside [0, count), or more shards than the last batch
  /// has samples.
  Batches(Dataset dataset, const BatchOptions& options, const Shard& shard = {},
          std::int64_t start = 0);

  /// Makes the batch that it points to.
  using Iterator = detail::CountedIterator<Batches, Batch>;

  /// The number of batches.
  [[nodiscard]] std::int64_t size() const { return count_; }
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, count_}; }
  /// Batch i, for i in [0, size()); throws ValueError for others.
  [[nodiscard]] Batch operator[](std::int64_t i) const;

 private:
  void draw(const BatchOptions& options);
  void check_shard() const;

  Dataset dataset_;
  Generator epoch_;  // of this epoch; each sample has a stream split from it
  Tensor order_;     // of the samples; undefined for that of the data set
  Tensor streams_;   // of the samples in that order; undefined where equal to it
  Shard shard_;
  std::int64_t batch_size_, start_, length_, count_;
};

/// Mini-batches without replacement: one pass over the data set in which every sample comes once.
///
///     for (std::uint64_t epoch = 0; epoch < 10; ++epoch)
///       for (auto [images, labels] :
///            batches(train, {.size = 128, .shuffle = true, .seed = 1, .epoch = epoch})) ...
///
/// The order depends on seed, epoch and the number of samples (and the weights) only, on every
/// machine. Batches of tensors that are not shuffled share the elements of the data set. With
/// weights, samples are drawn as `multinomial` does. Throws ValueError unless size >= 1, for
/// weights with shuffle, or draws without weights; ShapeError unless there is a weight for each
/// sample; and what multinomial and the functions of the data set throw. Source: CS229 lecture
/// notes on deep learning, Algorithm 2.
[[nodiscard]] Batches batches(const Dataset& dataset, const BatchOptions& options = {});

}  // namespace gradtape::nn::data
