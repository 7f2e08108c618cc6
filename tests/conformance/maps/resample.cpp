#include "../value.hpp"

namespace gradtape::conformance {
namespace {

/// size=None, scale_factor=None
InterpolateOptions scaling(Call& c) {
  InterpolateOptions options;
  if (c.has(1, "size")) options.size = c.integers(1, "size");
  const Value& factor = c.at(2, "scale_factor");
  if (factor.is<List>())
    for (const auto& one : factor.get<List>())
      options.scale_factor.push_back(one.number("scale_factor"));
  else if (!factor.is_none())
    options.scale_factor.push_back(factor.number("scale_factor"));
  return options;
}

/// interpolate(input, size=None, scale_factor=None, mode='nearest', align_corners=None,
/// recompute_scale_factor=None, antialias=False)
Value resize(Call& c) {
  auto options = scaling(c);
  options.mode = c.text(3, "mode", "nearest");
  options.align_corners = c.flag(4, "align_corners", false);
  options.recompute_scale_factor = c.flag(5, "recompute_scale_factor", false);
  if (c.flag(6, "antialias", false)) throw Unsupported("interpolate: antialias");
  return interpolate(c.tensor(0, "input"), options);
}

/// upsample_nearest and upsample_bilinear
Function upsample(const std::string& mode, bool align_corners) {
  return [=](Call& c) -> Value {
    auto options = scaling(c);
    options.mode = mode;
    options.align_corners = align_corners;
    return interpolate(c.tensor(0, "input"), options);
  };
}

Mapping functions() {
  return {
      {"nn.functional.interpolate", resize},
      {"nn.functional.upsample", resize},
      {"nn.functional.upsample_nearest", upsample("nearest", false)},
      {"nn.functional.upsample_bilinear", upsample("linear", true)},
      {"pixel_shuffle",
       [](Call& c) -> Value {
         return pixel_shuffle(c.tensor(0, "input"), c.integer(1, "upscale_factor"));
       }},
      {"pixel_unshuffle",
       [](Call& c) -> Value {
         return pixel_unshuffle(c.tensor(0, "input"), c.integer(1, "downscale_factor"));
       }},
      {"nn.functional.grid_sample",
       [](Call& c) -> Value {
         return grid_sample(c.tensor(0, "input"), c.tensor(1, "grid"),
                            {.mode = c.text(2, "mode", "bilinear"),
                             .padding_mode = c.text(3, "padding_mode", "zeros"),
                             .align_corners = c.flag(4, "align_corners", false)});
       }},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
