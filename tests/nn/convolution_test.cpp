#include <doctest/doctest.h>

#include <cmath>

#include <gradtape/nn/convolution.hpp>
#include <gradtape/nn/sequential.hpp>

#include "support/close.hpp"
#include "support/modules.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

TEST_CASE("convolution layers give PyTorch's numbers, with every mode of padding") {
  const nn::Conv1d circular(2, 3, 3,
                            {.stride = 2, .padding = 2, .padding_mode = PadMode::circular});
  CHECK(fingerprint(with_cosines(circular)(sines({2, 2, 6}))) == close(2.651099364686873, 1e-12));
  const nn::Conv2d same(
      2, 4, {2, 3},
      {.padding = "same", .dilation = 2, .groups = 2, .padding_mode = PadMode::reflect});
  CHECK(fingerprint(with_cosines(same)(sines({2, 2, 6, 7}))) == close(5.988327046905979, 1e-12));
  const nn::Conv2d zeros(3, 4, {3, 2}, {.stride = {2, 1}, .padding = {1, 0}, .bias = false});
  const Tensor y = with_cosines(zeros)(sines({3, 6, 5}));
  CHECK(y.shape() == Shape{4, 3, 4});
  CHECK(fingerprint(y) == close(-3.846634065891295, 1e-12));
  const nn::Conv3d replicate(1, 2, 2, {.padding = 1, .padding_mode = PadMode::replicate});
  CHECK(fingerprint(with_cosines(replicate)(sines({1, 1, 3, 3, 3}))) ==
        close(2.091355009927725, 1e-12));
}

TEST_CASE("transposed convolution layers give PyTorch's numbers") {
  const nn::ConvTranspose1d one(2, 3, 3, {.stride = 2, .padding = 1, .output_padding = 1});
  CHECK(fingerprint(with_cosines(one)(sines({2, 2, 4}))) == close(15.566526301113566, 1e-12));
  const nn::ConvTranspose2d two(
      4, 2, 3,
      {.stride = {2, 3}, .padding = 1, .output_padding = {1, 0}, .dilation = 2, .groups = 2});
  CHECK(fingerprint(with_cosines(two)(sines({1, 4, 3, 2}))) == close(0.029919329350018842, 1e-12));
  const nn::ConvTranspose3d three(1, 2, 2, {.bias = false});
  CHECK(fingerprint(with_cosines(three)(sines({1, 1, 2, 2, 2}))) ==
        close(18.377715769383173, 1e-12));
}

TEST_CASE("convolution layers have right gradients to second order") {
  using Mode = PadMode;
  CHECK(checked(with_cosines(nn::Conv1d(2, 2, 2)), sines({1, 2, 4})));
  CHECK(checked(with_cosines(nn::Conv2d(2, 2, 2, {.padding = 1, .padding_mode = Mode::reflect})),
                sines({2, 3, 3})));
  CHECK(checked(with_cosines(nn::Conv3d(1, 1, 2, {.padding_mode = Mode::circular})),
                sines({1, 2, 2, 2})));
  CHECK(checked(with_cosines(nn::ConvTranspose1d(1, 2, 2, {.stride = 2})), sines({2, 1, 3})));
  CHECK(checked(with_cosines(nn::ConvTranspose2d(2, 2, 2, {.groups = 2})), sines({1, 2, 2, 2})));
  CHECK(checked(with_cosines(nn::ConvTranspose3d(1, 1, 2)), sines({1, 1, 2, 1, 2})));
}

TEST_CASE("convolution layers start as PyTorch's: uniform in +-1 / sqrt(fan_in)") {
  Generator generator(3);
  const nn::Conv2d conv(6, 40, 5, {.groups = 2, .generator = generator});
  const double bound = 1 / std::sqrt(3 * 25.0);
  for (const auto& p : conv.parameters()) {
    const Tensor top = max(abs(p.tensor()));
    CHECK(top.item<float>() <= bound);
    CHECK(top.item<float>() > 0.9 * bound);
  }
  const nn::ConvTranspose2d back(6, 40, 5, {.groups = 2, .generator = generator});
  CHECK(back.weight.shape() == Shape{6, 20, 5, 5});
  CHECK(max(abs(back.weight.tensor())).item<float>() <= 1 / std::sqrt(20 * 25.0));
  const nn::Conv1d ones_at_first(1, 1, 2, {.weight_init = nn::init::Constant{1}, .dtype = float64});
  CHECK(array_equal(ones_at_first.weight.tensor(), ones({1, 1, 2}, float64)));
}

