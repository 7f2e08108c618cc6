/// Layers that rearrange: Identity, Flatten, Unflatten, Unfold, Fold.
#pragma once

#include "gradtape/autograd/ops/convolution.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/nn/function_layer.hpp"

namespace gradtape::nn {

/// x itself
class Identity : public Layer {
 protected:
  Tensor forward(const Tensor& x) const override { return x; }
};
/// Axes start ... stop (both included) joined into one; those after the batch unless given.
struct Flatten : FunctionLayer<flatten, std::int64_t, std::int64_t> {
  explicit Flatten(std::int64_t start = 1, std::int64_t stop = -1) : FunctionLayer(start, stop) {}
};
/// One axis split into several: Unflatten(1, {2, 3}) for [N, 6] -> [N, 2, 3]; one extent may be -1.
struct Unflatten : FunctionLayer<unflatten, std::int64_t, Shape> {
  Unflatten(std::int64_t axis, const Shape& extents) : FunctionLayer(axis, extents) {}
};
/// What a kernel sees at every output of a convolution, as columns (op im2col).  x: [N, C, H, W] ->
/// [N, C kh kw, outputs]
struct Unfold : FunctionLayer<im2col, SpatialSize, ColumnOptions> {
  explicit Unfold(SpatialSize kernel, ColumnOptions options = {})
      : FunctionLayer(std::move(kernel), std::move(options)) {}
};
/// The transpose of Unfold (op col2im).  columns: [N, C kh kw, outputs] -> [N, C, size...]
struct Fold : FunctionLayer<col2im, SpatialSize, SpatialSize, ColumnOptions> {
  Fold(SpatialSize size, SpatialSize kernel, ColumnOptions options = {})
      : FunctionLayer(std::move(size), std::move(kernel), std::move(options)) {}
};

}  // namespace gradtape::nn
