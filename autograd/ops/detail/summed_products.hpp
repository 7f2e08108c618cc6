/// The gradient of what is multiplied with every row of a large tensor.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::detail {

/// Whether summed_products serves for the gradient of b in a * b: b has the last axes of a, which
/// is so large that its products with a cotangent would leave the cache.
[[nodiscard]] bool repeats_rows(const Tensor& a, const Tensor& b);

/// masked_mul(g, a) summed over all axes but the last ones, whose extents are `shape`; or whole,
/// for the engine to sum, where the backward pass is recorded or a sum overflows. Made in the
/// pieces in which sum_to would sum the whole, so that the bits are the same.
[[nodiscard]] Tensor summed_products(const Tensor& g, const Tensor& a, const Shape& shape);

}  // namespace gradtape::detail
