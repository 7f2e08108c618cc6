#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/nn/activation.hpp>
#include <gradtape/nn/transformer.hpp>

#include "support/modules.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

// The expected numbers are those of PyTorch 1.13 in float64, for `with_sines` parameters and x =
// cosines.

const nn::TransformerLayerOptions small{.dim_feedforward = 3, .dropout = 0};

Tensor memory() { return sin(cosines({2, 2, 4})); }

}  // namespace

TEST_CASE("an encoder layer under both masks gives PyTorch's numbers") {
  const auto layer = with_sines(nn::TransformerEncoderLayer(4, 2, small));
  const Tensor padding = tensor({{false, false, false}, {false, false, true}});
  const Tensor want =
      tensor({-0.216795119810905, 0.0887830635503032,  0.110433138378906, 0.841325541997573,
              -0.179537505558309, -0.114404979989543,  0.199192415105359, 0.859131715300281,
              -0.198234207639649, 0.0341272175376971,  0.126439173350626, 0.845621905252625,
              -0.295351761868994, 0.125802489478275,   0.187987370087786, 0.867665190232333,
              -0.135813514469288, -0.0847414760608327, 0.112439681395962, 0.827422453437742,
              -0.27447884864967,  0.132184305730495,   0.157735904486898, 0.859239866797918},
             float64);
  const nn::TransformerEncoderMasks by_mask{.src_mask = nn::causal_mask(3),
                                            .src_key_padding_mask = padding},
      by_name{.src_key_padding_mask = padding, .causal = true};
  for (const auto& masks : {by_mask, by_name})
    CHECK(allclose(layer(cosines({3, 2, 4}), masks), reshape(want, {3, 2, 4}), 1e-12));
}

TEST_CASE("an encoder of two pre-norm layers with gelu and a norm gives PyTorch's numbers") {
  nn::TransformerLayerOptions options = small;
  options.activation = nn::GELU();
  options.norm_first = true;
  const auto encoder = with_sines(
      nn::TransformerEncoder(nn::TransformerEncoderLayer(4, 2, options), 2, nn::LayerNorm(4)));
  const Tensor want =
      tensor({0.217585363861885, 0.0163806277818107,  -0.0663936617393512, -0.766046270256321,
              0.198575324803362, 0.197543425025084,   -0.166002681954281,  -0.777421385479018,
              0.259306400715946, -0.0252751065852609, -0.112580203398757,  -0.781176438476354,
              0.167231344823615, 0.142584823888138,   -0.0615581375534588, -0.752644745925849,
              0.314664198377295, -0.0445188614389663, -0.185732314127948,  -0.795422812326754,
              0.172948810548644, 0.10819255687524,    -0.0454206070701848, -0.750740205236798},
             float64);
  CHECK(allclose(encoder(cosines({3, 2, 4})), reshape(want, {3, 2, 4}), 1e-12));
}

TEST_CASE("a decoder of two layers under masks gives PyTorch's numbers") {
  const auto decoder =
      with_sines(nn::TransformerDecoder(nn::TransformerDecoderLayer(4, 2, small), 2));
  const Tensor want =
      tensor({-0.11550823515191,   0.398310300806732, 1.11753460760343,  -0.0655302893648478,
              -0.893950202489029,  0.358491028413876, 0.185656485349351, -0.0748709088327249,
              -0.0968123182453623, 0.395119248220095, 1.12577739967939,  -0.0823037904205613,
              -0.897277696052913,  0.369903689388341, 0.196455290138467, 0.00291808279033875,
              -0.058920005537905,  0.388312748987237, 1.13937319612804,  -0.115286704574861,
              -0.895679695521507,  0.36699369467925,  0.182665543683229, -0.00256030721486344},
             float64);
  const Tensor padding = tensor({{false, true}, {false, false}});
  const Tensor y =
      decoder(cosines({3, 2, 4}), memory(), {.memory_key_padding_mask = padding, .causal = true});
  CHECK(allclose(y, reshape(want, {3, 2, 4}), 1e-12));
}

