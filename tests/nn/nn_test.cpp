#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <sstream>
#include <vector>

#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/nn/activation.hpp>
#include <gradtape/nn/dropout.hpp>
#include <gradtape/nn/init.hpp>
#include <gradtape/nn/linear.hpp>
#include <gradtape/nn/loss.hpp>
#include <gradtape/nn/sequential.hpp>

#include "support/close.hpp"
#include "support/modules.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

struct Block : nn::Module {
  nn::Linear up = child("up", nn::Linear(2, 3));
  nn::Dropout drop = child("drop", nn::Dropout(0.5));
  Tensor operator()(const Tensor& x) const { return drop(tanh(up(x))); }
};

struct Model : nn::Module {
  Block block = child("block", Block());
  nn::Linear head = child("head", nn::Linear(3, 1, {.bias = false}));
  Parameter scale = parameter("scale", ones({1}));
  Buffer count = buffer("count", zeros({2}));
  Tensor operator()(const Tensor& x) const { return scale * head(block(x)); }
};

}  // namespace

TEST_CASE(
    "a module lists its parameters and buffers under dotted paths, which are their names too") {
  Model model;
  const std::vector<std::string> want = {"scale", "block.up.weight", "block.up.bias",
                                         "head.weight"};
  CHECK(names(model.named_parameters()) == want);
  CHECK(names(model.named_buffers()) == std::vector<std::string>{"count"});
  for (const auto& [path, variable] : model.named_parameters()) CHECK(variable.name() == path);
  CHECK(model.parameters().size() == 4);
  CHECK(model.parameter_count() == 1 + 6 + 3 + 3);
  CHECK(model.block.up.weight.name() == "block.up.weight");
}

TEST_CASE("errors name the parameter by its full path") {
  const Model model;
  CHECK_THROWS_WITH_AS(model(ones({4, 5})), doctest::Contains("'block.up.weight' [3, 2]"),
                       ShapeError);
}

TEST_CASE("a copy of a module is a handle to the same variables and mode") {
  Model model;
  Model copy = model;
  copy.head.weight.set(zeros({1, 3}));
  copy.eval();
  CHECK(model.head.weight.tensor().data<float>()[0] == 0);
  CHECK(model.parameters() == copy.parameters());
  CHECK_FALSE(model.is_training());
  CHECK_FALSE(model.block.drop.is_training());
  static_assert(!std::is_copy_assignable_v<Model>,
                "assigning would separate members from what is registered");
}

TEST_CASE("train and eval reach every module below") {
  Model model;
  CHECK(model.block.drop.is_training());
  model.eval();
  CHECK_FALSE(model.block.drop.is_training());
  model.train();
  CHECK(model.block.drop.is_training());
}

TEST_CASE("names that are empty, dotted or taken are refused") {
  struct Open : nn::Module {
    using Module::buffer, Module::child, Module::parameter;
  };
  Open module;
  module.parameter("w", ones({1}));
  module.buffer("mean", ones({1}));
  module.child("head", nn::Linear(1, 1));
  CHECK_THROWS_WITH_AS(module.parameter("", ones({1})), "parameter: the name '' is empty",
                       ValueError);
  CHECK_THROWS_WITH_AS(module.buffer("a.b", ones({1})),
                       "buffer: the name 'a.b' has a dot; dots separate the parts of a path",
                       ValueError);
  CHECK_THROWS_WITH_AS(module.child("w", nn::Linear(1, 1)),
                       "child: the name 'w' is taken by a parameter of this module", ValueError);
  CHECK_THROWS_WITH_AS(module.parameter("mean", ones({1})),
                       "parameter: the name 'mean' is taken by a buffer of this module",
                       ValueError);
  CHECK_THROWS_WITH_AS(module.parameter("head", ones({1})),
                       "parameter: the name 'head' is taken by a child of this module", ValueError);
  CHECK_THROWS_WITH_AS(module.child("self", module),
                       "child: 'self' contains the module that it would be a child of", ValueError);
  CHECK(module.parameters().size() == 3);
}

