#include "gradtape/nn/data/transforms.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::nn::data {

using namespace author;

namespace {

double uniform(const Generator& generator) { return rand({}, float64, generator).item<double>(); }

void need_axes(const char* op, const Tensor& input, int least) {
  if (input.ndim() < least)
    fail<ShapeError>(
        op, fmt::format("the input needs {} or more axes, got {}", least, describe(input)));
}

Transform random_flip(const char* op, double p, int axis) {
  require(op, "p", p, closed(0, 1));
  return [=](const Tensor& input, const Generator& generator) {
    need_axes(op, input, -axis);
    return uniform(generator) < p ? flip(input, {axis}) : input;
  };
}

/// One number for height and width, or one for each.
std::pair<std::int64_t, std::int64_t> height_and_width(const char* what, const SpatialSize& extents,
                                                       std::int64_t least) {
  const auto& list = extents.list;
  if (list.empty() || list.size() > 2)
    fail<ValueError>("random_crop",
                     fmt::format("{} must be 1 or 2 numbers, got {}", what, list.size()));
  for (const auto extent : list)
    require("random_crop", what, extent, closed(static_cast<double>(least), 0x1p32));
  return {list.front(), list.back()};
}

}  // namespace

Transform random_horizontal_flip(double p) { return random_flip("random_horizontal_flip", p, -1); }

Transform random_vertical_flip(double p) { return random_flip("random_vertical_flip", p, -2); }

Transform random_crop(const RandomCropOptions& options) {
  const auto [height, width] = height_and_width("size", options.size, 1);
  const auto [above, beside] = height_and_width("padding", options.padding, 0);
  return [height = height, width = width, above = above, beside = beside, fill = options.fill](
             const Tensor& input, const Generator& generator) {
    need_axes("random_crop", input, 2);
    const auto free_rows = input.size(-2) + 2 * above - height,
               free_columns = input.size(-1) + 2 * beside - width;
    if (free_rows < 0 || free_columns < 0)
      fail<ShapeError>("random_crop",
                       fmt::format("no window of {} x {} fits into the input {} with a padding of "
                                   "{} x {}",
                                   height, width, describe(input), above, beside));
    const auto place = [&](std::int64_t free) {
      return static_cast<std::int64_t>(generator.below(static_cast<std::uint64_t>(free) + 1));
    };
    const auto top = place(free_rows), left = place(free_columns);
    // cuts off what is outside the window and adds what is outside the image in one step
    return pad(input,
               {beside - left, left + width - beside - input.size(-1), above - top,
                top + height - above - input.size(-2)},
               {.value = fill});
  };
}

Transform gaussian_noise(const GaussianNoiseOptions& options) {
  const auto [mean, sigma] = options;
  require("gaussian_noise", "mean", mean, finite());
  require("gaussian_noise", "sigma", sigma, at_least(0));
  return [mean = mean, sigma = sigma](const Tensor& input, const Generator& generator) {
    if (!is_floating(input.dtype()))
      fail<DtypeError>("gaussian_noise", fmt::format("the input must be float32 or float64, got {}",
                                                     name(input.dtype())));
    return input + mean + sigma * randn(input.shape(), input.dtype(), generator);
  };
}

}  // namespace gradtape::nn::data
