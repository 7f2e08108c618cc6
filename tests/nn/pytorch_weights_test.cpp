// Weights that PyTorch saved, under its names, give PyTorch's outputs; tests/files has the script
// that made the files.
#include <gradtape/autograd/io/npy.hpp>
#include <gradtape/autograd/io/npz.hpp>
#include <gradtape/autograd/io/safetensors.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/nn.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <limits>
#include <string>

#include "support/files.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

std::string data(const std::string& name) { return GRADTAPE_SOURCE_DIR "/tests/files/" + name; }

/// An input or output of PyTorch's.
Tensor pytorch(const std::string& name) {
  static const auto all = load_safetensors(data("pytorch_outputs.safetensors"));
  return all.at(name);
}

double difference(const Tensor& got, const std::string& want) {
  REQUIRE(got.shape() == pytorch(want).shape());
  return max(abs(got - pytorch(want))).item<double>();
}

struct LeNet : nn::Module {
  nn::Conv2d conv1 = child("conv1", nn::Conv2d(1, 3, 5, {.padding = 2}));
  nn::Conv2d conv2 = child("conv2", nn::Conv2d(3, 4, 5));
  nn::Linear fc1 = child("fc1", nn::Linear(4 * 5 * 5, 12));
  nn::Linear fc2 = child("fc2", nn::Linear(12, 11));
  nn::Linear fc3 = child("fc3", nn::Linear(11, 10));

  Tensor operator()(const Tensor& images) const {
    Tensor x = max_pool2d(relu(conv1(images)), 2);
    x = max_pool2d(relu(conv2(x)), 2);
    return fc3(relu(fc2(relu(fc1(flatten(x, 1))))));
  }
};

struct Block : nn::Module {
  nn::LayerNorm ln1 = child("ln1", nn::LayerNorm(8));
  nn::MultiheadAttention attn = child("attn", nn::MultiheadAttention(8, 2, {.batch_first = true}));
  nn::LayerNorm ln2 = child("ln2", nn::LayerNorm(8));
  nn::Sequential mlp =
      child("mlp", nn::Sequential(nn::Linear(8, 32), nn::GELU(), nn::Linear(32, 8)));
  Tensor operator()(const Tensor& x) const {
    const Tensor y = x + attn(ln1(x), {.causal = true}).output;
    return y + mlp(ln2(y));
  }
};

/// The weight of another module under a name here.
struct Head : nn::Module {
  explicit Head(const Parameter& tied) : weight(parameter("weight", tied)) {}
  Tensor operator()(const Tensor& x) const { return linear(x, weight); }
  Parameter weight;
};

struct Gpt : nn::Module {
  nn::Embedding tokens = child("tokens", nn::Embedding(13, 8));
  nn::Embedding positions = child("positions", nn::Embedding(7, 8));
  nn::ModuleList<Block> blocks = child("blocks", nn::ModuleList<Block>{Block(), Block()});
  nn::LayerNorm ln = child("ln", nn::LayerNorm(8));
  Head head = child("head", Head(tokens.weight));

  Tensor operator()(const Tensor& ids) const {
    Tensor x = tokens(ids) + positions(arange(ids.shape()[1]));
    for (const auto& block : blocks) x = block(x);
    return head(ln(x));
  }
};

struct Tagger : nn::Module {
  nn::LSTM lstm =
      child("lstm", nn::LSTM(5, 6, {.num_layers = 2, .batch_first = true, .bidirectional = true}));
  nn::Linear head = child("head", nn::Linear(12, 3));
};

}  // namespace

TEST_CASE("LeNet with PyTorch's weights gives PyTorch's outputs") {
  LeNet model;
  CHECK(nn::load_parameters(model, data("pytorch_lenet.safetensors")).complete());
  CHECK(difference(model(pytorch("lenet.x")), "lenet.y") < 1e-5);
}

TEST_CASE("a small GPT with PyTorch's weights, renamed and one of them tied, gives its outputs") {
  Gpt model;
  CHECK(nn::load_parameters(model, data("pytorch_gpt.safetensors"), {.rename = {{"module", ""}}})
            .complete());
  CHECK(difference(model(pytorch("gpt.x")), "gpt.y") < 1e-5);
  CHECK_THROWS_WITH_AS(nn::load_parameters(model, data("pytorch_gpt.safetensors")),
                       doctest::Contains("{.rename = {{\"module\", \"\"}}} would make names fit\n"
                                         "  missing: 'tokens.weight' [13, 8] float32"),
                       IoError);
}

TEST_CASE("a bidirectional LSTM of two layers with PyTorch's weights gives PyTorch's outputs") {
  Tagger model;
  CHECK(nn::load_parameters(model, data("pytorch_lstm.safetensors")).complete());
  const auto [output, state] = model.lstm(pytorch("lstm.x"));
  CHECK(difference(model.head(output), "lstm.y") < 1e-5);
  CHECK(difference(state.h, "lstm.h") < 1e-5);
  CHECK(difference(state.c, "lstm.c") < 1e-5);
}

TEST_CASE("weights go out as they came in, in every format") {  // and then through load_back.py
  const TemporaryFolder temporary;
  const char* named = std::getenv("GRADTAPE_WEIGHTS_FOLDER");
  const auto path = [&](const std::string& file) {
    return named ? std::string(named) + "/" + file : temporary.path(file);
  };
  const auto round_trip = [&]<class M>(M model, const std::string& name) {
    nn::load_parameters(model, data("pytorch_" + name + ".safetensors"),
                        {.rename = {{"module", ""}}});
    const auto before = model.state_dict();
    for (const char* ending : {".npz", ".safetensors"}) {
      nn::save_parameters(model, path(name + ending));
      M other = nn::clone(model);
      for (const auto& p : other.parameters()) p.set(zeros(p.shape()));
      nn::load_parameters(other, path(name + ending));
      for (const auto& [key, value] : other.state_dict()) CHECK(array_equal(value, before.at(key)));
    }
    return model;
  };
  round_trip(LeNet(), "lenet");
  round_trip(Gpt(), "gpt");
  const Tagger tagger = round_trip(Tagger(), "lstm");
  save_npy(path("head.npy"), tagger.head.weight);
  const StateDict dtypes = {
      {"double", tensor({{0.1, -0.0}, {1e300, std::numeric_limits<double>::infinity()}}, float64)},
      {"integers", tensor({std::int64_t{-1}, std::int64_t{1} << 62})},
      {"flags", tensor({true, false, true})},
      {"number", state_entry(std::int64_t{7})},
      {"empty", zeros({0, 3})},
      {"maské", ones({1, 1, 2})}};
  save_npz(path("dtypes.npz"), dtypes);
  save_safetensors(path("dtypes.safetensors"), dtypes);
}
