// Layers that pad and resample, and the modules of two tensors.
#include <doctest/doctest.h>

#include <gradtape/nn/distance.hpp>
#include <gradtape/nn/padding.hpp>
#include <gradtape/nn/upsample.hpp>

#include "support/close.hpp"
#include "support/modules.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

TEST_CASE("padding layers give PyTorch's numbers") {
  const Tensor reflected = nn::ReflectionPad2d({1, 2, 0, 1})(sines({2, 3, 4}));
  CHECK(reflected.shape() == Shape{2, 4, 7});
  CHECK(fingerprint(reflected) == close(-5.294429563609783, 1e-12));
  CHECK(fingerprint(nn::ReplicationPad3d({1, 0, 2, 1, 1, 1})(sines({1, 2, 3, 2}))) ==
        close(1.938056577941897, 1e-12));
  CHECK(fingerprint(nn::ConstantPad1d({2, -1}, 0.5)(sines({2, 4}))) ==
        close(1.118752385997899, 1e-12));
}

TEST_CASE("padding layers are the op pad with their mode") {
  const Tensor x = sines({1, 2, 3, 3, 3});
  const auto check = [&](const nn::Layer& layer, PadMode mode, std::size_t axes, double value = 0) {
    const std::vector<std::int64_t> widths(2 * axes, 1);
    CHECK_MESSAGE(array_equal(layer(x), pad(x, widths, {.mode = mode, .value = value})),
                  layer.kind());
    CHECK_MESSAGE(checked(layer, sines({2, 2, 2, 2})), layer.kind());
  };
  check(nn::ZeroPad1d(1), PadMode::constant, 1);
  check(nn::ZeroPad2d(1), PadMode::constant, 2);
  check(nn::ZeroPad3d(1), PadMode::constant, 3);
  check(nn::ConstantPad1d(1, 2), PadMode::constant, 1, 2);
  check(nn::ConstantPad2d(1, 2), PadMode::constant, 2, 2);
  check(nn::ConstantPad3d(1, 2), PadMode::constant, 3, 2);
  check(nn::ReflectionPad1d(1), PadMode::reflect, 1);
  check(nn::ReflectionPad2d(1), PadMode::reflect, 2);
  check(nn::ReflectionPad3d(1), PadMode::reflect, 3);
  check(nn::ReplicationPad1d(1), PadMode::replicate, 1);
  check(nn::ReplicationPad2d(1), PadMode::replicate, 2);
  check(nn::ReplicationPad3d(1), PadMode::replicate, 3);
  check(nn::CircularPad1d(1), PadMode::circular, 1);
  check(nn::CircularPad2d(1), PadMode::circular, 2);
  check(nn::CircularPad3d(1), PadMode::circular, 3);
}

TEST_CASE("padding layers refuse a wrong number of widths, too few axes and too wide a border") {
  CHECK(error<ValueError>([] {
          nn::ZeroPad2d({1, 2});
        }) ==
        "ZeroPad2d: widths takes one value, or 4 ones: before and after each of 2 axes, the last "
        "one first; got 2");
  CHECK(error<ShapeError>([] { nn::ReflectionPad2d(1)(ones({3})); }) ==
        "ReflectionPad2d: x must be [..., H, W], got [3]");
  CHECK_THROWS_AS(nn::ReflectionPad1d(3)(ones({1, 3})), ValueError);
}

TEST_CASE("Upsample, PixelShuffle and PixelUnshuffle give PyTorch's numbers") {
  const nn::Upsample twice({.scale_factor = {2}, .mode = "bicubic", .align_corners = true});
  CHECK(fingerprint(twice(sines({1, 2, 3, 4}))) == close(3.006889309890815, 1e-12));
  const Tensor x = sines({1, 8, 2, 3});
  const Tensor y = nn::PixelShuffle(2)(x);
  CHECK(fingerprint(y) == close(-0.2725116933238034, 1e-12));
  CHECK(array_equal(nn::PixelUnshuffle(2)(y), x));
  CHECK(checked(nn::Upsample({.size = 3, .mode = "linear"}), sines({1, 2, 2})));
  CHECK(checked(nn::PixelShuffle(2), sines({4, 1, 2})));
}

TEST_CASE("Upsample and PixelShuffle refuse options out of range when they are made") {
  CHECK(error<ValueError>([] { nn::Upsample({.size = 2, .mode = "sharp"}); }) ==
        "Upsample: there is no mode \"sharp\"");
  CHECK(error<ValueError>([] { nn::Upsample({}); }) ==
        "Upsample: needs size or scale_factor, one of the two");
  CHECK(error<ValueError>([] { nn::Upsample({.size = 0}); }) ==
        "Upsample: size = 0, but it must be at least 1");
  CHECK(error<ValueError>([] { nn::Upsample({.scale_factor = {-1}}); }) ==
        "Upsample: scale_factor = -1, but it must be finite and above 0");
  CHECK(error<ValueError>([] { nn::PixelShuffle(0); }) ==
        "PixelShuffle: factor = 0, but it must be at least 1");
  CHECK_THROWS_AS(nn::PixelShuffle(2)(ones({3, 2, 2})), ShapeError);
}

TEST_CASE("CosineSimilarity and PairwiseDistance are modules of two tensors") {
  const Tensor a = sines({3, 4}), b = sines({3, 4}) + 1.0;
  CHECK(fingerprint(nn::CosineSimilarity({.axis = 0})(a, b)) == close(1.5693873733753116, 1e-12));
  nn::PairwiseDistance distance({.p = 3});
  CHECK(fingerprint(distance(a, b)) == close(3.8381491444648708, 1e-12));
  int calls = 0;
  distance.register_forward_hook([&](const nn::Module&, const Tensor&, const Tensor&) {
    ++calls;
    return Tensor();
  });
  distance(a, b);
  CHECK(calls == 1);
}
