/// Checks and reduction shared by all losses.
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
  Reduction reduction = Reduction::mean;
};

namespace detail {

/// Throws ShapeError in the name of `op` unless the shapes are equal.
void check_shapes(const char* op, const Tensor& prediction, const Tensor& target);
/// losses * weight, which must broadcast to their shape; the losses where weight is undefined.
[[nodiscard]] Tensor weighted(const char* op, const Tensor& losses, const Tensor& weight);
/// Throws ShapeError for the mean of nothing.
[[nodiscard]] Tensor reduce(const char* op, const Tensor& losses, Reduction reduction);
/// Labels as numbers of the dtype of `like`: integers and bools convert, a float dtype must agree.
[[nodiscard]] Tensor labels(const char* op, const Tensor& target, const Tensor& like);
/// max(x, 0) with the slope 1 at 0: a margin that is just met still has its slope.
[[nodiscard]] Tensor at_least_0(const Tensor& x);

}  // namespace detail
}  // namespace gradtape::nn
