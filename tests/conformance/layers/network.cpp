// Small networks that a case names and describes in a sentence, "desc".
#include <gradtape/nn/nn.hpp>

#include <regex>

#include "../layers.hpp"

namespace gradtape::conformance {
namespace {

using Activation = Tensor (*)(const Tensor&);

constexpr std::size_t keyword_only = 100;

/// The sentence; it has been read.
std::string description(Call& c) { return c.text(keyword_only, "desc", ""); }

/// A network of one tensor to logits, called with targets too: logits, cross_entropy.
template <class N> MadeLayer classifier(const N& network) {
  return made(network, [network](Call& c) -> Value {
    const Tensor logits = network(c.tensor(0, "x")), target = c.tensor(1, "t");
    const Tensor rows = logits.ndim() > 2 ? flatten(logits, 0, -2) : logits;
    return List{logits, nn::cross_entropy(rows, flatten(target))};
  });
}

// ---- mlp_tanh and its like: Sequential(Linear(6,8),ACT,Linear(8,8),ACT,Linear(8,3)) ----

LayerMap perceptrons() {
  LayerMap map;
  for (const std::string act : {"elu", "gelu", "leaky_relu", "mish", "relu", "selu", "sigmoid",
                                "silu", "softplus", "softsign", "tanh"})
    map.emplace("mlp_" + act, [act](Call& c) {
      description(c);
      const auto f = [act](const Tensor& x) { return call_function(act, {x}).tensor(act); };
      return classifier(nn::Sequential(nn::Linear(6, 8), f, nn::Linear(8, 8), f, nn::Linear(8, 3)));
    });
  return map;
}

// ---- lenet ----

struct Lenet : nn::Module {
  explicit Lenet(bool classic) : classic(classic) {}
  Tensor layer(const Tensor& x) const { return classic ? tanh(x) : relu(x); }
  Tensor pooled(const Tensor& x) const { return classic ? avg_pool2d(x, 2) : max_pool2d(x, 2); }
  Tensor operator()(const Tensor& images) const {
    const Tensor x = pooled(layer(conv2(pooled(layer(conv1(images))))));
    return fc3(layer(fc2(layer(fc1(flatten(x, 1))))));
  }

  bool classic;
  nn::Conv2d conv1 = child("conv1", nn::Conv2d(1, 4, 5, {.padding = 2}));
  nn::Conv2d conv2 = child("conv2", nn::Conv2d(4, 6, 5));
  nn::Linear fc1 = child("fc1", nn::Linear(24, 12));
  nn::Linear fc2 = child("fc2", nn::Linear(12, 10));
  nn::Linear fc3 = child("fc3", nn::Linear(10, 4));
};

template <bool classic> MadeLayer lenet(Call& c) {
  description(c);
  return classifier(Lenet(classic));
}

// ---- transformers, whose sentence starts with PyTorch's expression ----

MadeLayer transformer(Call& c) {
  const std::string sentence = description(c);
  const std::string expression = sentence.substr(0, sentence.find(')') + 1);
  return make_layer(
      std::regex_replace(expression, std::regex("activation=(\\w+)"), "activation='$1'"));
}

MadeLayer masked_decoder(Call& c) {
  const MadeLayer layer = transformer(c);
  return made(layer.module, [layer](Call& call) -> Value {
    const Tensor tgt = call.tensor(0, "x");
    Call masked(call.function, {tgt, call.tensor(1, "mem")},
                {{"tgt_mask", nn::causal_mask(tgt.size(1))}});
    return layer.call(masked);
  });
}

struct GptBlock : nn::Module {
  Tensor operator()(const Tensor& tokens) const {
    const auto length = tokens.size(1);
    Tensor x = tok(tokens) + pos(arange(length));
    const auto heads = unbind(permute(unflatten(qkv(ln1(x)), -1, {3, 2, 4}), {2, 0, 3, 1, 4}));
    const Tensor mixed =
        scaled_dot_product_attention(heads[0], heads[1], heads[2], {.causal = true});
    x = x + proj(flatten(transpose(mixed, 1, 2), 2));
    x = x + out(gelu(fc(ln2(x))));
    return head(lnf(x));
  }

  nn::Embedding tok = child("tok", nn::Embedding(7, 8)), pos = child("pos", nn::Embedding(6, 8));
  nn::LayerNorm ln1 = child("ln1", nn::LayerNorm(8)), ln2 = child("ln2", nn::LayerNorm(8));
  nn::Linear qkv = child("qkv", nn::Linear(8, 24)), proj = child("proj", nn::Linear(8, 8));
  nn::Linear fc = child("fc", nn::Linear(8, 32)), out = child("out", nn::Linear(32, 8));
  nn::LayerNorm lnf = child("lnf", nn::LayerNorm(8));
  nn::Linear head = child("head", nn::Linear(8, 7, {.bias = false}));
};

MadeLayer gpt_block(Call& c) {
  description(c);
  return classifier(GptBlock());
}

// ---- convolutions ----

struct Resblock : nn::Module {
  Tensor operator()(const Tensor& x) const {
    return fc(mean(relu(b2(c2(relu(b1(c1(x))))) + sc(x)), {2, 3}));
  }

  nn::Conv2d c1 = child("c1", nn::Conv2d(2, 4, 3, {.padding = 1, .bias = false}));
  nn::BatchNorm2d b1 = child("b1", nn::BatchNorm2d(4));
  nn::Conv2d c2 = child("c2", nn::Conv2d(4, 4, 3, {.padding = 1, .bias = false}));
  nn::BatchNorm2d b2 = child("b2", nn::BatchNorm2d(4));
  nn::Conv2d sc = child("sc", nn::Conv2d(2, 4, 1));
  nn::Linear fc = child("fc", nn::Linear(4, 3));
};

struct ConvAutoencoder : nn::Module {
  Tensor operator()(const Tensor& x) const { return sigmoid(d(elu(e(x)))); }

  nn::Conv2d e = child("e", nn::Conv2d(1, 3, 3, {.stride = 2, .padding = 1}));
  nn::ConvTranspose2d d = child("d", nn::ConvTranspose2d(3, 1, 4, {.stride = 2, .padding = 1}));
};

template <class N> MadeLayer plain(Call& c) {
  description(c);
  return made(N());
}

LayerMap family_layers() {
  LayerMap map = perceptrons();
  map.insert({{"conv_autoencoder", plain<ConvAutoencoder>},
              {"gpt_block", gpt_block},
              {"lenet", lenet<false>},
              {"lenet_tanh_avgpool", lenet<true>},
              {"resblock_bn", plain<Resblock>},
              {"transformer_decoder_layer", masked_decoder},
              {"transformer_encoder_layer", transformer}});
  return map;
}

const LayerFamily family(family_layers);

}  // namespace
}  // namespace gradtape::conformance
