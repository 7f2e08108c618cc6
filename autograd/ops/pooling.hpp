/// Pooling over the last one, two or three axes. x: [n, channels, spatial...], or that without n.
///
/// All throw ShapeError (rank; no pixels; a window larger than the padded x, or one that sees
/// nothing but padding), ValueError (options out of range) and DtypeError unless floating.
#pragma once

#include "gradtape/autograd/ops/extents.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Options of max_pool1d, max_pool2d and max_pool3d.
struct MaxPoolOptions {
  SpatialSize stride = {};   ///< Steps between the windows; the kernel's extents unless given.
  SpatialSize padding = 0;   ///< Positions around x that no maximum sees; at most kernel / 2.
  SpatialSize dilation = 1;  ///< Steps between the positions of a window.
  bool ceil_mode = false;    ///< Also a last window that hangs over, if it starts inside.
};
/// Options of avg_pool1d, avg_pool2d and avg_pool3d.
struct AvgPoolOptions {
  SpatialSize stride = {};        ///< Steps between the windows; the kernel's extents unless given.
  SpatialSize padding = 0;        ///< Zeros around x; at most kernel / 2.
  bool ceil_mode = false;         ///< Also a last window that hangs over, if it starts inside.
  bool count_include_pad = true;  ///< Whether the zeros around x count as elements.
  std::int64_t divisor_override = 0;  ///< Divide every sum by this instead, unless 0.
};
/// Options of lp_pool1d, lp_pool2d and lp_pool3d.
struct LpPoolOptions {
  SpatialSize stride = {};  ///< Steps between the windows; the kernel's extents unless given.
  bool ceil_mode = false;   ///< Also a last window that hangs over, if it starts inside.
};

/// What a maximum pooling found.
struct MaxPooled {
  Tensor values;   ///< The maxima: [N, C, outputs...].
  Tensor indices;  ///< int64: the position of each in its image, row-major over the spatial axes.
};

// The largest element of every window; NaN wins. Of equal ones the first, row-major, gets the
// gradient.

/// Largest element of every window of `kernel` along the last axis.
[[nodiscard]] Tensor max_pool1d(const Tensor& x, const SpatialSize& kernel,
                                const MaxPoolOptions& options = {});
/// Largest element of every window of `kernel` over the last two axes.
[[nodiscard]] Tensor max_pool2d(const Tensor& x, const SpatialSize& kernel,
                                const MaxPoolOptions& options = {});
/// Largest element of every window of `kernel` over the last three axes.
[[nodiscard]] Tensor max_pool3d(const Tensor& x, const SpatialSize& kernel,
                                const MaxPoolOptions& options = {});
/// max_pool1d with the places of the elements.
[[nodiscard]] MaxPooled max_pool1d_with_indices(const Tensor& x, const SpatialSize& kernel,
                                                const MaxPoolOptions& options = {});
/// max_pool2d with the places of the elements.
[[nodiscard]] MaxPooled max_pool2d_with_indices(const Tensor& x, const SpatialSize& kernel,
                                                const MaxPoolOptions& options = {});
/// max_pool3d with the places of the elements.
[[nodiscard]] MaxPooled max_pool3d_with_indices(const Tensor& x, const SpatialSize& kernel,
                                                const MaxPoolOptions& options = {});

/// Mean of every window of `kernel` along the last axis.
[[nodiscard]] Tensor avg_pool1d(const Tensor& x, const SpatialSize& kernel,
                                const AvgPoolOptions& options = {});
/// Mean of every window of `kernel` over the last two axes.
[[nodiscard]] Tensor avg_pool2d(const Tensor& x, const SpatialSize& kernel,
                                const AvgPoolOptions& options = {});
/// Mean of every window of `kernel` over the last three axes.
[[nodiscard]] Tensor avg_pool3d(const Tensor& x, const SpatialSize& kernel,
                                const AvgPoolOptions& options = {});

// (sum x^p)^(1/p) over every window, p > 0; as in PyTorch without taking |x|, and with the sum of a
// window that hangs over scaled up to a whole one. The gradient is 0 where the sum is 0.

/// p-norm of every window of `kernel` along the last axis.
[[nodiscard]] Tensor lp_pool1d(const Tensor& x, double p, const SpatialSize& kernel,
                               const LpPoolOptions& options = {});
/// p-norm of every window of `kernel` over the last two axes.
[[nodiscard]] Tensor lp_pool2d(const Tensor& x, double p, const SpatialSize& kernel,
                               const LpPoolOptions& options = {});
/// p-norm of every window of `kernel` over the last three axes.
[[nodiscard]] Tensor lp_pool3d(const Tensor& x, double p, const SpatialSize& kernel,
                               const LpPoolOptions& options = {});

// Pooling to the extents `size`, whatever those of x: window i of an axis is floor(i in / out) ...
// ceil((i + 1) in / out). An extent of -1 keeps that of x.

/// Means of `size` windows that cover the last axis.
[[nodiscard]] Tensor adaptive_avg_pool1d(const Tensor& x, const SpatialSize& size);
/// Means of `size` windows that cover the last two axes.
[[nodiscard]] Tensor adaptive_avg_pool2d(const Tensor& x, const SpatialSize& size);
/// Means of `size` windows that cover the last three axes.
[[nodiscard]] Tensor adaptive_avg_pool3d(const Tensor& x, const SpatialSize& size);
/// Largest elements of `size` windows that cover the last axis.
[[nodiscard]] Tensor adaptive_max_pool1d(const Tensor& x, const SpatialSize& size);
/// Largest elements of `size` windows that cover the last two axes.
[[nodiscard]] Tensor adaptive_max_pool2d(const Tensor& x, const SpatialSize& size);
/// Largest elements of `size` windows that cover the last three axes.
[[nodiscard]] Tensor adaptive_max_pool3d(const Tensor& x, const SpatialSize& size);
/// adaptive_max_pool1d with the places of the elements.
[[nodiscard]] MaxPooled adaptive_max_pool1d_with_indices(const Tensor& x, const SpatialSize& size);
/// adaptive_max_pool2d with the places of the elements.
[[nodiscard]] MaxPooled adaptive_max_pool2d_with_indices(const Tensor& x, const SpatialSize& size);
/// adaptive_max_pool3d with the places of the elements.
[[nodiscard]] MaxPooled adaptive_max_pool3d_with_indices(const Tensor& x, const SpatialSize& size);

}  // namespace gradtape
