#include <gradtape/nn/pooling.hpp>

#include "../layers.hpp"
#include "../maps/extents.hpp"

namespace gradtape::conformance {
namespace {

using Maximum = MaxPooled (*)(const Tensor&, const SpatialSize&, const MaxPoolOptions&);
using AdaptiveMaximum = MaxPooled (*)(const Tensor&, const SpatialSize&);

Value tuple(const MaxPooled& pooled) { return List{pooled.values, pooled.indices}; }

/// With return_indices, which the layers leave to the op.
template <class L, Maximum op> MadeLayer maximum(Call& c) {
  const SpatialSize kernel = c.integers(0, "kernel_size");
  const MaxPoolOptions options{.stride = stride_or_kernel(c, 1),
                               .padding = c.integers(2, "padding", {{0}}),
                               .dilation = c.integers(3, "dilation", {{1}}),
                               .ceil_mode = c.flag(5, "ceil_mode", false)};
  const L layer(kernel, options);
  if (!c.flag(4, "return_indices", false)) return made(layer);
  return made(layer,
              [=](Call& inputs) { return tuple(op(inputs.tensor(0, "input"), kernel, options)); });
}

template <class L> MadeLayer average(Call& c) {
  return made(
      L(c.integers(0, "kernel_size"), {.stride = stride_or_kernel(c, 1),
                                       .padding = c.integers(2, "padding", {{0}}),
                                       .ceil_mode = c.flag(3, "ceil_mode", false),
                                       .count_include_pad = c.flag(4, "count_include_pad", true),
                                       .divisor_override = c.integer(5, "divisor_override", 0)}));
}

template <class L> MadeLayer norm(Call& c) {
  return made(L(c.number(0, "norm_type"), c.integers(1, "kernel_size"),
                {.stride = stride_or_kernel(c, 2), .ceil_mode = c.flag(3, "ceil_mode", false)}));
}

template <class L> MadeLayer adaptive_average(Call& c) { return made(L(output_size(c, 0))); }

template <class L, AdaptiveMaximum op> MadeLayer adaptive_maximum(Call& c) {
  const SpatialSize size = output_size(c, 0);
  const L layer(size);
  if (!c.flag(1, "return_indices", false)) return made(layer);
  return made(layer, [=](Call& inputs) { return tuple(op(inputs.tensor(0, "input"), size)); });
}

LayerMap family_layers() {
  return {
      {"AdaptiveAvgPool1d", adaptive_average<nn::AdaptiveAvgPool1d>},
      {"AdaptiveAvgPool2d", adaptive_average<nn::AdaptiveAvgPool2d>},
      {"AdaptiveAvgPool3d", adaptive_average<nn::AdaptiveAvgPool3d>},
      {"AdaptiveMaxPool1d",
       adaptive_maximum<nn::AdaptiveMaxPool1d, adaptive_max_pool1d_with_indices>},
      {"AdaptiveMaxPool2d",
       adaptive_maximum<nn::AdaptiveMaxPool2d, adaptive_max_pool2d_with_indices>},
      {"AdaptiveMaxPool3d",
       adaptive_maximum<nn::AdaptiveMaxPool3d, adaptive_max_pool3d_with_indices>},
      {"AvgPool1d", average<nn::AvgPool1d>},
      {"AvgPool2d", average<nn::AvgPool2d>},
      {"AvgPool3d", average<nn::AvgPool3d>},
      {"LPPool1d", norm<nn::LPPool1d>},
      {"LPPool2d", norm<nn::LPPool2d>},
      {"LPPool3d", norm<nn::LPPool3d>},
      {"MaxPool1d", maximum<nn::MaxPool1d, max_pool1d_with_indices>},
      {"MaxPool2d", maximum<nn::MaxPool2d, max_pool2d_with_indices>},
      {"MaxPool3d", maximum<nn::MaxPool3d, max_pool3d_with_indices>},
  };
}

const LayerFamily family(family_layers);

}  // namespace
}  // namespace gradtape::conformance
