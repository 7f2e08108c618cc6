/// ASGD: gradient descent and the average of its path.
#pragma once

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// Options of ASGD.
struct ASGDOptions {
  static constexpr const char* rule = "ASGD";
  double lr = 1e-2;         ///< Learning rate, >= 0.
  double lambda = 1e-4;     ///< How fast the learning rate falls, and a weight decay; >= 0.
  double alpha = 0.75;      ///< The power by which it falls, >= 0.
  double start = 1e6;       ///< The step after which the average begins, t0; >= 0.
  double weight_decay = 0;  ///< Times the parameter, added to its gradient; >= 0.
  bool maximize = false;    ///< Climb instead of descending.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// State of ASGD for one parameter.
struct ASGDState {
  std::int64_t steps = 0;             ///< Updates so far, t.
  double eta = 0;                     ///< The learning rate of the next step.
  double mu = 1;                      ///< The share of the next step in the average.
  Tensor average;                     ///< Average of the parameter, a: the result of the method.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging", with the
/// learning rate of Bottou's sgd as in PyTorch:
///
///     g <- g + weight_decay w
///     w <- (1 - lambda eta) w - eta g
///     a <- a + mu (w - a)
///     eta <- lr / (1 + lambda lr t)^alpha      (at first lr)
///     mu <- 1 / max(1, t - start)              (at first 1)
class ASGD : public Rule<ASGDOptions, ASGDState> {
 public:
  using Rule::Rule;
  void step() override;
};

}  // namespace gradtape::optim
