#include "gradtape/nn/data/transforms.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::nn::data {
namespace {

double uniform(Generator& generator) { return rand({}, float64, generator).item<double>(); }

void need_axes(const char* op, const Tensor& input, int least) {
  if (input.ndim() < least)
    fail<ShapeError>(op, fmt::format("the input needs {} or more axes, got {}", least,
                                     gradtape::detail::describe(input)));
}

Transform random_flip(const char* op, double p, int axis) {
  if (!(p >= 0 && p <= 1)) fail<ValueError>(op, fmt::format("p must be in [0, 1], got {}", p));
  return [=](const Tensor& input, Generator& generator) {
    need_axes(op, input, -axis);
    return uniform(generator) < p ? flip(input, {axis}) : input;
  };
}

/// One number for height and width, or one for each.
std::pair<std::int64_t, std::int64_t> height_and_width(const char* what, const Extents& extents,
                                                       std::int64_t least) {
  const auto& list = extents.list;
  if (list.empty() || list.size() > 2)
    fail<ValueError>("random_crop",
                     fmt::format("{} must be 1 or 2 numbers, got {}", what, list.size()));
  for (const auto extent : list)
    if (extent < least || extent > std::int64_t{1} << 32)
      fail<ValueError>("random_crop",
                       fmt::format("{} = {}, but it must be from {} to 2^32", what, extent, least));
  return {list.front(), list.back()};
}

}  // namespace

Transform random_horizontal_flip(double p) { return random_flip("random_horizontal_flip", p, -1); }

Transform random_vertical_flip(double p) { return random_flip("random_vertical_flip", p, -2); }

Transform random_crop(const RandomCropOptions& options) {
  const auto [height, width] = height_and_width("size", options.size, 1);
  const auto [above, beside] = height_and_width("padding", options.padding, 0);
  return [height = height, width = width, above = above, beside = beside, fill = options.fill](
             const Tensor& input, Generator& generator) {
    need_axes("random_crop", input, 2);
    const auto free_rows = input.size(-2) + 2 * above - height,
               free_columns = input.size(-1) + 2 * beside - width;
    if (free_rows < 0 || free_columns < 0)
      fail<ShapeError>(
          "random_crop",
          fmt::format("no window of {} x {} fits into the input {} with a padding of "
                      "{} x {}",
                      height, width, gradtape::detail::describe(input), above, beside));
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
  if (!(sigma >= 0) || !std::isfinite(sigma) || !std::isfinite(mean))
    fail<ValueError>("gaussian_noise",
                     fmt::format("mean and sigma must be finite and sigma at least 0, got {} and "
                                 "{}",
                                 mean, sigma));
  return [mean = mean, sigma = sigma](const Tensor& input, Generator& generator) {
    if (!is_floating(input.dtype()))
      fail<DtypeError>("gaussian_noise", fmt::format("the input must be float32 or float64, got {}",
                                                     name(input.dtype())));
    return input + mean + sigma * randn(input.shape(), input.dtype(), generator);
  };
}

}  // namespace gradtape::nn::data
