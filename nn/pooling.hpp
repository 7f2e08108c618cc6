/// Pooling layers over one, two or three spatial axes: the ops of ops/pooling.hpp with their
/// options fixed.  x: [N, C, spatial...] or [C, spatial...]. Each throws ValueError when made with
/// options out of range; a call throws as its op.
#pragma once

#include "gradtape/autograd/ops/pooling.hpp"
#include "gradtape/nn/function_layer.hpp"

namespace gradtape::nn {

namespace detail {

// The kernel. Throw ValueError for options that do not fit each other or `axes` spatial axes.
const Extents& checked(const char* layer, int axes, const Extents& kernel,
                       const MaxPoolOptions& options);
const Extents& checked(const char* layer, int axes, const Extents& kernel,
                       const AvgPoolOptions& options);
const Extents& checked(const char* layer, int axes, const Extents& kernel,
                       const LpPoolOptions& options);
/// p. Throws ValueError unless it is positive and finite.
[[nodiscard]] double checked_exponent(const char* layer, double p);
/// The size. Throws ValueError unless it fits the axes.
const Extents& checked_size(const char* layer, int axes, const Extents& size);

}  // namespace detail

/// Largest element of every window of `kernel` along the last axis.
struct MaxPool1d : FunctionLayer<max_pool1d, Extents, MaxPoolOptions> {
  explicit MaxPool1d(const Extents& kernel, const MaxPoolOptions& options = {})
      : FunctionLayer(detail::checked("MaxPool1d", 1, kernel, options), options) {}
};
/// Largest element of every window of `kernel` over the last two axes.
struct MaxPool2d : FunctionLayer<max_pool2d, Extents, MaxPoolOptions> {
  explicit MaxPool2d(const Extents& kernel, const MaxPoolOptions& options = {})
      : FunctionLayer(detail::checked("MaxPool2d", 2, kernel, options), options) {}
};
/// Largest element of every window of `kernel` over the last three axes.
struct MaxPool3d : FunctionLayer<max_pool3d, Extents, MaxPoolOptions> {
  explicit MaxPool3d(const Extents& kernel, const MaxPoolOptions& options = {})
      : FunctionLayer(detail::checked("MaxPool3d", 3, kernel, options), options) {}
};

/// Mean of every window of `kernel` along the last axis.
struct AvgPool1d : FunctionLayer<avg_pool1d, Extents, AvgPoolOptions> {
  explicit AvgPool1d(const Extents& kernel, const AvgPoolOptions& options = {})
      : FunctionLayer(detail::checked("AvgPool1d", 1, kernel, options), options) {}
};
/// Mean of every window of `kernel` over the last two axes.
struct AvgPool2d : FunctionLayer<avg_pool2d, Extents, AvgPoolOptions> {
  explicit AvgPool2d(const Extents& kernel, const AvgPoolOptions& options = {})
      : FunctionLayer(detail::checked("AvgPool2d", 2, kernel, options), options) {}
};
/// Mean of every window of `kernel` over the last three axes.
struct AvgPool3d : FunctionLayer<avg_pool3d, Extents, AvgPoolOptions> {
  explicit AvgPool3d(const Extents& kernel, const AvgPoolOptions& options = {})
      : FunctionLayer(detail::checked("AvgPool3d", 3, kernel, options), options) {}
};

/// (sum x^p)^(1/p) over every window of `kernel` along the last axis, p > 0.
struct LPPool1d : FunctionLayer<lp_pool1d, double, Extents, LpPoolOptions> {
  LPPool1d(double p, const Extents& kernel, const LpPoolOptions& options = {})
      : FunctionLayer(detail::checked_exponent("LPPool1d", p),
                      detail::checked("LPPool1d", 1, kernel, options), options) {}
};
/// (sum x^p)^(1/p) over every window of `kernel` over the last two axes, p > 0.
struct LPPool2d : FunctionLayer<lp_pool2d, double, Extents, LpPoolOptions> {
  LPPool2d(double p, const Extents& kernel, const LpPoolOptions& options = {})
      : FunctionLayer(detail::checked_exponent("LPPool2d", p),
                      detail::checked("LPPool2d", 2, kernel, options), options) {}
};
/// (sum x^p)^(1/p) over every window of `kernel` over the last three axes, p > 0.
struct LPPool3d : FunctionLayer<lp_pool3d, double, Extents, LpPoolOptions> {
  LPPool3d(double p, const Extents& kernel, const LpPoolOptions& options = {})
      : FunctionLayer(detail::checked_exponent("LPPool3d", p),
                      detail::checked("LPPool3d", 3, kernel, options), options) {}
};

// Pooling to the extents `size`, whatever those of x; an extent of -1 keeps that of x.

/// Means of `size` windows that cover the last axis.
struct AdaptiveAvgPool1d : FunctionLayer<adaptive_avg_pool1d, Extents> {
  explicit AdaptiveAvgPool1d(const Extents& size)
      : FunctionLayer(detail::checked_size("AdaptiveAvgPool1d", 1, size)) {}
};
/// Means of `size` windows that cover the last two axes.
struct AdaptiveAvgPool2d : FunctionLayer<adaptive_avg_pool2d, Extents> {
  explicit AdaptiveAvgPool2d(const Extents& size)
      : FunctionLayer(detail::checked_size("AdaptiveAvgPool2d", 2, size)) {}
};
/// Means of `size` windows that cover the last three axes.
struct AdaptiveAvgPool3d : FunctionLayer<adaptive_avg_pool3d, Extents> {
  explicit AdaptiveAvgPool3d(const Extents& size)
      : FunctionLayer(detail::checked_size("AdaptiveAvgPool3d", 3, size)) {}
};
/// Largest elements of `size` windows that cover the last axis.
struct AdaptiveMaxPool1d : FunctionLayer<adaptive_max_pool1d, Extents> {
  explicit AdaptiveMaxPool1d(const Extents& size)
      : FunctionLayer(detail::checked_size("AdaptiveMaxPool1d", 1, size)) {}
};
/// Largest elements of `size` windows that cover the last two axes.
struct AdaptiveMaxPool2d : FunctionLayer<adaptive_max_pool2d, Extents> {
  explicit AdaptiveMaxPool2d(const Extents& size)
      : FunctionLayer(detail::checked_size("AdaptiveMaxPool2d", 2, size)) {}
};
/// Largest elements of `size` windows that cover the last three axes.
struct AdaptiveMaxPool3d : FunctionLayer<adaptive_max_pool3d, Extents> {
  explicit AdaptiveMaxPool3d(const Extents& size)
      : FunctionLayer(detail::checked_size("AdaptiveMaxPool3d", 3, size)) {}
};

}  // namespace gradtape::nn
