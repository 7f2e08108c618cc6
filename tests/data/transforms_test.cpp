#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/data/data.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <utility>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::nn::data;
using namespace gradtape::testing;

namespace {

/// n times the image 1 ... 12 of [1, 3, 4], with the targets 0 ... n - 1.
Dataset images(std::int64_t n) {
  const Tensor image = reshape(arange(1, 13).to(float32), {1, 3, 4});
  return {expand(unsqueeze(image, 0), {n, 1, 3, 4}), arange(n)};
}

const Tensor& image() {
  static const Tensor first = images(1)[0].input;
  return first;
}

}  // namespace

TEST_CASE("flips mirror rows or columns with their probability") {
  for (const auto& [transform, axis] :
       {std::pair{random_horizontal_flip(0.3), -1}, std::pair{random_vertical_flip(0.3), -2}}) {
    int flipped = 0;
    const auto inputs = images(2000).map_inputs(transform).inputs();
    for (const auto& x : unbind(inputs)) {
      const bool same = array_equal(x, image());
      CHECK((same || array_equal(x, flip(image(), {axis}))));
      flipped += !same;
    }
    CHECK(std::abs(flipped / 2000.0 - 0.3) < 0.04);
  }
  CHECK(array_equal(images(3).map_inputs(random_horizontal_flip(0)).inputs(), images(3).inputs()));
  CHECK(array_equal(images(3).map_inputs(random_vertical_flip(1)).inputs(),
                    flip(images(3).inputs(), {2})));
}

TEST_CASE("crops are windows of the padded image, every one of them") {
  const Tensor padded = pad(image(), {2, 2, 1, 1}, {.value = -1});
  const auto inputs =
      images(600).map_inputs(random_crop({.size = {2, 3}, .padding = {1, 2}, .fill = -1})).inputs();
  CHECK(inputs.shape() == Shape{600, 1, 2, 3});
  std::set<std::pair<std::int64_t, std::int64_t>> places;
  for (const auto& x : unbind(inputs))
    for (std::int64_t top = 0; top < 4; ++top)
      for (std::int64_t left = 0; left < 6; ++left)
        if (array_equal(x, slice(slice(padded, 1, top, top + 2), 2, left, left + 3)))
          places.insert({top, left});
  CHECK(places.size() == 24);
  CHECK(array_equal(images(2).map_inputs(random_crop({.size = {3, 4}})).inputs(),
                    images(2).inputs()));
}

TEST_CASE("noise has its mean and deviation, and is independent between samples") {
  const Dataset flat(full({500, 40}, 2.0, float64), arange(500));
  const auto noisy = flat.map_inputs(gaussian_noise({.mean = 1, .sigma = 0.5})).inputs();
  CHECK(noisy.dtype() == float64);
  CHECK(mean(noisy).item<double>() == close(3, 0.01));
  CHECK(stddev(noisy).item<double>() == close(0.5, 0.03));
  CHECK(stddev(mean(noisy, 1)).item<double>() == close(0.5 / std::sqrt(40), 0.1));
}

TEST_CASE("augmentation keeps the targets, differs between epochs and is the same again") {
  const auto augmented = images(100)
                             .map_inputs(random_horizontal_flip())
                             .map_inputs(random_crop({.size = {3, 4}, .padding = 1}))
                             .map_inputs(gaussian_noise());
  const auto of = [&](std::uint64_t seed, std::uint64_t epoch, std::int64_t size) {
    std::vector<Tensor> inputs, targets;
    for (const auto& [x, y] : batches(augmented, {.size = size, .seed = seed, .epoch = epoch})) {
      inputs.push_back(x);
      targets.push_back(y);
    }
    CHECK(array_equal(gradtape::concat(targets), arange(100)));
    return gradtape::concat(inputs);
  };
  CHECK(array_equal(of(1, 0, 10), of(1, 0, 33)));
  CHECK_FALSE(array_equal(of(1, 0, 10), of(1, 1, 10)));
  CHECK_FALSE(array_equal(of(1, 0, 10), of(2, 0, 10)));
}

TEST_CASE("transforms refuse options and inputs that do not fit") {
  CHECK_THROWS_WITH_AS(random_horizontal_flip(1.5),
                       "random_horizontal_flip: p = 1.5, but it must be in [0, 1]", ValueError);
  CHECK_THROWS_AS(random_vertical_flip(std::nan("")), ValueError);
  CHECK_THROWS_WITH_AS(random_crop({.size = 0}),
                       "random_crop: size = 0, but it must be in [1, 4294967296]", ValueError);
  CHECK_THROWS_WITH_AS(random_crop({.size = 3, .padding = -1}),
                       "random_crop: padding = -1, but it must be in [0, 4294967296]", ValueError);
  CHECK_THROWS_WITH_AS(random_crop({.size = {1, 2, 3}}),
                       "random_crop: size must be 1 or 2 numbers, got 3", ValueError);
  CHECK_THROWS_WITH_AS(random_crop({}), "random_crop: size must be 1 or 2 numbers, got 0",
                       ValueError);
  CHECK_THROWS_WITH_AS(gaussian_noise({.sigma = -1}),
                       "gaussian_noise: sigma = -1, but it must be finite and at least 0",
                       ValueError);
  const auto apply = [](const Transform& transform, const Tensor& x) {
    Generator generator(0);
    (void)transform(x, generator);
  };
  CHECK_THROWS_WITH_AS(apply(random_vertical_flip(), ones({3})),
                       "random_vertical_flip: the input needs 2 or more axes, got [3]", ShapeError);
  CHECK_THROWS_WITH_AS(apply(random_crop({.size = {3, 9}, .padding = {0, 2}}), ones({3, 4})),
                       "random_crop: no window of 3 x 9 fits into the input [3, 4] with a padding "
                       "of 0 x 2",
                       ShapeError);
  CHECK_THROWS_WITH_AS(apply(gaussian_noise(), ones({3}, int64)),
                       "gaussian_noise: the input must be float32 or float64, got int64",
                       DtypeError);
}
