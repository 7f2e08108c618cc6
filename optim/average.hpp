/// Averages of parameters over the steps of training.
#pragma once

#include <vector>

#include "gradtape/autograd/parameter.hpp"
#include "gradtape/autograd/require.hpp"
#include "gradtape/autograd/state.hpp"

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

  /// Moves the averages towards the parameters' present values.
  void update();
  /// Exchanges averages and parameters.
  void swap();
  /// The average of parameter i. Throws ValueError for an index out of range.
  const Tensor& average(std::size_t i) const {
    return averages_[author::require_index("ExponentialAverage", "parameter", i, averages_.size())];
  }

  /// The averages ("averages.0"), by the order of the parameters.
  [[nodiscard]] StateDict state_dict() const;
  /// Restores a saved state. Throws ValueError, with nothing changed, for a state that does not
  /// fit.
  void load_state_dict(const StateDict& state);

 private:
  std::vector<Parameter> parameters_;
  std::vector<Tensor> averages_;
  double decay_;
};

/// Stochastic weight averaging (SWA): the plain mean of the parameters' values at chosen moments,
/// usually after each of the last epochs, while the learning rate stays high (swa_schedule).
/// Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization".
/// PyTorch's AveragedModel.
///
///     optim::StochasticWeightAverage average(model.parameters());
///     for (...) { train an epoch; if (epoch >= start) average.update(); }
///     average.swap();  // the model computes with the mean until the next swap
///
/// Running statistics (BatchNorm) still belong to the parameters before the swap: recompute them
/// with nn::update_batch_norm.
class StochasticWeightAverage {
 public:
  /// Until the first update the mean is the parameters' own values.
  explicit StochasticWeightAverage(std::vector<Parameter> parameters);

  /// Adds the parameters' present values to the mean: a <- a + (w - a) / (n + 1), n <- n + 1.
  void update();
  /// Exchanges means and parameters.
  void swap();
  /// The mean of parameter i. Throws ValueError for an index out of range.
  const Tensor& average(std::size_t i) const {
    return averages_[author::require_index("StochasticWeightAverage", "parameter", i,
                                           averages_.size())];
  }
  /// The number of updates, n.
  [[nodiscard]] std::int64_t count() const { return count_; }

  /// The means ("averages.0"), by the order of the parameters, and their "count".
  [[nodiscard]] StateDict state_dict() const;
  /// Restores a saved state. Throws ValueError, with nothing changed, for a state that does not
  /// fit.
  void load_state_dict(const StateDict& state);

 private:
  std::vector<Parameter> parameters_;
  std::vector<Tensor> averages_;
  std::int64_t count_ = 0;
};

}  // namespace gradtape::optim
