/// Checks of what losses are given: targets, labels, weights.
#pragma once

#include <limits>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::nn::detail {

/// Throws ShapeError in the name of `op` unless the shapes are equal.
void check_shapes(const char* op, const Tensor& prediction, const Tensor& target);
/// The same, and DtypeError for a target of integers or bools, which no loss computes with.
void check_target(const char* op, const Tensor& prediction, const Tensor& target);
/// check_target where a single number, 0-d, may stand for a prediction or target of any shape.
void check_target_or_number(const char* op, const Tensor& prediction, const Tensor& target);

/// The numbers that an argument may hold, and what to do about others.
struct Allowed {
  double low = 0, high = std::numeric_limits<double>::infinity();
  const char* remedy = "";
  double slack = 0;  ///< How far beyond the bounds rounding may have put a number.
  bool nan = false;  ///< NaN goes through.
};
/// Throws ValueError, with the place, where `x` holds something else, and DtypeError unless it is
/// floating or a literal. One pass.
void check_values(const char* op, const char* what, const Tensor& x, const Allowed& allowed);
/// check_values of probabilities in [0, 1], with a slack of 1e-6: they may have been computed, and
/// in float32 (8 roundings at 1), whatever their dtype is now.
void check_probabilities(const char* op, const Tensor& target);
/// check_values of log-probabilities, at most 0 with a slack of 1e-4, which x - logsumexp(x) leaves
/// in float32 of logits near 1000. NaN goes through, for a mask may take it away.
void check_log_probabilities(const char* op, const Tensor& x);

/// Labels +1 and -1 as numbers of the dtype of `like`: integers convert, a float dtype must agree.
/// Throws ValueError for other labels.
[[nodiscard]] Tensor labels(const char* op, const Tensor& label, const Tensor& like);

}  // namespace gradtape::nn::detail
