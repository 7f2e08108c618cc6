#include <gradtape/nn/nn.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace gradtape;

namespace {

std::vector<std::string> names_of(const std::vector<Parameter>& parameters) {
  std::vector<std::string> names;
  for (const auto& p : parameters) names.push_back(p.name());
  return names;
}
using Names = std::vector<std::string>;

/// Parameters of one's own: by names where axes do not tell.
struct Own : nn::Module {
  const Parameter weight = parameter("weight", ones({3}));
  const Parameter scale = parameter("scale", ones({3}));
  const Parameter kernel = parameter("kernel", ones({3, 3}));
  const Parameter position_bias = parameter("position_bias", ones({1, 3}));
};

struct Model : nn::Module {
  const nn::Embedding table = child("table", nn::Embedding(5, 4));
  const nn::LayerNorm norm = child("norm", nn::LayerNorm({2, 4}));
  const nn::MultiheadAttention attention =
      child("attention", nn::MultiheadAttention(4, 2, {.add_bias_kv = true}));
  const Own own = child("own", Own());
  const Parameter tied = parameter("bias", table.weight);  // as first registered, here
};

}  // namespace

TEST_CASE("weights are matrices and kernels, biases all else, scales of normalisations too") {
  const nn::Sequential model(nn::Conv2d(1, 2, 3), nn::BatchNorm2d(2), nn::PReLU(2), nn::Flatten(),
                             nn::Linear(8, 3), nn::RMSNorm(3));
  CHECK(names_of(nn::weights(model)) == Names{"0.weight", "4.weight"});
  CHECK(names_of(nn::biases(model)) ==
        Names{"0.bias", "1.weight", "1.bias", "2.weight", "4.bias", "5.weight"});
  const nn::RNN rnn(3, 2);
  CHECK(names_of(nn::weights(rnn)) == Names{"weight_ih_l0", "weight_hh_l0"});
  CHECK(names_of(nn::biases(rnn)) == Names{"bias_ih_l0", "bias_hh_l0"});
}

TEST_CASE("a name says what a parameter of one's own is where its axes do not") {
  const Own own;
  CHECK(names_of(nn::weights(own)) == Names{"weight", "kernel"});
  CHECK(names_of(nn::biases(own)) == Names{"scale", "position_bias"});
}

TEST_CASE("weights and biases together are all parameters, each once") {
  const Model model;
  model.attention.in_proj_weight.freeze();
  const auto weights = nn::weights(model), biases = nn::biases(model);
  CHECK(weights.size() == 4);  // attention's two, own.weight and own.kernel
  auto both = weights;
  both.insert(both.end(), biases.begin(), biases.end());
  const auto all = model.parameters();
  CHECK(both.size() == all.size());
  for (const auto& p : all) CHECK(std::count(both.begin(), both.end(), p) == 1);
  CHECK(nn::weights(nn::LayerNorm({2, 4})).empty());
}
