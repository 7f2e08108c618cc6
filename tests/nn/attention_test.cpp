#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/nn/attention.hpp>
#include <gradtape/nn/transformer.hpp>

#include "support/modules.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

// The expected numbers are those of PyTorch 1.13 in float64, for `with_sines` parameters and x =
// cosines.

constexpr double inf = std::numeric_limits<double>::infinity();

/// Query i does not see key j, and sequence 1 ends before key 2.
const bool T = true, F = false;
Tensor some_pairs() { return tensor({{F, T, F}, {F, F, F}, {T, F, F}}); }
Tensor short_second() { return tensor({{F, F, F}, {F, F, T}}); }

}  // namespace

TEST_CASE("self-attention under both masks gives PyTorch's numbers") {
  const nn::MultiheadAttention attention = with_sines(nn::MultiheadAttention(4, 2));
  const auto [output, weights] = attention(
      cosines({3, 2, 4}),
      {.key_padding_mask = short_second(), .attn_mask = some_pairs(), .need_weights = true});
  const Tensor want =
      tensor({0.133380314229336,  0.339239883921411,  0.0367981975893718,  -0.917592209961851,
              0.143366044110314,  0.0926749106092954, 0.349143711576136,   -1.07935254209537,
              0.12731037954455,   0.408955045434447,  -0.0482696089267875, -0.876099313334593,
              0.184781030299504,  0.133739841830326,  0.254045064719286,   -0.996096225574913,
              0.0568615671013877, 0.45382950970016,   -0.0364846110975363, -0.936380154906269,
              0.256387041636885,  0.117331340178391,  0.20388967824734,    -0.914120227084305},
             float64);
  CHECK(allclose(output, reshape(want, {3, 2, 4}), 1e-12));
  const Tensor want_weights =
      tensor({0.303882862401098, 0.0, 0.696117137598902, 0.277819610259418, 0.303272523262727,
              0.418907866477855, 0.0, 0.499158244372841, 0.500841755627159, 1.0, 0.0, 0.0,
              0.494566833694624, 0.505433166305376, 0.0, 0.0, 1.0, 0.0},
             float64);
  CHECK(allclose(weights, reshape(want_weights, {2, 3, 3}), 1e-12));
}

TEST_CASE(
    "attention over keys and values of other widths, with rows added, gives PyTorch's numbers") {
  const nn::MultiheadAttention attention = with_sines(nn::MultiheadAttention(
      4, 2, {.add_bias_kv = true, .add_zero_attn = true, .kdim = 3, .vdim = 2}));
  const auto [output, weights] = attention(
      cosines({3, 2, 4}), cosines({2, 2, 3}), cosines({2, 2, 2}),
      {.attn_mask = cosines({3, 2}), .need_weights = true, .average_attn_weights = false});
  const Tensor want =
      tensor({-0.0268191248017203, -1.00949662658574,  0.170309820382851,  0.323862467199919,
              -0.0756785676816482, -0.908436405339218, 0.0870545253810674, 0.331640830915463,
              -0.121518161190408,  -0.840766056265782, 0.0444295349028977, 0.319693588072883,
              -0.232479574222329,  -0.770838690255081, 0.0639757945014383, 0.224213646265521,
              -0.265587607607915,  -0.721033095131092, 0.0319736088148015, 0.216244100197058,
              -0.319978866118939,  -0.716613653835621, 0.0805873881046947, 0.148272485463767},
             float64);
  CHECK(allclose(output, reshape(want, {3, 2, 4}), 1e-12));
  CHECK(weights.shape() == Shape{2, 2, 3, 4});
  CHECK(
      allclose(slice(flatten(weights), 0, 44, 48),
               tensor({0.174679487509377, 0.0398424467931832, 0.453710872107137, 0.331767193590303},
                      float64),
               1e-12));
}

