/// Features on a common scale.
#pragma once

#include "gradtape/nn/data/dataset.hpp"

namespace gradtape::nn::data {

/// Shifts and scales each feature to mean 0 and standard deviation 1 over the samples it was fitted
/// on: fit on the training samples only, then apply to all.
///
///     const auto standardiser = Standardiser::fit(train);
///     train = standardiser.apply(train);
///     test = standardiser.apply(test);
struct Standardiser {
  /// Mean and standard deviation (of the population) over axis 0. A constant feature has the scale
  /// 1, so it becomes 0.  x: [n, ...] floating. Throws ShapeError for no samples, DtypeError.
  static Standardiser fit(const Tensor& x);
  /// The same over the inputs of a data set.
  static Standardiser fit(const Dataset& train) { return fit(train.inputs()); }

  /// (x - mean) / scale.  x: [m, ...] with the features of fit. Throws ShapeError, DtypeError.
  [[nodiscard]] Tensor apply(const Tensor& x) const;
  /// The same samples with their inputs standardised: at once where they lie in memory, as they are
  /// made otherwise.
  [[nodiscard]] Dataset apply(const Dataset& dataset) const;
  /// x * scale + mean: what apply was given.
  [[nodiscard]] Tensor invert(const Tensor& x) const;

  Tensor mean, scale;  ///< The shape of one sample.
};

}  // namespace gradtape::nn::data
