/// Features on a common scale.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::nn::data {

/// Shifts and scales each feature to mean 0 and standard deviation 1 over the samples it was fitted
/// on: fit on the training samples only, then apply to all.
///
///     const auto standardiser = Standardiser::fit(train.inputs);
///     train.inputs = standardiser.apply(train.inputs);
///     test.inputs = standardiser.apply(test.inputs);
struct Standardiser {
  /// Mean and standard deviation (of the population) over axis 0. A constant feature has the scale
  /// 1, so it becomes 0.  x: [n, ...] floating. Throws ShapeError for no samples, DtypeError.
  static Standardiser fit(const Tensor& x);

  /// (x - mean) / scale.  x: [m, ...] with the features of fit. Throws ShapeError, DtypeError.
  Tensor apply(const Tensor& x) const;
  /// x * scale + mean: what apply was given.
  Tensor invert(const Tensor& x) const;

  Tensor mean, scale;  ///< The shape of one sample.
};

}  // namespace gradtape::nn::data
