#include <doctest/doctest.h>

#include <cmath>

#include <gradtape/nn/activation.hpp>
#include <gradtape/nn/pooling.hpp>
#include <gradtape/nn/sequential.hpp>
#include <gradtape/nn/shape.hpp>

#include "support/close.hpp"
#include "support/modules.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

TEST_CASE("every activation is a layer that computes the op of its name") {
  const Tensor x = 2.0 * sines({2, 4, 3, 2});
  const auto check = [&](const nn::Layer& layer, const Tensor& want) {
    CHECK_MESSAGE(array_equal(layer(x), want), layer.kind());
  };
  check(nn::ReLU(), relu(x));
  check(nn::ReLU6(), relu6(x));
  check(nn::LeakyReLU(0.2), leaky_relu(x, 0.2));
  check(nn::ELU(0.7), elu(x, 0.7));
  check(nn::CELU(0.7), celu(x, 0.7));
  check(nn::SELU(), selu(x));
  check(nn::GELU(), gelu(x));
  check(nn::GELU(Gelu::tanh), gelu(x, Gelu::tanh));
  check(nn::SiLU(), silu(x));
  check(nn::Mish(), mish(x));
  check(nn::Softplus(2), softplus(x, 2));
  check(nn::Softsign(), softsign(x));
  check(nn::Sigmoid(), sigmoid(x));
  check(nn::LogSigmoid(), log_sigmoid(x));
  check(nn::Tanh(), tanh(x));
  check(nn::Tanhshrink(), tanhshrink(x));
  check(nn::Hardtanh(-0.5, 0.7), hardtanh(x, -0.5, 0.7));
  check(nn::Hardsigmoid(), hardsigmoid(x));
  check(nn::Hardswish(), hardswish(x));
  check(nn::Hardshrink(0.3), hardshrink(x, 0.3));
  check(nn::Softshrink(0.3), softshrink(x, 0.3));
  check(nn::Threshold(0.1, 20), threshold(x, 0.1, 20));
  check(nn::GLU(1), glu(x, 1));
  check(nn::Softmax(0), softmax(x, 0));
  check(nn::LogSoftmax(), log_softmax(x, -1));
  check(nn::Softmin(2), softmin(x, 2));
  check(nn::Softmax2d(), softmax(x, 1));
}

TEST_CASE("activations have hooks, and rows in the summary of a Sequential") {
  nn::Sequential model(nn::Linear(3, 2), nn::ReLU());
  int calls = 0;
  model.named_children()[1].second->register_forward_hook(
      [&](const nn::Module& layer, const Tensor&, const Tensor&) {
        CHECK(layer.kind() == "ReLU");
        ++calls;
        return Tensor();
      });
  model(ones({1, 3}));
  CHECK(calls == 1);
  CHECK(summary(model, ones({1, 3})).find("ReLU") != std::string::npos);
}

TEST_CASE("RReLU draws a slope for each element in training, and takes the mean in evaluation") {
  nn::RReLU layer({.low = 0.1, .high = 0.3, .generator = Generator(4)});
  const Tensor x = full({1000}, -1.0, float64);
  const Tensor y = layer(x);
  CHECK(max(y).item<double>() <= -0.1);
  CHECK(min(y).item<double>() >= -0.3);
  CHECK(stddev(y).item<double>() == close(0.2 / std::sqrt(12.0), 0.05));
  CHECK(array_equal(layer(-x), -x));
  layer.eval();
  CHECK(array_equal(layer(x), full({1000}, -0.2, float64)));
}

TEST_CASE("PReLU, Bilinear: PyTorch's numbers, names and initial values") {
  CHECK(fingerprint(with_cosines(nn::PReLU(3))(sines({2, 3, 4}))) ==
        close(1.4140468808279332, 1e-12));
  CHECK(nn::PReLU().weight.tensor().item<float>() == 0.25F);
  const nn::Bilinear bilinear = with_cosines(nn::Bilinear(2, 3, 4));
  const Tensor y = bilinear(sines({5, 2}), sines({5, 3}));
  CHECK(fingerprint(y) == close(2.3219012726480086, 1e-12));
  CHECK(names(bilinear.state_dict()) == std::vector<std::string>{"bias", "weight"});
  const nn::Bilinear fresh(4, 30, 50);
  CHECK(max(abs(fresh.weight.tensor())).item<float>() <= 0.5F);
  CHECK(max(abs(fresh.weight.tensor())).item<float>() > 0.49F);
}

