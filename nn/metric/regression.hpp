/// Metrics of predicted numbers: mean squared and absolute error, R^2.
#pragma once

#include <cstdint>
#include <vector>

#include "gradtape/autograd/tensor.hpp"
#include "gradtape/nn/metric/mean.hpp"

namespace gradtape::nn::metric {

// Of predictions and targets of the same shape, float32 or float64. Each throws ShapeError and
// DtypeError; the objects do so where they are updated.

/// The mean of (prediction - target)^2 over all elements.
[[nodiscard]] double mean_squared_error(const Tensor& prediction, const Tensor& target);
/// The mean of |prediction - target| over all elements.
[[nodiscard]] double mean_absolute_error(const Tensor& prediction, const Tensor& target);
/// The share of the target's variance that the prediction explains, 1 - sum (p - t)^2 /
/// sum (t - mean t)^2, over axis 0; then the mean over the outputs.  [n, ...]
/// 1 is perfect, 0 what the mean achieves. Of a constant target it is 1 if predicted exactly, else
/// 0; of fewer than two samples NaN. As scikit-learn's r2_score.
[[nodiscard]] double r2(const Tensor& prediction, const Tensor& target);

/// The mean squared error over many batches.
class MeanSquaredError {
 public:
  /// Adds a batch; prediction and target have one shape, [n, ...]. Throws ShapeError, DtypeError.
  void update(const Tensor& prediction, const Tensor& target);
  /// Over all batches so far; NaN of nothing.
  [[nodiscard]] double compute() const { return mean_.compute(); }
  /// Forgets all batches.
  void reset() { mean_.reset(); }
  /// float64 [2]: the sum of the squared errors, the number of elements.
  [[nodiscard]] Tensor state() const { return mean_.state(); }
  /// Throws ShapeError, DtypeError.
  void set_state(const Tensor& state) { mean_.set_state(state); }

 private:
  Mean mean_;
};

/// The mean absolute error over many batches.
class MeanAbsoluteError {
 public:
  /// Adds a batch; prediction and target have one shape, [n, ...]. Throws ShapeError, DtypeError.
  void update(const Tensor& prediction, const Tensor& target);
  /// Over all batches so far; NaN of nothing.
  [[nodiscard]] double compute() const { return mean_.compute(); }
  /// Forgets all batches.
  void reset() { mean_.reset(); }
  /// float64 [2]: the sum of the absolute errors, the number of elements.
  [[nodiscard]] Tensor state() const { return mean_.state(); }
  /// Throws ShapeError, DtypeError.
  void set_state(const Tensor& state) { mean_.set_state(state); }

 private:
  Mean mean_;
};

/// r2 over many batches, in one pass (Welford 1962, "Note on a method for calculating corrected
/// sums of squares and products"). The batches must have the same number of outputs.
/// It has no state of sums: of sums of squares as they are, the digits of the variance are lost.
class R2 {
 public:
  /// Adds a batch; prediction and target have one shape, [n, ...]. Throws ShapeError, DtypeError.
  void update(const Tensor& prediction, const Tensor& target);
  /// As r2() of all batches joined.
  [[nodiscard]] double compute() const;
  /// Forgets all batches.
  void reset() { *this = {}; }

 private:
  struct Output {
    double mean = 0, total = 0, residual = 0;  // sums of squares but for the mean
  };
  std::vector<Output> outputs_;
  std::int64_t samples_ = 0;
};

}  // namespace gradtape::nn::metric