TEST_CASE(
    "a whole transformer is its decoder on what its encoder gives, and gives PyTorch's numbers") {
  nn::TransformerLayerOptions options = small;
  const auto model = with_sines(
      nn::Transformer(4, 2, {.num_encoder_layers = 1, .num_decoder_layers = 2, .layer = options}));
  const Tensor src = memory(), tgt = cosines({3, 2, 4});
  const Tensor y = model(src, tgt, {.decoder = {.causal = true}});
  CHECK(allclose(y, model.decoder(tgt, model.encoder(src), {.causal = true}), 1e-13));
  CHECK(allclose(
      select(y, 0, 2),
      tensor({{-0.200130549180379, -0.545471452551437, -0.305346756358327, 0.35473513974869},
              {-0.201624436270798, -0.544013338751552, -0.306236712864729, 0.353610681625155}},
             float64),
      1e-12));
  CHECK(names(model.named_parameters())[12] == "encoder.norm.weight");
  CHECK(names(model.named_parameters()).back() == "decoder.norm.bias");
  const nn::Transformer fresh(4, 2, {.layer = small});
  CHECK(fresh.encoder.layers.size() == 6);
  const double bound = std::sqrt(6.0 / (4 + 3));
  for (const auto& layer : fresh.decoder.layers)
    CHECK(amax(abs(layer.linear1.weight)).item<double>() <= bound);
  CHECK_FALSE(
      array_equal(fresh.encoder.layers[0].linear1.weight, fresh.encoder.layers[1].linear1.weight));
}

TEST_CASE("batch_first swaps the first two axes, and one sequence needs no batch axis") {
  nn::TransformerLayerOptions rows = small;
  rows.batch_first = true;
  const auto columns = with_sines(nn::TransformerDecoderLayer(4, 2, small));
  const Tensor x = cosines({3, 2, 4}), want = columns(x, memory());
  const Tensor got = with_sines(nn::TransformerDecoderLayer(4, 2, rows))(transpose(x, 0, 1),
                                                                         transpose(memory(), 0, 1));
  CHECK(allclose(transpose(got, 0, 1), want, 1e-13));
  CHECK(allclose(columns(select(x, 1, 0), select(memory(), 1, 0)), select(want, 1, 0), 1e-13));
}

TEST_CASE("with causal masks no position depends on a later one") {
  const auto encoder =
      with_sines(nn::TransformerEncoder(nn::TransformerEncoderLayer(4, 2, small), 2));
  const Tensor x = cosines({3, 1, 4});
  const Tensor later = x + reshape(tensor({0, 0, 1}, float64), {3, 1, 1}) * cosines({4});
  const Tensor before = encoder(x, {.causal = true}), after = encoder(later, {.causal = true});
  CHECK(array_equal(slice(before, 0, 0, 2), slice(after, 0, 0, 2)));
  CHECK_FALSE(allclose(encoder(x), encoder(later)));
  CHECK(array_equal(nn::causal_mask(2), tensor({{false, true}, {false, false}})));
}

TEST_CASE("gradients of transformer layers are right to second order") {
  nn::TransformerLayerOptions options = small;
  options.activation = nn::Tanh();
  options.dim_feedforward = 2;
  const auto encoder = with_sines(nn::TransformerEncoderLayer(2, 1, options));
  const auto one = gradcheck(encoder, cosines({2, 1, 2}) * cosines({2, 1, 2}) + cosines({2, 1, 2}),
                             {.order = 2, .parameters = encoder.parameters()});
  CHECK_MESSAGE(one, one.message);
  options.norm_first = true;
  const auto decoder = with_sines(nn::TransformerDecoderLayer(3, 1, options));
  const auto f = [&](const std::vector<Tensor>& v) {
    return decoder(v[0], v[1], {.causal = true});
  };
  const auto two = gradcheck(f, {cosines({2, 1, 3}), sin(cosines({2, 1, 3}))},
                             {.order = 2, .parameters = decoder.parameters()});
  CHECK_MESSAGE(two, two.message);
}

TEST_CASE("dropout of transformer layers is active in training only, and repeats") {
  const auto made = [](double p) {
    nn::TransformerLayerOptions options = small;
    options.dropout = p;
    options.dropout_generator = Generator(7);
    return with_sines(nn::TransformerEncoderLayer(4, 2, options));
  };
  auto dropped = made(0.5);
  const Tensor x = cosines({3, 2, 4}), first = dropped(x);
  CHECK_FALSE(array_equal(dropped(x), first));
  CHECK(array_equal(made(0.5)(x), first));
  dropped.eval();
  CHECK(array_equal(dropped(x), made(0)(x)));
}

