/// The transpose of slice, for ops/*.cpp only.
#pragma once

#include "gradtape/autograd/ops/shape.hpp"

namespace gradtape::detail {

/// Zeros whose extent along `axis` is `extent`, with g at start, start + step, ... along it.
/// Recorded as "slice_backward".
Tensor slice_backward(const Tensor& g, int axis, std::int64_t extent, std::int64_t start,
                      std::int64_t step);

}  // namespace gradtape::detail