TEST_CASE("a parameter that two modules share is one parameter with two paths") {
  struct Tied : nn::Module {
    nn::Linear encode = child("encode", nn::Linear(3, 2, {.bias = false}));
    Parameter decode = parameter("decode", encode.weight);
  };
  Tied tied;
  CHECK(tied.decode == tied.encode.weight);
  CHECK(tied.named_parameters().size() == 2);
  CHECK(tied.parameters().size() == 1);
  CHECK(tied.parameter_count() == 6);
  CHECK(tied.summary().find("tied") != std::string::npos);
}

TEST_CASE("a module converts to another dtype in place, drops gradients, and refuses integers") {
  Model model;
  model.to(float64);
  CHECK(model.head.weight.dtype() == float64);
  CHECK(model.count.dtype() == float64);
  model.eval();
  sum(model(ones({4, 2}, float64))).backward();
  CHECK(model.head.weight.grad().defined());
  model.zero_grad();
  CHECK_FALSE(model.head.weight.grad().defined());
  CHECK_THROWS_WITH_AS(model.to(int64), "to: parameters are float32 or float64, not int64",
                       DtypeError);
}

TEST_CASE("the summary is a table with a row for each variable") {
  Model model;
  model.head.weight.freeze();
  std::ostringstream out;
  out << model;
  CHECK(out.str() ==
        "name             kind    shape   dtype    count  trainable\n"
        "scale            Model   [1]     float32      1  yes\n"
        "count            Model   [2]     float32      2  buffer\n"
        "block.up.weight  Linear  [3, 2]  float32      6  yes\n"
        "block.up.bias    Linear  [3]     float32      3  yes\n"
        "head.weight      Linear  [1, 3]  float32      3  frozen\n"
        "13 parameters, 10 trainable; 2 elements in buffers\n");
}

TEST_CASE("a whole module is gradient-checked over its parameters and input, to second order") {
  Model model;
  model.to(float64);
  model.eval();
  Generator generator(3);
  const auto result = gradcheck(model, randn({4, 2}, float64, generator),
                                {.order = 2, .parameters = model.parameters()});
  CHECK_MESSAGE(static_cast<bool>(result), result.message);
}

// ---- layers ----

TEST_CASE("Linear computes x W^T + b with PyTorch's layout") {
  nn::Linear layer(3, 2);
  layer.weight.set(tensor({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}}));
  layer.bias.set(tensor({10.0, 20.0}));
  CHECK(array_equal(layer(tensor({{1.0, 0.0, -1.0}})), tensor({{8.0, 18.0}})));
  CHECK(layer(ones({2, 5, 3})).shape() == Shape{2, 5, 2});
}

TEST_CASE("Linear draws PyTorch's initial values, from the generator that it is given") {
  Generator one(7), same(7), other(8);
  const nn::Linear a(400, 300, {.generator = one}), b(400, 300, {.generator = same}),
      c(400, 300, {.generator = other});
  CHECK(array_equal(a.weight, b.weight));
  CHECK(array_equal(a.bias, b.bias));
  CHECK_FALSE(array_equal(a.weight, c.weight));
  for (const Tensor& x : {a.weight.tensor(), a.bias.tensor()}) {
    CHECK(max(abs(x)).item<double>() <= 1 / 20.0);
    CHECK(max(abs(x)).item<double>() > 0.95 / 20.0);
  }
  CHECK(stddev(a.weight).item<double>() == close(1 / 20.0 / std::sqrt(3.0), 0.02));
}

