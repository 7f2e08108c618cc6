#include "gradtape/nn/pooling.hpp"

#include <fmt/format.h>

#include <span>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/error.hpp"
#include "gradtape/nn/detail/layer.hpp"

namespace gradtape::nn::detail {

using namespace author;

namespace {

void check_windows(const char* layer, int axes, const SpatialSize& kernel,
                   const SpatialSize& stride) {
  check_extents(layer, "kernel", kernel, axes, 1);
  if (!stride.list.empty()) check_extents(layer, "stride", stride, axes, 1);
}

void check_padding(const char* layer, int axes, const SpatialSize& kernel,
                   const SpatialSize& padding) {
  const auto windows = spatial(layer, "kernel", kernel, axes, 1);
  const auto border = spatial(layer, "padding", padding, axes, 0);
  const auto text = [&](const Spatial& all) {
    return Shape(std::span(all).last(static_cast<std::size_t>(axes))).str();
  };
  for (std::size_t i = 0; i < border.size(); ++i)
    if (2 * border[i] > windows[i])
      fail<ValueError>(layer, fmt::format("padding {} must be at most half of the kernel {}",
                                          text(border), text(windows)));
}

}  // namespace

const SpatialSize& checked(const char* layer, int axes, const SpatialSize& kernel,
                           const MaxPoolOptions& options) {
  check_windows(layer, axes, kernel, options.stride);
  check_padding(layer, axes, kernel, options.padding);
  check_extents(layer, "dilation", options.dilation, axes, 1);
  return kernel;
}

const SpatialSize& checked(const char* layer, int axes, const SpatialSize& kernel,
                           const AvgPoolOptions& options) {
  check_windows(layer, axes, kernel, options.stride);
  check_padding(layer, axes, kernel, options.padding);
  return kernel;
}

const SpatialSize& checked(const char* layer, int axes, const SpatialSize& kernel,
                           const LpPoolOptions& options) {
  check_windows(layer, axes, kernel, options.stride);
  return kernel;
}

double checked_exponent(const char* layer, double p) { return require(layer, "p", p, above(0)); }

const SpatialSize& checked_size(const char* layer, int axes, const SpatialSize& size) {
  SpatialSize extents = size;
  for (auto& extent : extents.list)
    if (extent == -1) extent = 1;
  check_extents(layer, "size", extents, axes, 1);
  return size;
}

}  // namespace gradtape::nn::detail
