#include <doctest/doctest.h>

#include <cmath>
#include <memory>

#include <gradtape/nn/dropout.hpp>

#include "support/close.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

nn::DropoutOptions seeded(std::uint64_t seed) { return {.generator = Generator(seed)}; }

double mean_of(const Tensor& x) { return mean(x).item<double>(); }

/// How many channels of y: [channels, rest] are all 0, all else being `kept` everywhere.
std::int64_t dropped_channels(const Tensor& y, double kept) {
  std::int64_t dropped = 0;
  for (const Tensor& channel : unbind(y)) {
    const double first = reshape(channel, {-1}).values<double>()[0];
    CHECK(array_equal(channel, full(channel.shape(), first, float64)));
    CHECK((first == 0 || first == close(kept, 1e-12)));
    dropped += first == 0;
  }
  return dropped;
}

}  // namespace

TEST_CASE("Dropout1d, 2d and 3d drop whole channels, with or without a batch axis") {
  const Tensor y1 = nn::Dropout1d(0.25, seeded(1))(ones({40, 50, 3}, float64));
  CHECK(std::abs(dropped_channels(reshape(y1, {2000, 3}), 4. / 3) - 500) < 100);
  const Tensor y2 = nn::Dropout2d(0.5, seeded(2))(ones({20, 50, 3, 2}, float64));
  CHECK(std::abs(dropped_channels(reshape(y2, {1000, 6}), 2) - 500) < 80);
  const Tensor y3 = nn::Dropout3d(0.5, seeded(3))(ones({1000, 1, 3, 2}, float64));
  CHECK(std::abs(dropped_channels(reshape(y3, {1000, 6}), 2) - 500) < 80);
}

TEST_CASE("AlphaDropout keeps mean 0 and variance 1, by elements or channels") {
  Generator numbers(7);
  const Tensor x = randn({200, 500}, float64, numbers);
  const Tensor y = nn::AlphaDropout(0.3, seeded(4))(x);
  CHECK(mean_of(y) == close(0, 0.02));
  CHECK(var(y).item<double>() == close(1, 0.03));
  const double limit = -1.7580993408473766, scale = 1 / std::sqrt(0.7 * (1 + 0.3 * limit * limit));
  const Tensor low = nn::AlphaDropout(0.3, seeded(4))(zeros({4000}, float64));
  CHECK(min(low).item<double>() == close(scale * limit * 0.7, 1e-12));
  CHECK(max(low).item<double>() == close(-scale * limit * 0.3, 1e-12));
  const Tensor by_channel =
      nn::FeatureAlphaDropout(0.5, seeded(5))(randn({100, 200, 4}, float64, numbers));
  CHECK(mean_of(by_channel) == close(0, 0.05));
  const Tensor spread = stddev(by_channel, 2);
  CHECK(std::abs(sum((spread < 1e-9).to(float64)).item<double>() - 10000) < 500);
}

TEST_CASE("GaussianNoise adds noise of its standard deviation in training, with slope 1") {
  const nn::GaussianNoise layer(0.2, seeded(6));
  const Tensor x = ones({100, 100}, float64).requires_grad();
  const Tensor y = layer(x);
  CHECK(mean_of(y - x) == close(0, 0.01));
  CHECK(stddev(y - x).item<double>() == close(0.2, 0.03));
  sum(y).backward();
  CHECK(array_equal(x.grad(), ones({100, 100}, float64)));
}

TEST_CASE("layers that disturb are the identity in evaluation, and repeat with their generator") {
  const Tensor x = sines({2, 3, 4});
  const auto check = [&](auto make) {
    auto layer = make();
    const Tensor y = layer(x);
    CHECK(array_equal(make()(x), y));
    CHECK_FALSE(array_equal(layer(x), y));
    layer.eval();
    CHECK(array_equal(layer(x), x));
  };
  check([] { return nn::Dropout1d(0.5, seeded(8)); });
  check([] { return nn::AlphaDropout(0.5, seeded(8)); });
  check([] { return nn::FeatureAlphaDropout(0.5, seeded(8)); });
  check([] { return nn::GaussianNoise(0.5, seeded(8)); });
}

TEST_CASE("layers that disturb refuse probabilities and shapes out of range") {
  CHECK(error<ValueError>([] { nn::Dropout2d(2); }) ==
        "Dropout2d: p = 2, but it must be in [0, 1]");
  CHECK(error<ValueError>([] { nn::AlphaDropout(-0.5); }) ==
        "AlphaDropout: p = -0.5, but it must be in [0, 1]");
  CHECK(error<ValueError>([] { nn::GaussianNoise(-1); }) ==
        "GaussianNoise: std = -1, but it must be finite and at least 0");
  CHECK(error<ShapeError>([] {
          nn::Dropout2d()(ones({2, 3}));
        }) == "Dropout2d: x must be [N, C, H, W] or [C, H, W], got [2, 3]");
  CHECK(error<ShapeError>([] { nn::FeatureAlphaDropout()(ones({2})); }) ==
        "FeatureAlphaDropout: x must be [N, C, ...], got [2]");
}

TEST_CASE("a probability may stand among the options") {
  const Tensor x = ones({100});
  CHECK(array_equal(nn::Dropout({.p = 0.3, .generator = Generator(1)})(x),
                    nn::Dropout(0.3, seeded(1))(x)));
  CHECK(array_equal(nn::Dropout({.generator = Generator(1)})(x), nn::Dropout(0.5, seeded(1))(x)));
  CHECK(array_equal(nn::AlphaDropout({.p = 0.3, .generator = Generator(1)})(x),
                    nn::AlphaDropout(0.3, seeded(1))(x)));
  CHECK(array_equal(nn::Dropout2d({.p = 1})(ones({1, 2, 2})), zeros({1, 2, 2})));
  CHECK_THROWS_AS(nn::Dropout({.p = 2}), ValueError);
}

TEST_CASE("a probability of 1 leaves nothing, in training only") {
  const Tensor x = randn({4, 3, 2, 2});
  const auto check = [&](auto layer) {
    CHECK(array_equal(layer(x), zeros_like(x)));
    layer.eval();
    CHECK(array_equal(layer(x), x));
  };
  check(nn::Dropout(1));
  check(nn::Dropout2d(1));
  check(nn::AlphaDropout(1));
  check(nn::FeatureAlphaDropout(1));
}
