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
// LSTM passes everything it has read through one state. Attention lets each place look back at all
// earlier places directly, and learns where to look. A stack of such layers is a transformer; one
// that predicts the next symbol is a GPT (Radford et al. 2018). This chapter trains one of 19,000
// parameters on the names of chapters 22 and 23. It goes beyond the notes, but is made of their
// parts: $\mathrm{MM}_{W,b}$, residual and layer norm (chapter 20).
//
// ## The formula
//
// From the vector of each of $T$ places three linear maps make a *query* $q$, what it looks for, a
// *key* $k$, what it offers, and a *value* $v$, what it hands over. As rows of $Q$, $K$, $V$:
//
// $$A = \mathrm{softmax}\!\left( \frac{Q K^{\mathsf T}}{\sqrt d} + M \right), \qquad
//   Y = A V \tag{1}$$
//
// (Vaswani et al. 2017, eq. 1). Row $t$ of $A$ has the *attention weights* of place $t$, which sum
// to 1. The *causal mask* $M$ is 0 where place $t$ may look, $s \le t$, and $-\infty$ elsewhere.
//
// Why divide? If the entries of $q$ and $k$ have variance 1, the sum $q \cdot k$ of $d$ products
// has variance $d$. Large scores make a softmax of nearly 0 or 1, which has no gradient (chapter
// 13). With the division the variance is 1 whatever $d$ is.

// %%
seed(1);
const Tensor q = randn({6, 8}, float64), k = randn({6, 8}, float64), v = randn({6, 8}, float64);
const Tensor scores = matmul(q, transpose(k)) / std::sqrt(8.0);
const Tensor future = triu(ones({6, 6}, float64), 1) > 0.5;
const Tensor looks = softmax(masked_fill(scores, future, -INFINITY), 1);
const Tensor by_library = scaled_dot_product_attention(q, k, v, {.causal = true});
const double difference = max(abs(matmul(looks, v) - by_library)).item();
fmt::print("formula (1) and the library agree to 1e-14: {}\n", difference < 1e-14);
fmt::print("weights of the last place: {:.2f}\n", fmt::join(looks[-1].values<double>(), " "));

// %% [markdown]
// ## The block
//
// *Heads* are several attentions side by side, on parts of the width. A block adds to its input
// what the heads gather, then what two layers make of it at each place:
//
// $$x' = x + \mathrm{Heads}(\mathrm{LN}(x)), \qquad
//   x'' = x' + \mathrm{MM}(\mathrm{GELU}(\mathrm{MM}(\mathrm{LN}(x')))). \tag{2}$$
//
// Attention knows no order, so each place adds a learned vector of its own to that of its letter.

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
// A model that sees the letter it is to predict is worth nothing. Derivatives find such a leak: let
// $s_{t,u}$ be the largest derivative of the logits at place $t$ by the vector at place $u$.
//
// **Predict before you run on:** which of the 36 $s_{t,u}$ of six places must be exactly 0?

// %%
const Tensor six = model.vectors(tensor({{0, 5, 13, 13, 1, 19}})).detach();
const auto logit_sizes = [&](const Tensor& vectors) {  // [1, 6, 32] -> [6]
  return sum(square(model.head(model.norm(model.block2(model.block1(vectors))))), 2)[0];
};
const Tensor s = amax(abs(jacobian(logit_sizes, six)), {1, 3});  // [6, 6]
const auto zeros_found = 36 - count_nonzero(s).item(), leaks = count_nonzero(triu(s, 1)).item();
fmt::print("{} of 36 are exactly 0, {} look ahead\n", zeros_found, leaks);

// %% [markdown]
// ## Training, with the data and the loss of chapter 23

