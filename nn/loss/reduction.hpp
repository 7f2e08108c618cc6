/// What every loss does with the losses of the elements.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::nn {

/// What becomes of the losses of the elements.
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

namespace loss_detail {

/// Throws ShapeError in the name of `op` unless the shapes are equal.
void check_shapes(const char* op, const Tensor& prediction, const Tensor& target);
/// losses * weight, which must broadcast to their shape; the losses where weight is undefined.
Tensor weighted(const char* op, const Tensor& losses, const Tensor& weight);
/// Throws ShapeError for the mean of nothing.
Tensor reduce(const char* op, const Tensor& losses, Reduction reduction);
/// Labels as numbers of the dtype of `like`: integers and bools convert, a float dtype must agree.
Tensor labels(const char* op, const Tensor& target, const Tensor& like);
/// x where x > 0, else 0; the slope at 0 is 1, as of a bound that is just met.
Tensor at_least_0(const Tensor& x);

}  // namespace loss_detail
}  // namespace gradtape::nn
