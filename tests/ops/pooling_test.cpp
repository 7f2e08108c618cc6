#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

Tensor line(const std::vector<double>& x) {
  return tensor(x, {1, 1, static_cast<std::int64_t>(x.size())});
}

}  // namespace

TEST_CASE("max_pool2d gives the places of the maxima, the first of equal ones") {
  const Tensor x = tensor({{{{1, 5, 5, 0}, {5, 2, 0, 0}, {3, 3, 9, 1}, {3, 3, 1, 9}}}}, float64);
  const auto [values, indices] = max_pool2d_with_indices(x, 2);
  CHECK(array_equal(values, tensor({{{{5, 5}, {3, 9}}}}, float64)));
  CHECK(array_equal(indices, tensor({{{{1, 2}, {8, 10}}}})));
  const auto one = max_pool2d_with_indices(select(x, 0, 0), 2);
  CHECK(one.indices.shape() == Shape{1, 2, 2});
}

TEST_CASE("the padding of a maximum is never its value") {
  CHECK(array_equal(max_pool1d(line({-3, -2, -5}), 3, {.stride = 1, .padding = 1}),
                    line({-2, -2, -2})));
}

TEST_CASE("ceil_mode keeps a window that hangs over only if it starts inside") {
  const Tensor x = line({1, 2, 3, 4, 5});
  CHECK(array_equal(max_pool1d(x, 2, {.ceil_mode = true}), line({2, 4, 5})));
  CHECK(max_pool1d(x, 2).size(-1) == 2);
  // A third window would start in the padding on the right.
  CHECK(max_pool1d(line({1, 2, 3}), 2, {.padding = 1, .ceil_mode = true}).size(-1) == 2);
  CHECK(array_equal(avg_pool1d(x, 2, {.ceil_mode = true}), line({1.5, 3.5, 5})));
}

TEST_CASE("avg_pool counts the padding, or the elements alone, or what it is told") {
  const Tensor x = line({6, 12});
  CHECK(allclose(avg_pool1d(x, 3, {.stride = 1, .padding = 1}), line({6, 6})));
  CHECK(allclose(avg_pool1d(x, 3, {.stride = 1, .padding = 1, .count_include_pad = false}),
                 line({9, 9})));
  CHECK(
      allclose(avg_pool1d(x, 3, {.stride = 1, .padding = 1, .divisor_override = 2}), line({9, 9})));
}

TEST_CASE("adaptive pooling covers x with overlapping windows where sizes do not divide") {
  const Tensor x = line({1, 2, 3, 4, 5});
  CHECK(allclose(adaptive_avg_pool1d(x, 3), line({1.5, 3, 4.5})));
  CHECK(array_equal(adaptive_max_pool1d_with_indices(x, 3).indices, tensor({{{1, 3, 4}}})));
  CHECK(allclose(adaptive_avg_pool1d(x, -1), x));
}

TEST_CASE("lp_pool is the norm of every window, with gradient 0 where it is 0") {
  const Tensor x = line({3, 4, 0, 0}).requires_grad();
  const Tensor y = lp_pool1d(x, 2, 2);
  CHECK(allclose(y, line({5, 0})));
  CHECK(allclose(grad(sum(y), {x})[0], line({0.6, 0.8, 0, 0})));
}

TEST_CASE("pooling names the shapes and options that do not fit") {
  const Tensor x = zeros({2, 3, 5, 5});
  CHECK(error<ShapeError>([&] {
          (void)max_pool2d(zeros({5, 5}), 2);
        }) == "max_pool2d: needs x [n, channels, height, width], or that without n; got [5, 5]");
  CHECK(error<ShapeError>([&] { (void)max_pool2d(x, 6); }) ==
        "max_pool2d: the kernel [6, 6] with dilation [1, 1] is larger than x [2, 3, 5, 5] with "
        "padding [0, 0]");
  CHECK(error<ShapeError>([&] {
          (void)avg_pool2d(zeros({2, 3, 0, 5}), 2);
        }) == "avg_pool2d: the images of x [2, 3, 0, 5] have no pixels");
  CHECK(error<ShapeError>([&] {
          (void)max_pool1d(line({1}), 2, {.padding = 1, .dilation = 2});
        }).find("max_pool1d: window 0 of an axis sees nothing but padding") == 0);
  CHECK(error<ValueError>([&] { (void)max_pool2d(x, 0); }) ==
        "max_pool2d: kernel must be at least 1 and below 2^31, got [0]");
  CHECK(error<ValueError>([&] { (void)max_pool2d(x, 2, {.stride = -1}); }) ==
        "max_pool2d: stride must be at least 1 and below 2^31, got [-1]");
  CHECK(error<ValueError>([&] { (void)avg_pool2d(x, 2, {.padding = 2}); }) ==
        "avg_pool2d: padding [2, 2] must be at most half of the kernel [2, 2]");
  CHECK(error<ValueError>([&] {
          (void)max_pool2d(x, {1, 2, 3});
        }) ==
        "max_pool2d: kernel takes one value, or one for each of the 2 spatial axes; got [1, 2, 3]");
  CHECK(error<ValueError>([&] { (void)lp_pool2d(x, -1, 2); }) ==
        "lp_pool2d: p must be positive and finite, got -1");
  CHECK(error<ValueError>([&] {
          (void)adaptive_max_pool2d(x, {2, 0});
        }) == "adaptive_max_pool2d: size must be at least 1 and below 2^31, got [2, 0]");
  CHECK(error<DtypeError>([&] { (void)max_pool2d(x.to(int64), 2); }) ==
        "max_pool2d: needs float32 or float64, got int64; convert with to(float32)");
}

