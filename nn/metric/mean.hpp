/// Mean: of numbers that come batch by batch.
#pragma once

#include <limits>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::nn::metric {

/// The weighted mean of what it has been given, such as the losses of batches by their sizes.
class Mean {
 public:
  /// Adds a value that counts `weight` times.
  void update(double value, double weight = 1) {
    sum_ += value * weight;
    weight_ += weight;
  }
  /// NaN of nothing.
  [[nodiscard]] double compute() const {
    return weight_ == 0 ? std::numeric_limits<double>::quiet_NaN() : sum_ / weight_;
  }
  /// Forgets all values.
  void reset() { *this = {}; }

  /// The sums that it keeps, float64 [2]: of the weighted values, of the weights.
  [[nodiscard]] Tensor state() const;
  /// Throws ShapeError, DtypeError.
  void set_state(const Tensor& state);

 private:
  double sum_ = 0, weight_ = 0;
};

}  // namespace gradtape::nn::metric
