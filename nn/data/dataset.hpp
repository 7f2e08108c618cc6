/// Samples with their targets, and ways to hold some of them out.
#pragma once

#include <cstdint>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::nn::data {

/// Inputs and targets of the same samples.  inputs: [n, ...], targets: [n, ...]
struct Dataset {
  Dataset() = default;
  /// Throws ShapeError unless both have as many samples along axis 0.
  Dataset(Tensor inputs, Tensor targets);

  /// The number of samples n.
  std::int64_t size() const { return inputs.size(0); }
  /// The samples at `index` (int64 [m]), in that order. Throws ValueError for one out of range.
  Dataset select(const Tensor& index) const;

  Tensor inputs, targets;
};

/// A data set in two parts.
struct Split {
  Dataset train, test;
};

/// Holds out every n-th sample for testing: samples 0, n, 2n, ... Throws ValueError unless n >= 2.
Split split_every(const Dataset& dataset, std::int64_t n);

/// Holds out round(fraction * size) samples, drawn at random and fixed by the seed; both parts keep
/// the order of the samples. Throws ValueError unless fraction is in (0, 1) and leaves a sample to
/// each part.
Split split(const Dataset& dataset, double fraction, std::uint64_t seed = 0);

}  // namespace gradtape::nn::data
