// %% tags=["program"]
// Attention, and a small GPT built from it: each letter looks at those before it. Names again.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 24. Attention and a small GPT
//
// LSTM passes everything it has read through one state, step by step. Attention lets each place
// look back at all earlier places directly, and learns where to look. A stack of such layers is a
// transformer; one that predicts the next symbol is a GPT (Radford et al. 2018). This chapter
// builds one of 19,000 parameters and trains it on the names of chapters 22 and 23.
//
// The notes stop before attention. Its parts are theirs: the module $\mathrm{MM}_{W,b}$ and the
// composition of modules of the CS229 main notes, (7.35)-(7.37), residual and layer norm (chapter
// 20).
//
// ## The formula
//
// Each of $T$ places has a vector of width $d$. From it three linear maps make a *query* $q$, what
// the place looks for; a *key* $k$, what it offers; and a *value* $v$, what it hands over. As rows
// of $Q$, $K$, $V$:
//
// $$A = \mathrm{softmax}\!\left( \frac{Q K^{\mathsf T}}{\sqrt d} + M \right), \qquad
//   Y = A V \tag{1}$$
//
// (Vaswani et al. 2017, eq. 1). Row $t$ of $A$ has the *attention weights* of place $t$; they are
// positive and sum to 1. The *causal mask* $M$ is 0 where place $t$ may look, $s \le t$, and
// $-\infty$ where it may not.

// %%
seed(1);
const std::int64_t places = 6, d = 8;
const Tensor q = randn({places, d}, float64), k = randn({places, d}, float64);
const Tensor v = randn({places, d}, float64);
const Tensor future = triu(ones({places, places}, float64), 1) > 0.5;
const Tensor scores = matmul(q, transpose(k)) / std::sqrt(static_cast<double>(d));
const Tensor looks = softmax(masked_fill(scores, future, -INFINITY), 1);
const Tensor by_hand = matmul(looks, v);
const Tensor by_library = scaled_dot_product_attention(q, k, v, {.causal = true});
const double difference = max(abs(by_hand - by_library)).item();
fmt::print("formula (1) and the library agree to 1e-14: {}\n", difference < 1e-14);
fmt::print("weights of the last place:");
for (const double weight : looks[-1].values<double>()) fmt::print(" {:.2f}", weight);
fmt::print("\n");

// %% [markdown]
// ## Why divide by $\sqrt d$
//
// If the entries of $q$ and $k$ have variance 1, the sum $q \cdot k$ of $d$ products has variance
// $d$. Large scores make a softmax that is nearly 0 or 1, and a saturated softmax has no gradient
// (chapter 13). With the division the variance is 1 whatever $d$ is.

// %%
for (const std::int64_t width : {4, 64, 1024}) {
  const Tensor products = sum(randn({4000, width}, float64) * randn({4000, width}, float64), 1);
  const Tensor raw = reshape(products, {-1, 10});  // 400 rows of ten scores
  const auto largest = [](const Tensor& rows) { return mean(amax(softmax(rows, 1), {1})).item(); };
  fmt::print("d = {:4}: variance of q.k {:4.0f}; largest of ten weights {:.2f}, by sqrt d {:.2f}\n",
             width, var(products).item(), largest(raw),
             largest(raw / std::sqrt(static_cast<double>(width))));
}

// %% [markdown]
// ## The block
//
// *Heads* are several attentions side by side, on parts of the width. A block adds to its input
// what the heads gather, then what a small network of two layers makes of it at each place:
//
// $$x' = x + \mathrm{Heads}(\mathrm{LN}(x)), \qquad
//   x'' = x' + \mathrm{MM}(\mathrm{GELU}(\mathrm{MM}(\mathrm{LN}(x')))). \tag{2}$$
//
// Attention itself knows no order, so each place adds a learned vector of its own to that of its
// letter.

