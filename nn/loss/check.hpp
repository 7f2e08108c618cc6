/// Checks of what losses are given: targets, labels, weights.
#pragma once

#include <limits>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::nn::detail {

/// Throws ShapeError in the name of `op` unless the shapes are equal.
void check_shapes(const char* op, const Tensor& prediction, const Tensor& target);
/// The same, and DtypeError for a target of integers or bools, which no loss computes with.
void check_target(const char* op, const Tensor& prediction, const Tensor& target);

/// The numbers that an argument may hold, and what to do about others.
struct Allowed {
  double low = 0, high = std::numeric_limits<double>::infinity();
  const char* remedy = "";
  double rounding = 0;  ///< How many of the dtype's epsilons beyond the bounds are still taken.
  bool nan = false;     ///< NaN goes through.
};
/// Throws ValueError, with the place, where floating `x` holds something else. One pass.
void check_values(const char* op, const char* what, const Tensor& x, const Allowed& allowed);
/// check_values of probabilities that somebody may have computed: 1 + 1e-16 is one.
void check_probabilities(const char* op, const Tensor& target);
/// check_values of log-probabilities: throws ValueError for one that is clearly above 0; NaN goes
/// through, for a mask may take it away.
void check_log_probabilities(const char* op, const Tensor& x);

/// Labels +1 and -1 as numbers of the dtype of `like`: integers convert, a float dtype must agree.
/// Throws ValueError for other labels.
Tensor labels(const char* op, const Tensor& label, const Tensor& like);

}  // namespace gradtape::nn::detail