TEST_CASE("Maxout takes the largest of its pieces; two pieces x and -x are abs") {
  const nn::Maxout layer(1, 1, 2, {.dtype = float64});
  layer.linear.weight.set(tensor({{1.0}, {-1.0}}, float64));
  layer.linear.bias.set(zeros({2}, float64));
  const Tensor x = tensor({{-2.0}, {0.5}}, float64);
  CHECK(array_equal(layer(x), abs(x)));
  CHECK(names(layer.state_dict()) == std::vector<std::string>{"linear.bias", "linear.weight"});
  CHECK(with_cosines(nn::Maxout(3, 4, 5))(sines({2, 6, 3})).shape() == Shape{2, 6, 4});
}

TEST_CASE("RBF is 1 at a centre and e^-1 a width away") {
  const nn::RBF layer(2, 1, {.width = 3, .dtype = float64});
  layer.centers.set(tensor({{1.0, 2.0}}, float64));
  const Tensor y = layer(tensor({{1.0, 2.0}, {4.0, 2.0}}, float64));
  CHECK(y.data<double>()[0] == 1);
  CHECK(y.data<double>()[1] == close(std::exp(-1.0), 1e-12));
}

TEST_CASE("layers that learn an activation have right gradients to second order") {
  CHECK(checked(with_cosines(nn::PReLU(3)), sines({2, 3, 2}) + 0.1));
  CHECK(checked(with_cosines(nn::Maxout(2, 2, 3)), sines({2, 2})));
  CHECK(checked(with_cosines(nn::RBF(2, 3)), sines({2, 2})));
  const nn::Bilinear bilinear = with_cosines(nn::Bilinear(2, 2, 2));
  CHECK(gradcheck([&](const std::vector<Tensor>& x) { return bilinear(x[0], x[1]); },
                  {sines({2, 2}), sines({2, 2}) + 1.0},
                  {.order = 2, .parameters = bilinear.parameters()}));
}

TEST_CASE("layers of activations refuse options out of range when they are made") {
  CHECK(error<ValueError>([] { nn::CELU(0); }) == "CELU: alpha must not be 0");
  CHECK(error<ValueError>([] { nn::Softplus(0); }) == "Softplus: beta must not be 0");
  CHECK(error<ValueError>([] { nn::Hardtanh(1, -1); }) ==
        "Hardtanh: low = 1, but it must be at most high = -1");
  CHECK(error<ValueError>([] { nn::Softshrink(-1); }) ==
        "Softshrink: lambda = -1, but it must be at least 0");
  CHECK(error<ValueError>([] { nn::RReLU({.low = 0.5}); }) ==
        "RReLU: low = 0.5, but it must be at most high = 0.3333333333333333");
  CHECK(error<ValueError>([] { nn::PReLU(0); }) ==
        "PReLU: channels = 0, but it must be at least 1");
  CHECK(error<ValueError>([] { nn::Maxout(1, 1, 0); }) ==
        "Maxout: pieces = 0, but it must be at least 1");
  CHECK(error<ValueError>([] { nn::RBF(1, 1, {.width = 0}); }) ==
        "RBF: width = 0, but it must be finite and above 0");
  CHECK(error<ValueError>([] { nn::Bilinear(1, 0, 1); }) ==
        "Bilinear: in2 = 0, but it must be at least 1");
}

TEST_CASE("layers of activations refuse inputs that do not fit") {
  CHECK(error<ShapeError>([] {
          nn::Softmax2d()(ones({2, 2}));
        }) == "Softmax2d: x must be [N, C, H, W] or [C, H, W], got [2, 2]");
  CHECK(error<ShapeError>([] {
          nn::Bilinear(2, 3, 4)(ones({5, 2}), ones({4, 3}));
        }) == "Bilinear: a and b must be [..., 2] and [..., 3], got [5, 2] and [4, 3]");
  CHECK_THROWS_AS(nn::PReLU(3)(ones({2, 4})), ShapeError);
  CHECK_THROWS_AS(nn::GLU()(ones({3})), ShapeError);
}