TEST_CASE("transformer layers have PyTorch's names") {
  const nn::TransformerLayerOptions options = small;
  CHECK(names(nn::TransformerEncoderLayer(4, 2, options).named_parameters()) ==
        std::vector<std::string>{"self_attn.in_proj_weight", "self_attn.in_proj_bias",
                                 "self_attn.out_proj.weight", "self_attn.out_proj.bias",
                                 "linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias",
                                 "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"});
  const nn::TransformerDecoder decoder(nn::TransformerDecoderLayer(4, 2, options), 2,
                                       nn::LayerNorm(4));
  const auto all = names(decoder.named_parameters());
  CHECK(all.size() == 2 * 18 + 2);
  CHECK(all[4] == "layers.0.multihead_attn.in_proj_weight");
  CHECK(all[35] == "layers.1.norm3.bias");
  CHECK(all[36] == "norm.weight");
  nn::TransformerLayerOptions bare = small;
  bare.bias = false;
  const auto without = names(nn::TransformerEncoderLayer(4, 2, bare).named_parameters());
  CHECK(std::none_of(without.begin(), without.end(),
                     [](const std::string& name) { return name.ends_with("bias"); }));
}

TEST_CASE("the layers of a stack start alike and have weights of their own; so has a clone") {
  const nn::TransformerEncoderLayer layer(4, 2, small);
  const nn::TransformerEncoder encoder(layer, 2);
  const auto& weight = encoder.layers[1].linear1.weight;
  CHECK(array_equal(weight, layer.linear1.weight));
  CHECK_FALSE(weight == layer.linear1.weight);
  CHECK_FALSE(weight == encoder.layers[0].linear1.weight);
  const auto copy = nn::clone(encoder);
  const Tensor x = cosines({3, 2, 4}).to(float32), before = encoder(x);
  weight.set(zeros({3, 4}));
  CHECK(array_equal(copy(x), before));
  CHECK_FALSE(array_equal(encoder(x), before));
}

TEST_CASE("transformer layers refuse options out of range") {
  nn::TransformerLayerOptions options = small;
  CHECK_THROWS_WITH_AS(
      nn::TransformerEncoderLayer(4, 3, options),
      "TransformerEncoderLayer: nhead = 3 must divide d_model = 4, and both be at least 1",
      ValueError);
  options.dropout = 2;
  CHECK_THROWS_WITH_AS(nn::TransformerDecoderLayer(4, 2, options),
                       "TransformerDecoderLayer: dropout = 2, but it must be in [0, 1]",
                       ValueError);
  options.dim_feedforward = 0;
  CHECK_THROWS_WITH_AS(nn::TransformerEncoderLayer(4, 2, options),
                       "TransformerEncoderLayer: dim_feedforward = 0, but it must be at least 1",
                       ValueError);
  CHECK_THROWS_WITH_AS(nn::TransformerEncoder(nn::TransformerEncoderLayer(4, 2, small), 0),
                       "TransformerEncoder: num_layers = 0, but it must be at least 1", ValueError);
}

TEST_CASE("transformer layers refuse input that does not fit") {
  const nn::TransformerEncoderLayer encoder(4, 2, small);
  CHECK_THROWS_WITH_AS(encoder(ones({3, 2, 5})),
                       "TransformerEncoderLayer: needs src of 3 axes, or 2 for one sequence, the "
                       "last one of 4; got [3, 2, 5]",
                       ShapeError);
  CHECK_THROWS_AS(encoder(ones({3, 2, 4}, float64)), DtypeError);
  const nn::TransformerDecoderLayer decoder(4, 2, small);
  CHECK_THROWS_WITH_AS(decoder(ones({3, 2, 4}), ones({3, 2, 3})),
                       "TransformerDecoderLayer: needs memory of 3 axes, or 2 for one sequence, "
                       "the last one of 4; got [3, 2, 3]",
                       ShapeError);
  CHECK_THROWS_AS(decoder(ones({3, 2, 4}), ones({3, 1, 4})), ShapeError);
  CHECK_THROWS_WITH_AS(
      encoder(ones({3, 2, 4}), {.src_mask = nn::causal_mask(2)}),
      "MultiheadAttention 'self_attn': needs attn_mask [3, 3] or [4, 3, 3], got [2, 2]",
      ShapeError);
}
