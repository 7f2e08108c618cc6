/// Connectionist temporal classification (Graves et al. 2006).
#pragma once

#include <cstdint>

#include "gradtape/nn/loss/reduction.hpp"

namespace gradtape::nn {

/// Options of ctc_loss.
struct CtcOptions {
  std::int64_t blank = 0;                 ///< The index of the class that stands for no label.
  Reduction reduction = Reduction::mean;  ///< The mean divides each loss by its target's length.
  bool zero_infinity = false;  ///< A target too long for its input costs 0, not infinity.
};
/// -log of the probability of the targets, summed over all ways to align them with the inputs.
/// log_probabilities: [time, n, classes], or [time, classes] for one; targets (int64): [n,
/// longest], or all joined, [sum of target_lengths]; input_lengths, target_lengths (int64): [n], or
/// 0-d for one -> a loss a sequence. Throws ShapeError, DtypeError, ValueError (a class, length or
/// blank out of range, a log-probability above 0).
[[nodiscard]] Tensor ctc_loss(const Tensor& log_probabilities, const Tensor& targets,
                              const Tensor& input_lengths, const Tensor& target_lengths,
                              CtcOptions options = {});

}  // namespace gradtape::nn