TEST_CASE("interpolate repeats, weighs, or averages pixels as its mode says") {
  const Tensor x = line({1, 3});
  CHECK(array_equal(interpolate(x, {.size = 4}), line({1, 1, 3, 3})));
  CHECK(allclose(interpolate(x, {.scale_factor = {2}, .mode = "linear"}), line({1, 1.5, 2.5, 3})));
  CHECK(allclose(interpolate(x, {.size = 3, .mode = "linear", .align_corners = true}),
                 line({1, 2, 3})));
  CHECK(allclose(interpolate(line({1, 2, 3, 4}), {.size = 2, .mode = "area"}), line({1.5, 3.5})));
  // Cubic interpolation leaves a straight line straight away from the border.
  const Tensor straight = line({0, 1, 2, 3, 4, 5, 6, 7});
  const Tensor fine = interpolate(straight, {.size = 15, .mode = "cubic", .align_corners = true});
  CHECK(allclose(slice(fine, 2, 2, 13), line({1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6})));
  CHECK(error<ValueError>([&] { (void)interpolate(x, {}); }) ==
        "interpolate: needs size or scale_factor, one of the two");
  CHECK(error<ValueError>([&] { (void)interpolate(x, {.size = 2, .mode = "bilinear"}); }) ==
        "interpolate: there is no mode \"bilinear\" over 1 spatial axes");
  CHECK(error<ValueError>([&] { (void)interpolate(x, {.size = 2, .align_corners = true}); }) ==
        "interpolate: align_corners is for the linear and cubic modes, not for \"nearest\"");
  CHECK(error<ValueError>([&] {
          (void)interpolate(x, {.scale_factor = {1, 2}});
        }) ==
        "interpolate: scale_factor takes one positive number, or one for each of the 1 spatial "
        "axes; got [1, 2]");
  CHECK(error<ShapeError>([&] { (void)interpolate(x, {.scale_factor = {0.1}}); }) ==
        "interpolate: scale_factor 0.1 makes an axis of extent 0 out of x [1, 1, 2]");
  CHECK(error<ShapeError>([&] {
          (void)interpolate(zeros({2, 2}), {.size = 2});
        }) == "interpolate: needs x [n, channels, one to three spatial extents], got [2, 2]");
}

TEST_CASE("pixel_shuffle lays channels out in squares, and pixel_unshuffle undoes it") {
  const Tensor x = reshape(arange(8), {4, 1, 2});
  const Tensor y = pixel_shuffle(x, 2);
  CHECK(array_equal(y, tensor({{{0, 2, 1, 3}, {4, 6, 5, 7}}})));
  CHECK(array_equal(pixel_unshuffle(y, 2), x));
  CHECK(error<ShapeError>([&] { (void)pixel_shuffle(x, 3); }) ==
        "pixel_shuffle: the channels of x [4, 1, 2] are not a multiple of 3 squared");
  CHECK(error<ShapeError>([&] { (void)pixel_unshuffle(x, 2); }) ==
        "pixel_unshuffle: height and width of x [4, 1, 2] are not multiples of 2");
  CHECK(error<ShapeError>([&] { (void)pixel_shuffle(arange(4), 2); }) ==
        "pixel_shuffle: needs x [..., channels, height, width], got [4]");
  CHECK(error<ValueError>([&] { (void)pixel_shuffle(x, 0); }) ==
        "pixel_shuffle: the factor must be at least 1 and below 2^15, got 0");
}

TEST_CASE("grid_sample reads pixels at their centres and nothing outside") {
  const Tensor x = tensor({{{{1, 2}, {3, 4}}}}, float64);
  const auto read = [&](double right, double down, const GridSampleOptions& options) {
    return grid_sample(x, tensor(std::vector<double>{right, down}, {1, 1, 1, 2}), options)
        .item<double>();
  };
  CHECK(read(-1, -1, {.align_corners = true}) == 1);
  CHECK(read(1, -1, {.align_corners = true}) == 2);
  CHECK(read(0, 0, {}) == 2.5);
  CHECK(read(-1, -1, {}) == 0.25);  // a corner: three of four neighbours are outside
  CHECK(read(-1, -1, {.padding_mode = "border"}) == 1);
  CHECK(read(5, 0.5, {}) == 0);
  CHECK(read(5, 0.5, {.padding_mode = "border"}) == 4);
  CHECK(read(3, -0.5, {.mode = "nearest", .padding_mode = "reflection"}) == 1);
  const Tensor grid = zeros({1, 1, 1, 2}, float64);
  CHECK(error<ShapeError>([&] {
          (void)grid_sample(x, zeros({1, 1, 2}, float64));
        }) ==
        "grid_sample: needs x [n, channels, height, width] and grid [n, height, width, 2], or both "
        "with a depth and 3; x is [1, 1, 2, 2], grid [1, 1, 2]");
  CHECK(error<ValueError>([&] { (void)grid_sample(x, grid, {.mode = "cubic"}); }) ==
        "grid_sample: there is no mode \"cubic\" over 2 spatial axes");
  CHECK(error<ValueError>([&] { (void)grid_sample(x, grid, {.padding_mode = "wrap"}); }) ==
        "grid_sample: padding_mode must be \"zeros\", \"border\" or \"reflection\", got \"wrap\"");
  CHECK(error<ValueError>([&] { (void)grid_sample(x, grid / 0.0); }) ==
        "grid_sample: a place in grid is NaN, infinite or over 2^31");
  CHECK(error<DtypeError>([&] { (void)grid_sample(x, grid.to(float32)); }) ==
        "grid_sample: x and grid need one dtype, float32 or float64: x is float64, grid float32");
}
