/// Mini-batches: every sample once an epoch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "gradtape/nn/data/dataset.hpp"

namespace gradtape::nn::data {

/// Options of batches.
struct BatchOptions {
  std::int64_t size = 32;   ///< Samples in a batch; the last has fewer where it does not divide.
  bool shuffle = false;     ///< In an order drawn at random, instead of as they lie.
  std::uint64_t seed = 0;   ///< Fixes the random order, together with the epoch.
  std::uint64_t epoch = 0;  ///< Give each epoch its number, and each has an order of its own.
  bool drop_last = false;   ///< Leave a last batch out that has fewer samples than the others.
};

/// Some samples: inputs [size, ...], targets [size, ...].
struct Batch {
  Tensor inputs, targets;
};

/// The batches of one epoch, made when the loop gets to them; see `batches`.
class Batches {
 public:
  Batches(Dataset dataset, const BatchOptions& options);

  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    Iterator() = default;
    Batch operator*() const { return (*batches_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) {
      auto before = *this;
      ++at_;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    friend class Batches;
    Iterator(const Batches* batches, std::int64_t at) : batches_(batches), at_(at) {}
    const Batches* batches_ = nullptr;
    std::int64_t at_ = 0;
  };

  /// The number of batches.
  std::int64_t size() const { return count_; }
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, count_}; }
  /// Batch i, for i in [0, size()); throws ValueError for others.
  Batch operator[](std::int64_t i) const;

 private:
  Dataset dataset_;
  Tensor order_;  // of the samples; undefined when they come as they lie
  std::int64_t batch_size_, count_;
};

/// Mini-batches without replacement: one pass over the data set in which every sample comes once.
///
///     for (std::uint64_t epoch = 0; epoch < 10; ++epoch)
///       for (auto [images, labels] :
///            batches(train, {.size = 128, .shuffle = true, .seed = 1, .epoch = epoch})) ...
///
/// The order depends on seed, epoch and the number of samples only, on every machine. Batches that
/// are not shuffled share the elements of the data set. Throws ValueError unless size >= 1, and
/// ShapeError as Dataset does. Source: CS229 lecture notes on deep learning, Algorithm 2.
Batches batches(const Dataset& dataset, const BatchOptions& options = {});

}  // namespace gradtape::nn::data
