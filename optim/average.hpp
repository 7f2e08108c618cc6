/// Averages of parameters over the steps of training.
#pragma once

#include <vector>

#include "gradtape/autograd/parameter.hpp"

namespace gradtape::optim {

/// The exponential moving average of parameters, a <- decay a + (1 - decay) w after each step,
/// starting from their values: often better than the last values (Polyak and Juditsky 1992;
/// Tarvainen and Valpola 2017, "Mean teachers are better role models").
///
///     optim::ExponentialAverage average(model.parameters(), 0.999);
///     for (...) { adam.step(); average.update(); }
///     average.swap();  // the model computes with the averages until the next swap
class ExponentialAverage {
 public:
  /// Throws ValueError unless 0 <= decay < 1.
  explicit ExponentialAverage(std::vector<Parameter> parameters, double decay = 0.999);

  /// Takes in the parameters' present values.
  void update();
  /// Exchanges averages and parameters.
  void swap();
  /// The average of parameter i.
  const Tensor& average(std::size_t i) const { return averages_.at(i); }

 private:
  std::vector<Parameter> parameters_;
  std::vector<Tensor> averages_;
  double decay_;
};

}  // namespace gradtape::optim
