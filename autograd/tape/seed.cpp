#include <fmt/format.h>

#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape/node.hpp"

namespace gradtape {

using namespace detail;

Tensor detail::starting_cotangent(const char* op, const Tensor& output, const Tensor& seed) {
  need_defined(op, output, "the output");
  if (!is_floating(output.dtype()))
    fail<GraphError>(op, fmt::format("the output is {}, and only floats have gradients: indices, "
                                     "counts and comparisons have none",
                                     name(output.dtype())));
  if (!output.is_tracked())
    fail<GraphError>(
        op,
        "the output is not tracked: none of its inputs requires a gradient, or they are frozen, or "
        "it was computed under NoGrad or detached (see docs/errors.md#not-tracked)");
  if (!seed.defined()) {
    if (output.numel() != 1)
      fail<GraphError>(
          op,
          fmt::format("the output has shape {}; without a seed (its cotangent) it must have one "
                      "element. Reduce it with sum() or mean(), or pass a seed",
                      output.shape().str()));
    return ones_like(output);
  }
  const Tensor cotangent = seed.is_weak() ? seed.to(output.dtype()) : seed;
  if (cotangent.dtype() != output.dtype())
    fail<DtypeError>(op, fmt::format("the seed is {}, the output {}", name(cotangent.dtype()),
                                     name(output.dtype())));
  if (!broadcasts_to(cotangent.shape(), output.shape()))
    fail<ShapeError>(op, fmt::format("the seed's shape {} does not broadcast to the output's {}",
                                     seed.shape().str(), output.shape().str()));
  return expand(cotangent, output.shape());
}

}  // namespace gradtape
