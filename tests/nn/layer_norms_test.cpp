#include <gradtape/nn/layer_norms.hpp>
#include <gradtape/nn/nn.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <string>

#include "support/close.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

double rms(const Tensor& x) { return std::sqrt(value(mean(square(x.detach().to(float64))))); }

/// One layer that is called twice, one whose result nobody uses.
struct Twice : nn::Module {
  const nn::Linear layer = child("layer", nn::Linear(3, 3, {.dtype = float64}));
  const nn::Linear idle = child("idle", nn::Linear(3, 2, {.dtype = float64}));
  Tensor operator()(const Tensor& x) const {
    (void)idle(x);
    return layer(tanh(layer(x)));
  }
};

}  // namespace

TEST_CASE("layer_norms tells the size of every layer's output and of its gradient") {
  nn::Sequential model(nn::Flatten(), nn::Linear(4, 3, {.dtype = float64}), nn::Tanh(),
                       nn::Linear(3, 1, {.dtype = float64}));
  const Tensor x = sample({5, 2, 2}, 1), flat = reshape(x, {5, 4});
  const auto loss = [&] { return mean(square(model(x))); };
  const auto norms = nn::layer_norms(model, loss);
  REQUIRE(norms.size() == 4);
  CHECK(norms[1].path == "1");
  CHECK(norms[1].kind == "Linear");
  CHECK(norms[1].shape == Shape{5, 3});
  CHECK_FALSE(norms[0].gradient.has_value());  // flat does not depend on a parameter

  const auto p = model.parameters();
  const Tensor z = linear(flat, p[0], p[1]), a = tanh(z), y = linear(a, p[2], p[3]);
  const auto g = grad(mean(square(y)), {z, a, y});
  CHECK(norms[0].activation == close(rms(flat), 1e-12));
  CHECK(norms[1].activation == close(rms(z), 1e-12));
  CHECK(norms[2].activation == close(rms(a), 1e-12));
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(norms[i + 1].gradient.value_or(-1) == close(rms(g[i]), 1e-12));
}

TEST_CASE("layer_norms shows a layer that is called twice twice, and an idle one with slope 0") {
  Twice model;
  const auto norms = nn::layer_norms(model, [&] { return sum(model(sample({2, 3}, 1))); });
  REQUIRE(norms.size() == 3);
  CHECK(norms[0].path == "idle");
  CHECK(norms[0].gradient == 0.0);
  CHECK(norms[1].path == "layer");
  CHECK(norms[2].path == "layer");
  CHECK(norms[2].gradient == 1.0);  // of a sum
  CHECK(norms[1].gradient.value_or(1) < 1.0);
}

TEST_CASE("layer_norms leaves gradients, hooks and the graph as they were") {
  nn::Sequential model(nn::Linear(2, 2), nn::Linear(2, 1));
  const Tensor x = ones({3, 2});
  Tensor kept;
  const auto loss = [&] { return kept = sum(model(x)); };
  const auto norms = nn::layer_norms(model, loss);
  for (const auto& p : model.parameters()) CHECK_FALSE(p.grad().defined());
  CHECK_NOTHROW(kept.backward());
  CHECK_THROWS_WITH_AS((void)nn::layer_norms(model, [&] { return model(x); }),
                       doctest::Contains("without a seed (its cotangent) it must have one element"),
                       GraphError);
  CHECK_THROWS_AS((void)nn::layer_norms(model, nullptr), ValueError);
  const auto calls_after = nn::layer_norms(model, loss).size();
  CHECK(calls_after == norms.size());  // no hook was left behind
}

TEST_CASE("layer_norms sees recurrent layers and prints a table") {
  struct Model : nn::Module {
    const nn::LSTM lstm = child("lstm", nn::LSTM(3, 4));
    const nn::Linear head = child("head", nn::Linear(4, 1));
  } model;
  const auto norms = nn::layer_norms(model, [&] {
    return sum(model.head(model.lstm(ones({5, 2, 3})).output));
  });
  const auto text = str(norms);
  CHECK(text.find("layer  kind    output     activation  gradient\n") == 0);
  CHECK(contains(text, "\nlstm   LSTM    [5, 2, 4]  "));
  CHECK(contains(text, "\nhead   Linear  [5, 2, 1]  "));
  std::ostringstream out;
  out << norms;
  CHECK(out.str() == text);
}