TEST_CASE("self-attention in one product is that in three") {
  const nn::MultiheadAttention attention = with_sines(nn::MultiheadAttention(6, 3));
  const Tensor x = cosines({4, 2, 6});
  CHECK(allclose(attention(x).output, attention(x, x + 0.0, x + 0.0).output, 1e-13));
}

TEST_CASE("batch_first swaps the first two axes, and one sequence needs no batch axis") {
  const nn::MultiheadAttention columns = with_sines(nn::MultiheadAttention(4, 2)),
                               rows =
                                   with_sines(nn::MultiheadAttention(4, 2, {.batch_first = true}));
  const Tensor q = cosines({3, 2, 4}), k = sin(cosines({5, 2, 4}));
  const nn::MultiheadAttentionCall call{.need_weights = true};
  const auto want = columns(q, k, k, call);
  const auto got = rows(transpose(q, 0, 1), transpose(k, 0, 1), transpose(k, 0, 1), call);
  CHECK(allclose(transpose(got.output, 0, 1), want.output, 1e-14));
  CHECK(allclose(got.weights, want.weights, 1e-14));
  for (const auto& layer : {columns, rows}) {
    const auto one = layer(select(q, 1, 1), select(k, 1, 1), select(k, 1, 1), call);
    CHECK(allclose(one.output, select(want.output, 1, 1), 1e-13));
    CHECK(allclose(one.weights, select(want.weights, 0, 1), 1e-13));
  }
  const Tensor own = select(q, 1, 0);
  CHECK(allclose(rows(own, {.key_padding_mask = tensor({F, F, T})}).output,
                 rows(own, {.attn_mask = tensor({{F, F, T}, {F, F, T}, {F, F, T}})}).output));
}

TEST_CASE("masks that say the same do the same") {
  const nn::MultiheadAttention attention = with_sines(nn::MultiheadAttention(4, 2));
  const Tensor x = cosines({3, 2, 4});
  const auto added = [](const Tensor& mask) { return where(mask, -inf, zeros({}, float64)); };
  const Tensor want =
      attention(x, {.key_padding_mask = short_second(), .attn_mask = some_pairs()}).output;
  CHECK(allclose(
      attention(x, {.key_padding_mask = added(short_second()), .attn_mask = added(some_pairs())})
          .output,
      want));
  CHECK(allclose(
      attention(x, {.key_padding_mask = short_second(), .attn_mask = added(some_pairs())}).output,
      want));
  CHECK(allclose(attention(x, {.key_padding_mask = short_second(),
                               .attn_mask = expand(some_pairs(), {4, 3, 3})})
                     .output,
                 want));
  CHECK(allclose(attention(x, {.causal = true}).output,
                 attention(x, {.attn_mask = triu(ones({3, 3}), 1) > 0}).output));
}

TEST_CASE("a mask for every head is that head's") {
  const nn::MultiheadAttention attention = with_sines(nn::MultiheadAttention(4, 2));
  const Tensor mask =
      stack({some_pairs(), zeros({3, 3}, bool_), zeros({3, 3}, bool_), triu(ones({3, 3}), 1) > 0});
  const auto weights =
      attention(cosines({3, 2, 4}),
                {.attn_mask = mask, .need_weights = true, .average_attn_weights = false})
          .weights;
  CHECK(array_equal(reshape(weights, {4, 3, 3}) == 0.0, mask));
}

TEST_CASE("a query that may see nothing gets the bias of the output alone") {
  const nn::MultiheadAttention attention = with_sines(nn::MultiheadAttention(4, 2));
  const Tensor y =
      attention(cosines({3, 2, 4}), {.key_padding_mask = tensor({{F, F, F}, {T, T, T}})}).output;
  CHECK(array_equal(select(y, 1, 1), expand(attention.out_proj.bias, {3, 4})));
}

