/// How losses are weighted and reduced.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::nn {

/// How the losses of the elements are reduced.
enum class Reduction {
  mean,        ///< Their mean, 0-d.
  sum,         ///< Their sum, 0-d.
  none,        ///< All of them.
  batch_mean,  ///< Their sum over the extent of the first axis, 0-d.
};

/// Options of the losses that have no others.
struct LossOptions {
  Reduction reduction = Reduction::mean;  ///< Of the losses: none, mean or sum.
};

namespace detail {

/// losses * weight, which must broadcast to their shape; the losses where weight is undefined. A
/// weight of 0 makes 0 of an infinite loss too.
[[nodiscard]] Tensor weighted(const char* op, const Tensor& losses, const Tensor& weight);
/// Throws ShapeError for the mean of nothing.
[[nodiscard]] Tensor reduce(const char* op, const Tensor& losses, Reduction reduction);
/// max(x, 0) with the slope 1 at 0: a margin that is just met still has its slope.
[[nodiscard]] Tensor at_least_0(const Tensor& x);

}  // namespace detail
}  // namespace gradtape::nn
