/// Ways to hold some samples out.
#pragma once

#include <cstdint>

#include "gradtape/nn/data/counted_iterator.hpp"
#include "gradtape/nn/data/dataset.hpp"

namespace gradtape::nn::data {

/// A data set in two parts.
struct Split {
  Dataset train, test;  ///< Samples to learn from, and samples held out.
};

/// Holds out every n-th sample for testing: samples 0, n, 2n, ... Throws ValueError unless n >= 2.
[[nodiscard]] Split split_every(const Dataset& dataset, std::int64_t n);

/// Holds out round(fraction * size) samples, drawn at random and fixed by the seed; both parts keep
/// the order of the samples. Throws ValueError unless fraction is in (0, 1) and leaves a sample to
/// each part.
[[nodiscard]] Split split(const Dataset& dataset, double fraction, std::uint64_t seed = 0);

/// Options of k_fold.
struct KFoldOptions {
  bool shuffle = false;    ///< Deal the samples out at random, instead of in runs as they lie.
  std::uint64_t seed = 0;  ///< Any number; fixes the random order.
};

/// The k splits of k-fold cross-validation; see `k_fold`.
class KFold {
 public:
  KFold(Dataset dataset, std::int64_t k, const KFoldOptions& options);

  /// Makes the split that it points to.
  using Iterator = detail::CountedIterator<KFold, Split>;

  /// The number of folds, k.
  [[nodiscard]] std::int64_t size() const { return k_; }
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, k_}; }
  /// Split i, for i in [0, k); throws ValueError for others.
  [[nodiscard]] Split operator[](std::int64_t i) const;

 private:
  Dataset dataset_;
  std::int64_t k_;
  Tensor order_;
};

/// Deals the samples out to k folds of n / k samples, the first n % k with one more, and holds out
/// one fold after the other: every sample is in one test part and in k - 1 train parts. The parts
/// keep the order of the samples.
///
///     for (auto [train, test] : k_fold(dataset, 5, {.shuffle = true, .seed = 1})) ...
///
/// Throws ValueError unless 2 <= k <= n.
[[nodiscard]] KFold k_fold(const Dataset& dataset, std::int64_t k,
                           const KFoldOptions& options = {});

}  // namespace gradtape::nn::data