// %%
struct Block : nn::Module {
  nn::LayerNorm norm1 = child("norm1", nn::LayerNorm(32, {.dtype = float64}));
  nn::LayerNorm norm2 = child("norm2", nn::LayerNorm(32, {.dtype = float64}));
  nn::MultiheadAttention heads = child("heads",
      nn::MultiheadAttention(32, 4, {.batch_first = true, .dtype = float64}));
  nn::Linear wide = child("wide", nn::Linear(32, 64, {.dtype = float64}));
  nn::Linear back = child("back", nn::Linear(64, 32, {.dtype = float64}));
  Tensor operator()(const Tensor& x) const {
    const Tensor gathered = x + heads(norm1(x), {.causal = true}).output;
    return gathered + back(gelu(wide(norm2(gathered))));
  }
};
struct Gpt : nn::Module {
  nn::EmbeddingOptions small{.weight_init = nn::init::Normal{0, 0.02}, .dtype = float64};
  nn::Embedding letters = child("letters", nn::Embedding(27, 32, small));
  nn::Embedding positions = child("positions", nn::Embedding(15, 32, small));
  Block block1 = child("block1", Block()), block2 = child("block2", Block());
  nn::LayerNorm norm = child("norm", nn::LayerNorm(32, {.dtype = float64}));
  nn::Linear head = child("head", nn::Linear(32, 27, {.dtype = float64}));
  Tensor vectors(const Tensor& codes) const {  // [n, t] -> [n, t, 32]
    return letters(codes) + positions(arange(0, codes.size(1), 1, int64));
  }
  Tensor operator()(const Tensor& codes) const {  // [n, t] -> logits [n, t, 27]
    return head(norm(block2(block1(vectors(codes)))));
  }
};
seed(1);
Gpt model;
fmt::print("{} parameters\n", model.parameter_count());

// %% [markdown]
// ## Does it look ahead?
//
// A model that sees the letter it is to predict has a wonderful loss and is worth nothing.
// Derivatives find such a leak. Let $s_{t,u}$ be the size of the gradient of the logits at place
// $t$ by the vector at place $u$.
//
// **Predict before you run on:** which of the $s_{t,u}$ must be exactly 0, and how many of the 36
// for six places?

// %%
const Tensor six = model.vectors(tensor({{0, 5, 13, 13, 1, 19}})).detach().requires_grad("vectors");
const Tensor logits_of_six = model.head(model.norm(model.block2(model.block1(six))));
int zeros_found = 0, leaks = 0;
for (std::int64_t t = 0; t < 6; ++t) {
  const Tensor size = sum(square(logits_of_six[0][t]));
  const Tensor by_vectors = grad(size, {six}, {.retain_graph = true})[0];
  for (std::int64_t u = 0; u < 6; ++u) {
    const bool none = max(abs(by_vectors[0][u])).item() == 0;
    if (none) ++zeros_found;
    if (!none && u > t) ++leaks;
  }
}
fmt::print("{} of 36 are exactly 0, {} look ahead\n", zeros_found, leaks);

// %% [markdown]
// ## Training
//
// The data and the loss are those of chapter 23: names padded to 15 letters, -1 where nothing
// follows.

// %%
std::vector<std::string> names;
std::istringstream lines(read_file("/usr/share/dict/propernames.gz"));
for (std::string line; std::getline(lines, line);) {
  for (char& l : line) l = static_cast<char>(std::tolower(static_cast<unsigned char>(l)));
  if (std::all_of(line.begin(), line.end(), [](char l) { return l >= 'a' && l <= 'z'; }))
    names.push_back(line);
}
const auto sequences = [&](bool held_out) {
  std::vector<std::int64_t> inputs, targets;
  for (std::size_t n = 0; n < names.size(); ++n) {
    if ((n % 10 == 0) != held_out) continue;
    for (std::size_t t = 0; t < 15; ++t) {  // the longest name has 14 letters
      inputs.push_back(t == 0 || t > names[n].size() ? 0 : names[n][t - 1] - 'a' + 1);
      const int next = t < names[n].size() ? names[n][t] - 'a' + 1 : 0;
      targets.push_back(t > names[n].size() ? -1 : next);
    }
  }
  return nn::data::Dataset(reshape(tensor(inputs), {-1, 15}), reshape(tensor(targets), {-1, 15}));
};
const nn::data::Dataset train = sequences(false), held_out = sequences(true);
const auto nats = [&](const nn::data::Dataset& data) {
  return nn::cross_entropy(reshape(model(data.inputs()), {-1, 27}), flatten(data.targets()),
                           {.ignore_index = -1});
};
const double before = nats(held_out).item();
fmt::print("before training: {:.3f} nats, blind guessing has {:.3f}\n", before, std::log(27.0));
optim::AdamW adam(model.parameters(), {.lr = 5e-3, .weight_decay = 0.1});
optim::Schedule schedule(adam, optim::cosine_schedule(12));
for (std::uint64_t epoch = 0; epoch < 12; ++epoch, schedule.step())
  for (const auto& [letters, targets] :
       nn::data::batches(train, {.size = 32, .shuffle = true, .epoch = epoch})) {
    const Tensor loss = nats({letters, targets});
    adam.zero_grad();
    loss.backward();
    optim::clip_grad_norm(model.parameters(), 1.0);
    adam.step();
  }