TEST_CASE("asking for weights does not change the output") {
  const nn::MultiheadAttention attention = with_sines(nn::MultiheadAttention(4, 2));
  const Tensor x = cosines({3, 2, 4});
  const auto plain = attention(x), with = attention(x, {.need_weights = true});
  CHECK_FALSE(plain.weights.defined());
  CHECK(array_equal(plain.output, with.output));
  const auto each = attention(x, {.need_weights = true, .average_attn_weights = false});
  CHECK(allclose(mean(each.weights, 1), with.weights));
  CHECK(allclose(sum(with.weights, -1), ones({2, 3}, float64), 1e-14));
}

TEST_CASE("attention drops weights in training only, and repeats with its generator") {
  const auto made = [](double p) {
    return with_sines(
        nn::MultiheadAttention(4, 2, {.dropout = p, .dropout_generator = Generator(7)}));
  };
  nn::MultiheadAttention dropped = made(0.5);
  const Tensor x = cosines({3, 2, 4}), first = dropped(x).output;
  CHECK_FALSE(array_equal(dropped(x).output, first));
  CHECK(array_equal(made(0.5)(x).output, first));
  dropped.eval();
  CHECK(array_equal(dropped(x).output, made(0)(x).output));
}

TEST_CASE("gradients of MultiheadAttention are right to second order") {
  const nn::MultiheadAttention own = with_sines(nn::MultiheadAttention(4, 2));
  const auto self = [&](const Tensor& x) { return own(x, {.causal = true}).output; };
  const auto one =
      gradcheck(self, cosines({3, 1, 4}), {.order = 2, .parameters = own.parameters()});
  CHECK_MESSAGE(one, one.message);

  const nn::MultiheadAttention other = with_sines(nn::MultiheadAttention(
      2, 1, {.add_bias_kv = true, .add_zero_attn = true, .kdim = 3, .vdim = 1}));
  const auto cross = [&](const std::vector<Tensor>& v) {
    const auto [output, weights] = other(v[0], v[1], v[2], {.need_weights = true});
    return row_of({output, weights});
  };
  const auto three =
      gradcheck(cross, {cosines({2, 1, 2}), cosines({2, 1, 3}), sin(cosines({2, 1, 1}))},
                {.order = 2, .parameters = other.parameters()});
  CHECK_MESSAGE(three, three.message);
}

TEST_CASE("MultiheadAttention has PyTorch's names, shapes and initial values") {
  const nn::MultiheadAttention same(8, 2);
  CHECK(names(same.named_parameters()) == std::vector<std::string>{"in_proj_weight", "in_proj_bias",
                                                                   "out_proj.weight",
                                                                   "out_proj.bias"});
  CHECK(same.in_proj_weight.shape() == Shape{24, 8});
  CHECK(amax(abs(same.in_proj_weight)).item<double>() <= 0.4330128);
  CHECK(amax(abs(same.in_proj_weight)).item<double>() > 0.41);
  CHECK(array_equal(same.in_proj_bias.tensor().detach(), zeros({24})));
  CHECK(array_equal(same.out_proj.bias.tensor().detach(), zeros({8})));
  const nn::MultiheadAttention wide(8, 2, {.add_bias_kv = true, .kdim = 3});
  CHECK(names(wide.named_parameters()) ==
        std::vector<std::string>{"q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias",
                                 "bias_k", "bias_v", "out_proj.weight", "out_proj.bias"});
  CHECK(wide.k_proj_weight.shape() == Shape{8, 3});
  CHECK(wide.v_proj_weight.shape() == Shape{8, 8});
  CHECK(names(nn::MultiheadAttention(8, 2, {.bias = false}).named_parameters()).size() == 2);
}

TEST_CASE("a clone of MultiheadAttention computes the same with weights of its own") {
  const nn::MultiheadAttention attention = with_sines(nn::MultiheadAttention(4, 2));
  const auto copy = nn::clone(attention);
  const Tensor x = cosines({3, 2, 4}), before = attention(x).output;
  attention.in_proj_weight.set(zeros({12, 4}, float64));
  CHECK(array_equal(copy(x).output, before));
  CHECK_FALSE(allclose(attention(x).output, before));
}