TEST_CASE("Linear takes other initializers, another dtype, and leaves out the bias") {
  const nn::Linear layer(2, 3,
                         {.weight_init = nn::init::Constant{0.5},
                          .bias_init = [](const Shape& shape, Dtype dtype,
                                          const Generator&) { return ones(shape, dtype); },
                          .dtype = float64});
  CHECK(array_equal(layer.weight, full({3, 2}, 0.5, float64)));
  CHECK(array_equal(layer.bias, ones({3}, float64)));
  const nn::Linear bare(2, 3, {.bias = false});
  CHECK_FALSE(bare.bias.defined());
  CHECK(bare.parameters().size() == 1);
  CHECK_THROWS_WITH_AS(nn::Linear(0, 3),
                       "Linear: needs at least one input and output, got in = 0, out = 3",
                       ValueError);
}

TEST_CASE("Sequential takes modules, activations, functions and lambdas") {
  nn::Linear first(2, 8), last(8, 1);
  const nn::Sequential net(
      first, nn::Tanh(), [](const Tensor& x) { return 2.0 * x; }, relu, last);
  CHECK(names(net.named_parameters()) ==
        std::vector<std::string>{"0.weight", "0.bias", "4.weight", "4.bias"});
  const Tensor x = ones({3, 2});
  CHECK(array_equal(net(x), last(relu(2.0 * tanh(first(x))))));
  CHECK(first.weight.name() == "0.weight");
}

TEST_CASE("layers added to a Sequential appear in its copies and in its owner") {
  struct Owner : nn::Module {
    nn::Sequential body = child("body", nn::Sequential());
  };
  Owner owner;
  nn::Sequential body = owner.body;
  body.add(nn::Linear(2, 2)).add(nn::ReLU());
  CHECK(owner.body.size() == 2);
  CHECK(names(owner.named_parameters()) ==
        std::vector<std::string>{"body.0.weight", "body.0.bias"});
  CHECK(array_equal(nn::Sequential()(ones({2})), ones({2})));
}

TEST_CASE("Dropout scales what it keeps in training, and is the identity in evaluation") {
  nn::Dropout drop(0.25, {.generator = Generator(5)});
  const Tensor x = ones({100, 100});
  const Tensor y = drop(x);
  std::size_t dropped = 0;
  for (const float value : y.data<float>()) {
    CHECK_MESSAGE((value == 0 || value == close(4.0 / 3, 1e-7)), value);
    dropped += value == 0;
  }
  CHECK(dropped == close(2500, 0.1));
  CHECK_FALSE(array_equal(drop(x), y));
  CHECK(array_equal(nn::Dropout(0.25, {.generator = Generator(5)})(x), y));
  drop.eval();
  CHECK(array_equal(drop(x), x));
  CHECK_THROWS_WITH_AS(nn::Dropout(2.0), "Dropout: p = 2, but it must be in [0, 1]", ValueError);
}

// ---- losses ----

TEST_CASE("mse_loss is the mean, the sum or all of the squared differences") {
  const Tensor a = tensor({{1.0, 2.0}, {3.0, 4.0}}), b = tensor({{0.0, 4.0}, {3.0, 1.0}});
  CHECK(nn::mse_loss(a, b).item<float>() == 3.5f);
  CHECK(nn::mse_loss(a, b, {.reduction = nn::Reduction::sum}).item<float>() == 14);
  CHECK(array_equal(nn::mse_loss(a, b, {.reduction = nn::Reduction::none}),
                    tensor({{1.0, 4.0}, {0.0, 9.0}})));
}

TEST_CASE(
    "the mean squared error of many elements is accurate and the same for any number of threads") {
  Generator generator(2);
  const Tensor a = randn({70'001}, float32, generator), b = randn({70'001}, float32, generator);
  const double exact = mean(square(a.to(float64) - b.to(float64))).item<double>();
  const auto loss = [&] { return nn::mse_loss(a, b); };
  const Tensor one = with_threads(1, loss);
  CHECK(one.item<double>() == close(exact, 1e-6));  // in float32
  for (const int threads : {2, 3}) CHECK(array_equal(with_threads(threads, loss), one));
}

