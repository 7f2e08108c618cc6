#include "gradtape/nn/loss/reduction.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::nn::detail {

using namespace author;

Tensor weighted(const char* op, const Tensor& losses, const Tensor& weight) {
  if (!weight.defined()) return losses;
  if (!broadcasts_to(weight.shape(), losses.shape()))
    fail<ShapeError>(op, fmt::format("weight {} does not broadcast to the losses, {}",
                                     describe(weight), losses.shape().str()));
  return masked_mul(weight, losses);  // what counts 0 times may be infinite
}

Tensor reduce(const char* op, const Tensor& losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::sum:
      return sum(losses);
    case Reduction::none:
      return losses;
    case Reduction::batch_mean:
      if (losses.ndim() == 0 || losses.size(0) == 0)
        fail<ShapeError>(op, fmt::format("the losses, {}, have no batch to take the mean over",
                                         losses.shape().str()));
      return sum(losses) / static_cast<double>(losses.size(0));
    default:
      if (losses.numel() == 0)
        fail<ShapeError>(op, fmt::format("the mean over nothing, shape {}", losses.shape().str()));
      return mean(losses);
  }
}

Tensor at_least_0(const Tensor& x) { return where(x < 0, 0, x); }

}  // namespace gradtape::nn::detail