TEST_CASE("hooks of MultiheadAttention see the query and the output") {
  nn::MultiheadAttention attention = with_sines(nn::MultiheadAttention(4, 2));
  const Tensor x = cosines({3, 2, 4}), want = attention(2.0 * x).output;
  attention.register_forward_pre_hook(
      [](const nn::Module&, const Tensor& input) { return 2.0 * input; });
  CHECK(allclose(attention(x).output, want, 1e-13));
}

TEST_CASE("MultiheadAttention refuses options out of range") {
  CHECK_THROWS_WITH_AS(
      nn::MultiheadAttention(7, 2),
      "MultiheadAttention: num_heads = 2 must divide embed_dim = 7, and both be at least 1",
      ValueError);
  CHECK_THROWS_WITH_AS(
      nn::MultiheadAttention(8, 0),
      "MultiheadAttention: num_heads = 0 must divide embed_dim = 8, and both be at least 1",
      ValueError);
  CHECK_THROWS_WITH_AS(nn::MultiheadAttention(8, 2, {.dropout = 2}),
                       "MultiheadAttention: dropout = 2, but it must be in [0, 1]", ValueError);
  CHECK_THROWS_WITH_AS(
      nn::MultiheadAttention(8, 2, {.kdim = -1}),
      "MultiheadAttention: kdim = -1 and vdim = 0 must be at least 1, or 0 for embed_dim",
      ValueError);
}

TEST_CASE("MultiheadAttention refuses input that does not fit") {
  const nn::MultiheadAttention attention(4, 2, {.kdim = 3});
  const Tensor q = ones({3, 2, 4}), k = ones({5, 2, 3}), v = ones({5, 2, 4});
  CHECK_THROWS_WITH_AS(attention(q, v, v),
                       "MultiheadAttention: needs query [L, N, 4], key [S, N, 3] and value "
                       "[S, N, 4], or all without N; got [3, 2, 4], [5, 2, 4] and [5, 2, 4]",
                       ShapeError);
  CHECK_THROWS_AS(attention(q, ones({5, 1, 3}), ones({5, 1, 4})), ShapeError);
  CHECK_THROWS_AS(attention(q, k, ones({4, 2, 4})), ShapeError);
  CHECK_THROWS_WITH_AS(
      attention(q, k.to(float64), v),
      "MultiheadAttention: [5, 2, 3] is float64, but the weights are float32; convert one with "
      ".to()",
      DtypeError);
  CHECK_THROWS_WITH_AS(attention(q, k, v, {.attn_mask = zeros({3, 3}, bool_)}),
                       "MultiheadAttention: needs attn_mask [3, 5] or [4, 3, 5], got [3, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(attention(q, k, v, {.key_padding_mask = zeros({5, 2}, bool_)}),
                       "MultiheadAttention: needs key_padding_mask [2, 5], got [5, 2]", ShapeError);
  CHECK_THROWS_WITH_AS(attention(q, k, v, {.attn_mask = zeros({3, 5}, int64)}),
                       "MultiheadAttention: attn_mask is int64, but it must be bool or float32",
                       DtypeError);
}

namespace {

/// Gradients of all parameters and of the output's own values, for a loss over `seen` rows.
template <class Layer>
std::vector<Tensor> values_and_gradients(const Layer& layer, const Tensor& y, const Tensor& seen) {
  std::vector<Tensor> result{where(seen, y, 0).detach()}, parameters;
  for (const auto& p : layer.parameters()) parameters.push_back(p.tensor());
  for (const Tensor& g : grad(sum(sin(where(seen, y, 0))), parameters))
    result.push_back(g.detach());
  return result;
}

bool all_close(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  bool close = a.size() == b.size();
  for (std::size_t i = 0; close && i < a.size(); ++i) close = allclose(a[i], b[i], 1e-12, 1e-12);
  return close;
}

}  // namespace

