#include "gradtape/autograd/ops/resample.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

namespace {

void check(const char* op, const Tensor& x, std::int64_t factor) {
  if (factor < 1 || factor >= 1 << 15)
    fail<ValueError>(op,
                     fmt::format("the factor must be at least 1 and below 2^15, got {}", factor));
  if (x.ndim() < 3)
    fail<ShapeError>(
        op, fmt::format("needs x [..., channels, height, width], got {}", detail::describe(x)));
}

/// x's shape with the last three extents replaced.
Shape with_image(const Tensor& x, std::int64_t channels, std::int64_t height, std::int64_t width) {
  Shape shape = x.shape();
  const int n = shape.ndim();
  shape[n - 3] = channels;
  shape[n - 2] = height;
  shape[n - 1] = width;
  return shape;
}

/// The number of images and channels together.
std::int64_t planes(const Shape& shape) {
  std::int64_t count = 1;
  for (int axis = 0; axis + 2 < shape.ndim(); ++axis) count *= shape[axis];
  return count;
}

}  // namespace

Tensor pixel_shuffle(const Tensor& x, std::int64_t upscale_factor) {
  detail::need_defined("pixel_shuffle", x, "x");
  const auto r = upscale_factor;
  check("pixel_shuffle", x, r);
  const auto channels = x.size(-3), height = x.size(-2), width = x.size(-1);
  if (channels % (r * r) != 0)
    fail<ShapeError>("pixel_shuffle", fmt::format("the channels of x {} are not a multiple of {} "
                                                  "squared",
                                                  detail::describe(x), r));
  const Shape out = with_image(x, channels / (r * r), height * r, width * r);
  const Tensor parts = reshape(x, {planes(out), r, r, height, width});
  return reshape(permute(parts, {0, 3, 1, 4, 2}), out);
}

Tensor pixel_unshuffle(const Tensor& x, std::int64_t downscale_factor) {
  detail::need_defined("pixel_unshuffle", x, "x");
  const auto r = downscale_factor;
  check("pixel_unshuffle", x, r);
  const auto channels = x.size(-3), height = x.size(-2), width = x.size(-1);
  if (height % r != 0 || width % r != 0)
    fail<ShapeError>("pixel_unshuffle", fmt::format("height and width of x {} are not multiples of "
                                                    "{}",
                                                    detail::describe(x), r));
  const Tensor parts = reshape(x, {planes(x.shape()), height / r, r, width / r, r});
  return reshape(permute(parts, {0, 2, 4, 1, 3}),
                 with_image(x, channels * r * r, height / r, width / r));
}

}  // namespace gradtape