TEST_CASE("pooling layers give PyTorch's numbers") {
  const nn::MaxPool2d largest(3, {.stride = 2, .padding = 1, .ceil_mode = true});
  CHECK(fingerprint(largest(sines({1, 2, 6, 5}))) == close(-1.558007777903818, 1e-12));
  const nn::AvgPool2d average({2, 3}, {.stride = 2, .padding = {1, 1}, .count_include_pad = false});
  CHECK(fingerprint(average(sines({1, 2, 6, 5}))) == close(0.834506335368043, 1e-12));
  CHECK(fingerprint(nn::LPPool1d(2, 2)(sines({1, 2, 7}) + 1.5)) == close(4.309468490310912, 1e-12));
  CHECK(fingerprint(nn::AdaptiveAvgPool2d({3, -1})(sines({1, 2, 7, 5}))) ==
        close(0.3307253381807806, 1e-12));
}

TEST_CASE("pooling layers are the ops of their names") {
  const Tensor x = sines({1, 2, 4, 6, 5});
  const auto check = [&](const nn::Layer& layer, const Tensor& want) {
    CHECK_MESSAGE(array_equal(layer(x), want), layer.kind());
    CHECK_MESSAGE(checked(layer, 0.5 * x + 1.0), layer.kind());
  };
  check(nn::MaxPool3d(2), max_pool3d(x, 2));
  check(nn::AvgPool3d(2, {.divisor_override = 3}), avg_pool3d(x, 2, {.divisor_override = 3}));
  check(nn::AdaptiveAvgPool3d(2), adaptive_avg_pool3d(x, 2));
  check(nn::AdaptiveMaxPool3d({1, 2, 3}), adaptive_max_pool3d(x, {1, 2, 3}));
  const Tensor row = select(select(x, 0, 0), 1, 0);  // [2, 6, 5]
  CHECK(array_equal(nn::MaxPool1d(2)(row), max_pool1d(row, 2)));
  CHECK(array_equal(nn::AvgPool1d(3, {.padding = 1})(row), avg_pool1d(row, 3, {.padding = 1})));
  CHECK(array_equal(nn::AdaptiveAvgPool1d(2)(row), adaptive_avg_pool1d(row, 2)));
  CHECK(array_equal(nn::AdaptiveMaxPool1d(2)(row), adaptive_max_pool1d(row, 2)));
  CHECK(array_equal(nn::AdaptiveMaxPool2d(2)(row), adaptive_max_pool2d(row, 2)));
  CHECK(array_equal(nn::LPPool2d(3, 2)(row + 2.0), lp_pool2d(row + 2.0, 3, 2)));
  CHECK(array_equal(nn::LPPool3d(1, 2)(x + 2.0), lp_pool3d(x + 2.0, 1, 2)));
}

TEST_CASE("pooling layers refuse options out of range when they are made, and other inputs") {
  CHECK(error<ValueError>([] { nn::MaxPool2d(0); }) ==
        "MaxPool2d: kernel must be at least 1 and below 2^31, got [0]");
  CHECK(error<ValueError>([] { nn::MaxPool1d(3, {.padding = 2}); }) ==
        "MaxPool1d: padding [2] must be at most half of the kernel [3]");
  CHECK(error<ValueError>([] {
          nn::AvgPool3d(3, {.stride = {1, 2}});
        }) ==
        "AvgPool3d: stride takes one value, or one for each of the 3 spatial axes; got [1, 2]");
  CHECK(error<ValueError>([] { nn::LPPool2d(-1, 2); }) ==
        "LPPool2d: p = -1, but it must be finite and above 0");
  CHECK(error<ValueError>([] {
          nn::AdaptiveMaxPool2d({3, 0});
        }) == "AdaptiveMaxPool2d: size must be at least 1 and below 2^31, got [3, 0]");
  CHECK_THROWS_AS(nn::MaxPool2d(2)(ones({2, 2})), ShapeError);
}

TEST_CASE("Identity, Flatten, Unflatten, Unfold and Fold rearrange") {
  const Tensor x = sines({2, 3, 4, 5});
  CHECK(array_equal(nn::Identity()(x), x));
  CHECK(nn::Flatten()(x).shape() == Shape{2, 60});
  CHECK(nn::Flatten(0, 2)(x).shape() == Shape{24, 5});
  CHECK(nn::Unflatten(1, {3, -1})(nn::Flatten()(x)).shape() == Shape{2, 3, 20});
  const Tensor columns = nn::Unfold(2, {.stride = 2})(x);
  CHECK(columns.shape() == Shape{2, 12, 4});
  CHECK(nn::Fold({4, 5}, 2, {.stride = 2})(columns).shape() == x.shape());
}