TEST_CASE("a convolution's state dict has PyTorch's names, and a clone is apart") {
  const nn::Conv2d conv(1, 2, 3);
  CHECK(names(conv.state_dict()) == std::vector<std::string>{"bias", "weight"});
  CHECK(names(nn::Conv2d(1, 2, 3, {.bias = false}).state_dict()) ==
        std::vector<std::string>{"weight"});
  const nn::Conv2d copy = clone(conv);
  conv.weight.set(zeros({2, 1, 3, 3}));
  const Tensor x = ones({1, 1, 3, 3});
  CHECK_FALSE(array_equal(copy(x), conv(x)));
  CHECK(nn::Sequential(conv).summary().find("Conv2d") != std::string::npos);
}

TEST_CASE("a convolution refuses an input that does not fit, with its name and both shapes") {
  const nn::Conv2d conv(3, 4, 3);
  CHECK(error<ShapeError>([&] {
          conv(ones({4, 1, 28, 28}));
        }) == "Conv2d: x must be [N, 3, H, W] or [3, H, W], got [4, 1, 28, 28]");
  CHECK(error<ShapeError>([&] {
          conv(ones({28, 28}));
        }) == "Conv2d: x must be [N, 3, H, W] or [3, H, W], got [28, 28]");
  CHECK(error<ShapeError>([&] {
          nn::ConvTranspose1d(2, 1, 3)(ones({3, 5}));
        }) == "ConvTranspose1d: x must be [N, 2, L] or [2, L], got [3, 5]");
  CHECK_THROWS_AS(conv(ones({3, 2, 2})), ShapeError);
  CHECK_THROWS_AS(conv(ones({3, 5, 5}, float64)), DtypeError);
  const nn::Conv1d wide(1, 1, 3, {.padding = 4, .padding_mode = PadMode::reflect});
  CHECK_THROWS_AS(wide(ones({1, 3})), ValueError);
}

TEST_CASE("a convolution refuses options out of range when it is made") {
  const auto text = [](const nn::ConvOptions& options) {
    return error<ValueError>([&] { nn::Conv2d(4, 6, 3, options); });
  };
  CHECK(text({.stride = 0}) == "Conv2d: stride must be at least 1 and below 2^31, got [0]");
  CHECK(text({.padding = -1}) == "Conv2d: padding must be at least 0 and below 2^31, got [-1]");
  CHECK(text({.dilation = {1, 1, 1}}) ==
        "Conv2d: dilation takes one value, or one for each of the 2 spatial axes; got [1, 1, 1]");
  CHECK(text({.groups = 4}) == "Conv2d: groups = 4 must divide in = 4 and out = 6");
  CHECK(text({.groups = 0}) == "Conv2d: groups = 0, but it must be at least 1");
  CHECK(text({.padding = "full"}) ==
        "Conv2d: padding must be numbers, \"same\" or \"valid\", got \"full\"");
  CHECK(text({.stride = 2, .padding = "same"}) == "Conv2d: padding \"same\" needs stride 1, got 2");
  CHECK(error<ValueError>([] { nn::Conv1d(0, 1, 3); }) ==
        "Conv1d: in = 0, but it must be at least 1");
  CHECK(error<ValueError>([] {
          nn::Conv3d(1, 1, {3, 0, 1});
        }) == "Conv3d: kernel must be at least 1 and below 2^31, got [3, 0, 1]");
  CHECK(error<ValueError>([] { nn::ConvTranspose2d(1, 1, 3, {.output_padding = 1}); }) ==
        "ConvTranspose2d: output_padding 1 must be smaller than stride 1 or dilation 1");
}