TEST_CASE("masks and a bias that leave a sequence nothing give it 0 and disturb no gradient") {
  const Generator generator(1);
  const nn::MultiheadAttention layer(
      4, 2, {.batch_first = true, .dtype = float64, .generator = generator});
  const Tensor x = randn({2, 3, 4}, float64, generator);
  const Tensor bias = randn({3, 3}, float64, generator);
  const Tensor padding = tensor({{true, true, true}, {false, false, true}});
  const Tensor left = tensor({{true, false, false}, {false, false, false}});
  for (const bool need_weights : {false, true}) {
    const Tensor second = tensor({{{false}}, {{true}}});
    for (const nn::MultiheadAttentionCall& call :
         {nn::MultiheadAttentionCall{.key_padding_mask = padding, .attn_mask = bias},
          {.key_padding_mask = left, .attn_mask = bias, .causal = true}}) {
      nn::MultiheadAttentionCall own = call;
      own.need_weights = need_weights;
      const auto output = layer(x, own).output;
      for (const auto& value : values_and_gradients(layer, output, ones({1}, bool_)))
        CHECK(all(isfinite(value)).item<bool>());
      // The other sequence is what it is alone.
      nn::MultiheadAttentionCall alone = own;
      alone.key_padding_mask = slice(call.key_padding_mask, 0, 1);
      CHECK(allclose(slice(output, 0, 1).detach(), layer(slice(x, 0, 1), alone).output.detach(),
                     1e-12));
      CHECK(all_close(
          values_and_gradients(layer, layer(x, own).output, second),
          values_and_gradients(
              layer, concat({slice(output, 0, 0, 1).detach(), layer(slice(x, 0, 1), alone).output}),
              second)));
    }
    // What sees nothing has out_proj's bias alone, which starts as 0.
    const Tensor y = layer(x, {.key_padding_mask = padding, .attn_mask = bias}).output;
    CHECK(array_equal(slice(y, 0, 0, 1).detach(), zeros({1, 3, 4}, float64)));
  }
}

TEST_CASE("NaN and infinities in padding change neither outputs nor gradients elsewhere") {
  const Generator generator(2);
  const Tensor padding = tensor({{false, false, true}, {false, true, true}});
  const Tensor kept = unsqueeze(logical_not(padding), -1);
  for (const bool batch_first : {true, false}) {
    const auto placed = [&](const Tensor& x) { return batch_first ? x : transpose(x, 0, 1); };
    const nn::MultiheadAttention layer(
        4, 2, {.batch_first = batch_first, .dtype = float64, .generator = generator});
    nn::TransformerEncoderLayer encoder(4, 2,
                                        {.dim_feedforward = 5,
                                         .dropout = 0,
                                         .batch_first = batch_first,
                                         .dtype = float64,
                                         .generator = generator});
    nn::TransformerDecoderLayer decoder(4, 2,
                                        {.dim_feedforward = 5,
                                         .dropout = 0,
                                         .batch_first = batch_first,
                                         .dtype = float64,
                                         .generator = generator});
    const Tensor x = randn({2, 3, 4}, float64, generator), q = randn({2, 2, 4}, float64, generator);
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), inf}) {
      const Tensor with_0 = where(kept, x, 0), with_bad = where(kept, x, bad);
      const auto check = [&](auto layer, auto f, const Tensor& seen) {
        CHECK(all_close(values_and_gradients(layer, f(placed(with_bad)), placed(seen)),
                        values_and_gradients(layer, f(placed(with_0)), placed(seen))));
      };
      const Tensor all = ones({2, 2, 1}, bool_);
      check(
          layer, [&](const Tensor& v) { return layer(v, {.key_padding_mask = padding}).output; },
          kept);
      check(
          layer,
          [&](const Tensor& v) {
            return layer(placed(q), v, v, {.key_padding_mask = padding}).output;
          },
          all);
      check(
          encoder, [&](const Tensor& v) { return encoder(v, {.src_key_padding_mask = padding}); },
          kept);
      check(
          decoder,
          [&](const Tensor& v) {
            return decoder(placed(q), v, {.memory_key_padding_mask = padding});
          },
          all);
    }
  }
}