// %%
std::vector<std::int64_t> codes;
std::istringstream lines(read_file("/usr/share/dict/propernames.gz"));
for (std::string name; std::getline(lines, name);) {
  if (!std::all_of(name.begin(), name.end(), [](unsigned char l) { return std::isalpha(l); }))
    continue;
  codes.push_back(0);
  for (const char l : name) codes.push_back(std::tolower(l) - 'a' + 1);
  codes.push_back(0);
  codes.resize((codes.size() + 15) / 16 * 16, -1);
}
const Tensor table = reshape(tensor(codes), {-1, 16});
const auto names = nn::data::split_every(
    {clamp(slice(table, 1, 0, 15), 0.0, 26.0), slice(table, 1, 1, 16)}, 10);
const auto nats = [&](const nn::data::Dataset& data) {
  return nn::cross_entropy(reshape(model(data.inputs()), {-1, 27}), flatten(data.targets()),
                           {.ignore_index = -1});
};
optim::AdamW adam(model.parameters(), {.lr = 5e-3, .weight_decay = 0.1});
optim::Schedule schedule(adam, optim::cosine_schedule(12));
for (std::uint64_t epoch = 0; epoch < 12; ++epoch, schedule.step())
  for (const auto& [letters, targets] :
       nn::data::batches(names.train, {.size = 32, .shuffle = true, .epoch = epoch})) {
    const Tensor loss = nats({letters, targets});
    adam.zero_grad();
    loss.backward();
    optim::clip_grad_norm(model.parameters(), 1.0);
    adam.step();
  }
const NoGrad no_grad;
const double reached = nats(names.test).item();
fmt::print("{:.3f} nats on the names it learned, {:.3f} on new ones\n", nats(names.train).item(),
           reached);

// %% [markdown]
// On new names bigrams had 2.528, three letters 2.346, LSTM 2.319. On names of six letters there is
// little to look back at; the gain comes with long texts, which the example `tiny_gpt` has.
//
// To write, the model is called with all letters so far, and the next is drawn from the last place.
// The picture shows $A$ of the four heads of the first block for *.jessica*: row $t$ is the place
// that looks, column $s$ the letter it looks at; dark is much. Some rows look at one letter alone.

// %%
for (int made = 0; made < 8; ++made) {
  Tensor so_far = zeros({1, 1}, int64);
  std::string name;
  while (so_far.size(1) < 15) {
    const Tensor drawn = multinomial(softmax(model(so_far)[0][-1], 0), 1);
    if (drawn.item() == 0) break;
    name += static_cast<char>('a' + drawn.item<std::int64_t>() - 1);
    so_far = concat({so_far, unsqueeze(drawn, 0)}, 1);
  }
  fmt::print("{}{}", name, made < 7 ? " " : "\n");
}
const Tensor x = model.vectors(tensor({{0, 10, 5, 19, 19, 9, 3, 1}}));  // .jessica
const Tensor weights = model.block1.heads(model.block1.norm1(x),
    {.causal = true, .need_weights = true, .average_attn_weights = false}).weights[0];  // [4, 8, 8]
std::vector<optim::Chart> panels;
for (std::int64_t head = 0; head < 4; ++head)
  panels.push_back({{}, {.title = fmt::format("head {}", head + 1), .width = 330,
                         .equal_units = true, .axes = false}, optim::image(weights[head])});
optim::save_picture("24_gpt.svg", panels, 2);

// %% [markdown]
// ## What was learnt
//
// - Attention is a softmax of scaled products of queries and keys, times values.
// - The causal mask is what makes it a language model, and a gradient proves that nothing leaks.
// - Letters alone need positions: attention has no order of its own.
//
// ## Exercises: fill in `24_gpt_exercises.cpp`
//
// 1. Show that without mask and positions a permutation of the places permutes the outputs.
// 2. Write two heads of width $d / 2$ with `scaled_dot_product_attention` alone.
// 3. How many products of a query and a key does causal attention need for $T$ places?
// 4. Measure the largest of ten attention weights for $d = 1024$, with and without the division.
//
// Next: [second order](25_second_order.md).

// %% tags=["program"]
return report({{"formula (1) and the library differ by", difference, 0, 1e-14},
               {"gradients that are 0", zeros_found, 15, 15},
               {"leaks", leaks, 0, 0},
               {"held-out nats", reached, 2.317, 2.36}});
}
