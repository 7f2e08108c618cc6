/// Padding layers over one, two or three spatial axes. widths: one number for every side, or
/// (before, after) of the last axis, then of the one before it, as in PyTorch: {left, right, top,
/// bottom}; a negative one cuts off. Each throws ValueError when made with another number of
/// widths; a call throws ShapeError for too few axes and ValueError for a width that the mode
/// cannot serve.
#pragma once

#include <vector>

#include "gradtape/autograd/ops/arrange.hpp"
#include "gradtape/autograd/ops/extents.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

namespace detail {

/// What the padding layers share.
class PaddingLayer : public Layer {
 protected:
  PaddingLayer(const char* name, int axes, const SpatialSize& widths, PadOptions options);
  Tensor forward(const Tensor& x) const override;

 private:
  const char* name_;
  int axes_;
  std::vector<std::int64_t> widths_;
  PadOptions options_;
};

}  // namespace detail

/// A border of zeros along the last axis.
struct ZeroPad1d : detail::PaddingLayer {
  explicit ZeroPad1d(const SpatialSize& widths) : PaddingLayer("ZeroPad1d", 1, widths, {}) {}
};
/// A border of zeros over the last two axes.
struct ZeroPad2d : detail::PaddingLayer {
  explicit ZeroPad2d(const SpatialSize& widths) : PaddingLayer("ZeroPad2d", 2, widths, {}) {}
};
/// A border of zeros over the last three axes.
struct ZeroPad3d : detail::PaddingLayer {
  explicit ZeroPad3d(const SpatialSize& widths) : PaddingLayer("ZeroPad3d", 3, widths, {}) {}
};

/// A border of one value along the last axis.
struct ConstantPad1d : detail::PaddingLayer {
  ConstantPad1d(const SpatialSize& widths, double value)
      : PaddingLayer("ConstantPad1d", 1, widths, {.value = value}) {}
};
/// A border of one value over the last two axes.
struct ConstantPad2d : detail::PaddingLayer {
  ConstantPad2d(const SpatialSize& widths, double value)
      : PaddingLayer("ConstantPad2d", 2, widths, {.value = value}) {}
};
/// A border of one value over the last three axes.
struct ConstantPad3d : detail::PaddingLayer {
  ConstantPad3d(const SpatialSize& widths, double value)
      : PaddingLayer("ConstantPad3d", 3, widths, {.value = value}) {}
};

/// The mirror image without the edge along the last axis: c b | a b c | b a.
struct ReflectionPad1d : detail::PaddingLayer {
  explicit ReflectionPad1d(const SpatialSize& widths)
      : PaddingLayer("ReflectionPad1d", 1, widths, {.mode = PadMode::reflect}) {}
};
/// The mirror image without the edge over the last two axes.
struct ReflectionPad2d : detail::PaddingLayer {
  explicit ReflectionPad2d(const SpatialSize& widths)
      : PaddingLayer("ReflectionPad2d", 2, widths, {.mode = PadMode::reflect}) {}
};
/// The mirror image without the edge over the last three axes.
struct ReflectionPad3d : detail::PaddingLayer {
  explicit ReflectionPad3d(const SpatialSize& widths)
      : PaddingLayer("ReflectionPad3d", 3, widths, {.mode = PadMode::reflect}) {}
};

/// The edge repeated along the last axis: a a | a b c | c c.
struct ReplicationPad1d : detail::PaddingLayer {
  explicit ReplicationPad1d(const SpatialSize& widths)
      : PaddingLayer("ReplicationPad1d", 1, widths, {.mode = PadMode::replicate}) {}
};
/// The edge repeated over the last two axes.
struct ReplicationPad2d : detail::PaddingLayer {
  explicit ReplicationPad2d(const SpatialSize& widths)
      : PaddingLayer("ReplicationPad2d", 2, widths, {.mode = PadMode::replicate}) {}
};
/// The edge repeated over the last three axes.
struct ReplicationPad3d : detail::PaddingLayer {
  explicit ReplicationPad3d(const SpatialSize& widths)
      : PaddingLayer("ReplicationPad3d", 3, widths, {.mode = PadMode::replicate}) {}
};

/// The other end along the last axis: b c | a b c | a b.
struct CircularPad1d : detail::PaddingLayer {
  explicit CircularPad1d(const SpatialSize& widths)
      : PaddingLayer("CircularPad1d", 1, widths, {.mode = PadMode::circular}) {}
};
/// The other end over the last two axes.
struct CircularPad2d : detail::PaddingLayer {
  explicit CircularPad2d(const SpatialSize& widths)
      : PaddingLayer("CircularPad2d", 2, widths, {.mode = PadMode::circular}) {}
};
/// The other end over the last three axes.
struct CircularPad3d : detail::PaddingLayer {
  explicit CircularPad3d(const SpatialSize& widths)
      : PaddingLayer("CircularPad3d", 3, widths, {.mode = PadMode::circular}) {}
};

}  // namespace gradtape::nn
