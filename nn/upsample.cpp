#include "gradtape/nn/upsample.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gradtape/autograd/error.hpp"
#include "gradtape/nn/detail/layer.hpp"

namespace gradtape::nn {

using namespace author;

namespace {

const InterpolateOptions& checked(const InterpolateOptions& options) {
  static constexpr const char* modes[] = {"nearest",   "nearest-exact", "linear",  "bilinear",
                                          "trilinear", "cubic",         "bicubic", "area"};
  if (std::ranges::find(modes, options.mode) == std::end(modes))
    fail<ValueError>("Upsample", fmt::format("there is no mode \"{}\"", options.mode));
  if (options.size.list.empty() == options.scale_factor.empty())
    fail<ValueError>("Upsample", "needs size or scale_factor, one of the two");
  for (const auto extent : options.size.list) require("Upsample", "size", extent, at_least(1));
  for (const double factor : options.scale_factor)
    require("Upsample", "scale_factor", factor, above(0));
  return options;
}

std::int64_t checked(const char* layer, std::int64_t factor) {
  return require(layer, "factor", factor, at_least(1));
}

}  // namespace

Upsample::Upsample(const InterpolateOptions& options) : FunctionLayer(checked(options)) {}
PixelShuffle::PixelShuffle(std::int64_t factor) : FunctionLayer(checked("PixelShuffle", factor)) {}
PixelUnshuffle::PixelUnshuffle(std::int64_t factor)
    : FunctionLayer(checked("PixelUnshuffle", factor)) {}

}  // namespace gradtape::nn
