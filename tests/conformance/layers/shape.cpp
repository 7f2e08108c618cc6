// Layers that rearrange, pad and resample.
#include <gradtape/nn/padding.hpp>
#include <gradtape/nn/shape.hpp>
#include <gradtape/nn/upsample.hpp>

#include "../layers.hpp"

namespace gradtape::conformance {
namespace {

template <class L> MadeLayer padded(Call& c) { return made(L(c.integers(0, "padding"))); }

template <class L> MadeLayer constant_padded(Call& c) {
  return made(L(c.integers(0, "padding"), c.number(1, "value")));
}

MadeLayer identity(Call& c) {
  for (std::size_t i = 0; i < c.args.size(); ++i) c.ignore(i, "");
  for (const auto& [name, value] : c.kwargs) c.ignore(c.args.size(), name);
  return made(nn::Identity());
}

MadeLayer flatten(Call& c) {
  return made(nn::Flatten(c.integer(0, "start_dim", 1), c.integer(1, "end_dim", -1)));
}

MadeLayer unflatten(Call& c) {
  const auto extents = c.integers(1, "unflattened_size");
  return made(nn::Unflatten(c.integer(0, "dim"), Shape(std::span<const std::int64_t>(extents))));
}

ColumnOptions columns(Call& c, std::size_t i) {
  return {.stride = c.integers(i + 2, "stride", {{1}}),
          .padding = c.integers(i + 1, "padding", {{0}}),
          .dilation = c.integers(i, "dilation", {{1}})};
}

MadeLayer unfold(Call& c) { return made(nn::Unfold(c.integers(0, "kernel_size"), columns(c, 1))); }

MadeLayer fold(Call& c) {
  return made(nn::Fold(c.integers(0, "output_size"), c.integers(1, "kernel_size"), columns(c, 2)));
}

InterpolateOptions scaling(Call& c) {
  InterpolateOptions options;
  if (c.has(0, "size")) options.size = c.integers(0, "size");
  const Value& factor = c.at(1, "scale_factor");
  if (factor.is<List>())
    for (const auto& one : factor.get<List>())
      options.scale_factor.push_back(one.number("scale_factor"));
  else if (!factor.is_none())
    options.scale_factor.push_back(factor.number("scale_factor"));
  return options;
}

MadeLayer upsample(Call& c) {
  auto options = scaling(c);
  options.mode = c.text(2, "mode", "nearest");
  options.align_corners = c.flag(3, "align_corners", false);
  options.recompute_scale_factor = c.flag(4, "recompute_scale_factor", false);
  return made(nn::Upsample(options));
}

MadeLayer upsample_bilinear(Call& c) {
  auto options = scaling(c);
  options.mode = "bilinear";
  options.align_corners = true;
  return made(nn::Upsample(options));
}

MadeLayer upsample_nearest(Call& c) { return made(nn::Upsample(scaling(c))); }

LayerMap family_layers() {
  return {
      {"CircularPad1d", padded<nn::CircularPad1d>},
      {"CircularPad2d", padded<nn::CircularPad2d>},
      {"CircularPad3d", padded<nn::CircularPad3d>},
      {"ConstantPad1d", constant_padded<nn::ConstantPad1d>},
      {"ConstantPad2d", constant_padded<nn::ConstantPad2d>},
      {"ConstantPad3d", constant_padded<nn::ConstantPad3d>},
      {"Flatten", flatten},
      {"Fold", fold},
      {"Identity", identity},
      {"PixelShuffle",
       [](Call& c) { return made(nn::PixelShuffle(c.integer(0, "upscale_factor"))); }},
      {"PixelUnshuffle",
       [](Call& c) { return made(nn::PixelUnshuffle(c.integer(0, "downscale_factor"))); }},
      {"ReflectionPad1d", padded<nn::ReflectionPad1d>},
      {"ReflectionPad2d", padded<nn::ReflectionPad2d>},
      {"ReflectionPad3d", padded<nn::ReflectionPad3d>},
      {"ReplicationPad1d", padded<nn::ReplicationPad1d>},
      {"ReplicationPad2d", padded<nn::ReplicationPad2d>},
      {"ReplicationPad3d", padded<nn::ReplicationPad3d>},
      {"Unflatten", unflatten},
      {"Unfold", unfold},
      {"Upsample", upsample},
      {"UpsamplingBilinear2d", upsample_bilinear},
      {"UpsamplingNearest2d", upsample_nearest},
      {"ZeroPad1d", padded<nn::ZeroPad1d>},
      {"ZeroPad2d", padded<nn::ZeroPad2d>},
      {"ZeroPad3d", padded<nn::ZeroPad3d>},
  };
}

const LayerFamily family(family_layers);

}  // namespace
}  // namespace gradtape::conformance