TEST_CASE(
    "the raw vjp of mse_loss agrees with the recorded one, and maps a zero cotangent to zero") {
  Generator generator(6);
  const Tensor a = randn({40'000}, float64, generator).requires_grad(),
               b = randn({40'000}, float64, generator);
  const Tensor loss = nn::mse_loss(a, b);
  const auto recorded = grad(loss, {a}, {.create_graph = true});
  CHECK(allclose(grad(loss, {a})[0], recorded[0].detach(), 1e-14, 1e-18));

  const double inf = std::numeric_limits<double>::infinity();
  const Tensor wild = tensor({inf, 1.0}, float64).requires_grad();
  const Tensor none = nn::mse_loss(wild, zeros({2}, float64));
  for (const bool create_graph : {true, false})
    CHECK(array_equal(
        grad(none, {wild}, {.create_graph = create_graph, .seed = tensor(0.0, float64)})[0]
            .detach(),
        zeros({2}, float64)));
}

TEST_CASE("bce_with_logits is exact far out and has slope sigmoid(x) - t everywhere, at 0 too") {
  const Tensor x = tensor({-1000.0, -3.0, 0.0, 0.0, 3.0, 1000.0}, float64).requires_grad();
  const Tensor t = tensor({1.0, 0.25, 1.0, 0.0, 0.0, 1.0}, float64);
  const Tensor losses = nn::bce_with_logits(x, t, {.reduction = nn::Reduction::none});
  const double log2 = std::log(2.0), tail = std::log1p(std::exp(-3.0));
  CHECK(allclose(losses.detach(), tensor({1000.0, 0.75 + tail, log2, log2, 3 + tail, 0.0}, float64),
                 1e-14));
  const auto slope = grad(sum(losses), {x}, {.create_graph = true})[0];
  CHECK(allclose(slope.detach(), sigmoid(x.detach()) - t, 1e-14, 1e-15));
  const auto curvature = grad(sum(slope), {x})[0];
  CHECK(curvature.data<double>()[2] == close(0.25, 1e-12));
  sum(nn::bce_with_logits(x, t)).backward();
  CHECK(allclose(x.grad(), (sigmoid(x.detach()) - t) / 6.0, 1e-14, 1e-15));
}

TEST_CASE("losses refuse shapes that would broadcast, other dtypes, and nothing") {
  const Tensor column = ones({32, 1}), row = ones({32});
  const Parameter named(ones({32, 1}), "prediction");
  CHECK_THROWS_WITH_AS(
      nn::mse_loss(column, row),
      "mse_loss: prediction [32, 1] and target [32] must have equal shapes; nothing but a "
      "single number, 0-d, broadcasts in a loss; reshape(target, {32, 1}) makes them agree",
      ShapeError);
  CHECK_THROWS_WITH_AS(
      nn::bce_with_logits(named, ones({1})),
      "bce_with_logits: prediction 'prediction' [32, 1] and target [1] must have equal shapes; "
      "nothing broadcasts in a loss",
      ShapeError);
  CHECK_THROWS_WITH_AS(nn::mse_loss(row, ones({32}, float64)), doctest::Contains("float64"),
                       DtypeError);
  CHECK_THROWS_WITH_AS(nn::mse_loss(ones({2}, int64), ones({2}, int64)),
                       "mse_loss: needs float32 or float64, got int64; convert with to(float32)",
                       DtypeError);
  CHECK_THROWS_WITH_AS(nn::mse_loss(zeros({0, 2}), zeros({0, 2})),
                       "mse_loss: the mean over nothing, shape [0, 2]", ShapeError);
}

TEST_CASE("nn::cross_entropy is the mean of -log softmax at the target") {
  const Tensor logits = tensor({{1.0, 2.0}, {3.0, 0.0}}, float64), target = tensor({1, 1});
  const double want = (std::log1p(std::exp(-1.0)) + 3 + std::log1p(std::exp(-3.0))) / 2;
  CHECK(nn::cross_entropy(logits, target).item<double>() == close(want, 1e-12));
}
