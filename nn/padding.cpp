#include "gradtape/nn/padding.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/error.hpp"
#include "gradtape/nn/detail/layer.hpp"

namespace gradtape::nn::detail {

PaddingLayer::PaddingLayer(const char* name, int axes, const SpatialSize& widths,
                           PadOptions options)
    : name_(name), axes_(axes), widths_(widths.list), options_(options) {
  const auto sides = 2 * static_cast<std::size_t>(axes);
  if (widths_.size() == 1) widths_.assign(sides, widths_[0]);
  if (widths_.size() != sides)
    fail<ValueError>(name, fmt::format("widths takes one value, or {} ones: before and after each "
                                       "of {} axes, the last one first; got {}",
                                       sides, axes, widths_.size()));
}

Tensor PaddingLayer::forward(const Tensor& x) const {
  static constexpr const char* spatial[] = {"L", "H, W", "D, H, W"};
  if (x.ndim() < axes_) refuse_shape(name_, fmt::format("[..., {}]", spatial[axes_ - 1]), x);
  return pad(x, widths_, options_);
}

}  // namespace gradtape::nn::detail