const NoGrad no_grad;
const double reached = nats(held_out).item();
fmt::print("after it: {:.3f} nats on the names it learned, {:.3f} on new ones\n",
           nats(train).item(), reached);
fmt::print("on new ones, bigrams had 2.528, three letters 2.346, LSTM 2.319\n");

// %% [markdown]
// About as well as the other two. On names of six letters there is little to look back at; the gain
// of attention comes with long texts, which the example `tiny_gpt` has.
//
// ## What it looks at
//
// To write, the model is called with all letters so far, and the next is drawn from the last place.
// The picture shows $A$ of the four heads of the first block for *.jessica*, with the beginning as
// the first symbol: row $t$ is the place that looks, column $s$ the letter it looks at. Dark is
// much, and what lies above the diagonal is masked. Some rows look at one letter alone, others
// spread out.

// %%
for (int made = 0; made < 8; ++made) {
  Tensor codes = zeros({1, 1}, int64);
  std::string name;
  while (codes.size(1) < 15) {
    const Tensor drawn = multinomial(softmax(model(codes)[0][-1], 0), 1);
    if (drawn.item() == 0) break;
    name += static_cast<char>('a' + drawn.item<std::int64_t>() - 1);
    codes = concat({codes, unsqueeze(drawn, 0)}, 1);
  }
  fmt::print("{} ", name);
}
fmt::print("\n");

const std::string shown = ".jessica";
std::vector<std::int64_t> shown_codes{0};
for (std::size_t i = 1; i < shown.size(); ++i) shown_codes.push_back(shown[i] - 'a' + 1);
const Tensor x = model.vectors(unsqueeze(tensor(shown_codes), 0));
const Tensor weights = model.block1.heads(model.block1.norm1(x),
    {.causal = true, .need_weights = true, .average_attn_weights = false}).weights[0];  // [4, 8, 8]
std::vector<optim::Chart> panels;
for (std::int64_t head = 0; head < 4; ++head)
  panels.push_back({.options = {.title = fmt::format("head {}", head + 1), .width = 330,
                                .equal_units = true, .axes = false},
                    .field = optim::image(weights[head])});
optim::save_picture("24_gpt.svg", panels, 2);

// %% [markdown]
// ## What was learnt
//
// - Attention is a softmax of scaled products of queries and keys, times values.
// - The causal mask is what makes it a language model, and a gradient proves that nothing leaks.
// - Letters alone need positions: attention has no order of its own.
//
// ## Exercises
//
// 1. Show that without mask and positions a permutation of the places permutes the outputs.
// 2. Write two heads of width $d / 2$ with `scaled_dot_product_attention`, without
//    `MultiheadAttention`.
// 3. How many products of a query and a key does causal attention need for $T$ places?
//
// Next: [second order](25_second_order.md).

// %% tags=["program"]
return report({{"formula (1) and the library differ by", difference, 0, 1e-14},
               {"gradients that are 0", static_cast<double>(zeros_found), 15, 15},
               {"leaks", static_cast<double>(leaks), 0, 0},
               {"nats before training", before, 3.41, 3.5},
               {"held-out nats", reached, 2.317, 2.36}});
}
