/// Pooling layers over one, two or three spatial axes: the ops of ops/pooling.hpp with their
/// options fixed.  x: [N, C, spatial...] or [C, spatial...]. Each throws ValueError when made with
/// options out of range; a call throws as its op.
#pragma once

#include "gradtape/autograd/ops/pooling.hpp"
#include "gradtape/nn/function_layer.hpp"

namespace gradtape::nn {

namespace detail {

// The kernel. Throw ValueError for options that do not fit each other or `axes` spatial axes.
const SpatialSize& checked(const char* layer, int axes, const SpatialSize& kernel,
                           const MaxPoolOptions& options);
const SpatialSize& checked(const char* layer, int axes, const SpatialSize& kernel,
                           const AvgPoolOptions& options);
const SpatialSize& checked(const char* layer, int axes, const SpatialSize& kernel,
                           const LpPoolOptions& options);
/// p. Throws ValueError unless it is positive and finite.
[[nodiscard]] double checked_exponent(const char* layer, double p);
/// The size. Throws ValueError unless it fits the axes.
const SpatialSize& checked_size(const char* layer, int axes, const SpatialSize& size);

}  // namespace detail

/// Largest element of every window of `kernel` along the last axis.
struct MaxPool1d : FunctionLayer<max_pool1d, SpatialSize, MaxPoolOptions> {
  explicit MaxPool1d(const SpatialSize& kernel, const MaxPoolOptions& options = {})
      : FunctionLayer(detail::checked("MaxPool1d", 1, kernel, options), options) {}
};
/// Largest element of every window of `kernel` over the last two axes.
struct MaxPool2d : FunctionLayer<max_pool2d, SpatialSize, MaxPoolOptions> {
  explicit MaxPool2d(const SpatialSize& kernel, const MaxPoolOptions& options = {})
      : FunctionLayer(detail::checked("MaxPool2d", 2, kernel, options), options) {}
};
/// Largest element of every window of `kernel` over the last three axes.
struct MaxPool3d : FunctionLayer<max_pool3d, SpatialSize, MaxPoolOptions> {
  explicit MaxPool3d(const SpatialSize& kernel, const MaxPoolOptions& options = {})
      : FunctionLayer(detail::checked("MaxPool3d", 3, kernel, options), options) {}
};

/// Mean of every window of `kernel` along the last axis.
struct AvgPool1d : FunctionLayer<avg_pool1d, SpatialSize, AvgPoolOptions> {
  explicit AvgPool1d(const SpatialSize& kernel, const AvgPoolOptions& options = {})
      : FunctionLayer(detail::checked("AvgPool1d", 1, kernel, options), options) {}
};
/// Mean of every window of `kernel` over the last two axes.
struct AvgPool2d : FunctionLayer<avg_pool2d, SpatialSize, AvgPoolOptions> {
  explicit AvgPool2d(const SpatialSize& kernel, const AvgPoolOptions& options = {})
      : FunctionLayer(detail::checked("AvgPool2d", 2, kernel, options), options) {}
};
/// Mean of every window of `kernel` over the last three axes.
struct AvgPool3d : FunctionLayer<avg_pool3d, SpatialSize, AvgPoolOptions> {
  explicit AvgPool3d(const SpatialSize& kernel, const AvgPoolOptions& options = {})
      : FunctionLayer(detail::checked("AvgPool3d", 3, kernel, options), options) {}
};

/// (sum x^p)^(1/p) over every window of `kernel` along the last axis, p > 0.
struct LPPool1d : FunctionLayer<lp_pool1d, double, SpatialSize, LpPoolOptions> {
  LPPool1d(double p, const SpatialSize& kernel, const LpPoolOptions& options = {})
      : FunctionLayer(detail::checked_exponent("LPPool1d", p),
                      detail::checked("LPPool1d", 1, kernel, options), options) {}
};
/// (sum x^p)^(1/p) over every window of `kernel` over the last two axes, p > 0.
struct LPPool2d : FunctionLayer<lp_pool2d, double, SpatialSize, LpPoolOptions> {
  LPPool2d(double p, const SpatialSize& kernel, const LpPoolOptions& options = {})
      : FunctionLayer(detail::checked_exponent("LPPool2d", p),
                      detail::checked("LPPool2d", 2, kernel, options), options) {}
};
/// (sum x^p)^(1/p) over every window of `kernel` over the last three axes, p > 0.
struct LPPool3d : FunctionLayer<lp_pool3d, double, SpatialSize, LpPoolOptions> {
  LPPool3d(double p, const SpatialSize& kernel, const LpPoolOptions& options = {})
      : FunctionLayer(detail::checked_exponent("LPPool3d", p),
                      detail::checked("LPPool3d", 3, kernel, options), options) {}
};

// Pooling to the extents `size`, whatever those of x; an extent of -1 keeps that of x.

/// Means of `size` windows that cover the last axis.
struct AdaptiveAvgPool1d : FunctionLayer<adaptive_avg_pool1d, SpatialSize> {
  explicit AdaptiveAvgPool1d(const SpatialSize& size)
      : FunctionLayer(detail::checked_size("AdaptiveAvgPool1d", 1, size)) {}
};
/// Means of `size` windows that cover the last two axes.
struct AdaptiveAvgPool2d : FunctionLayer<adaptive_avg_pool2d, SpatialSize> {
  explicit AdaptiveAvgPool2d(const SpatialSize& size)
      : FunctionLayer(detail::checked_size("AdaptiveAvgPool2d", 2, size)) {}
};
/// Means of `size` windows that cover the last three axes.
struct AdaptiveAvgPool3d : FunctionLayer<adaptive_avg_pool3d, SpatialSize> {
  explicit AdaptiveAvgPool3d(const SpatialSize& size)
      : FunctionLayer(detail::checked_size("AdaptiveAvgPool3d", 3, size)) {}
};
/// Largest elements of `size` windows that cover the last axis.
struct AdaptiveMaxPool1d : FunctionLayer<adaptive_max_pool1d, SpatialSize> {
  explicit AdaptiveMaxPool1d(const SpatialSize& size)
      : FunctionLayer(detail::checked_size("AdaptiveMaxPool1d", 1, size)) {}
};
/// Largest elements of `size` windows that cover the last two axes.
struct AdaptiveMaxPool2d : FunctionLayer<adaptive_max_pool2d, SpatialSize> {
  explicit AdaptiveMaxPool2d(const SpatialSize& size)
      : FunctionLayer(detail::checked_size("AdaptiveMaxPool2d", 2, size)) {}
};
/// Largest elements of `size` windows that cover the last three axes.
struct AdaptiveMaxPool3d : FunctionLayer<adaptive_max_pool3d, SpatialSize> {
  explicit AdaptiveMaxPool3d(const SpatialSize& size)
      : FunctionLayer(detail::checked_size("AdaptiveMaxPool3d", 3, size)) {}
};

}  // namespace gradtape::nn
