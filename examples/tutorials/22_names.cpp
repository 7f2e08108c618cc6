// %% tags=["program"]
// Names, letter by letter: from a table of counts to a network, and what its first values decide.
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
// # 22. Names, letter by letter
//
// A language model gives each possible next letter a probability. The smallest is a table of
// counts, the largest are networks with billions of weights. This chapter goes from the table to
// the network of Bengio et al. (2003, "A neural probabilistic language model"), on 1,500 first
// names, which chapters 23 and 24 read too. It needs cross-entropy (chapter 13) and initial weights
// (MIT 6.390 notes, 6.6).
//
// The names come with Debian's and Ubuntu's package `miscfiles`; any file with a name a line does
// as well. Symbol 0 is the beginning and the end of a name, 1 to 26 are its letters.

// %%
std::vector<std::string> names;
std::istringstream lines(read_file("/usr/share/dict/propernames.gz"));
for (std::string name; std::getline(lines, name);)
  if (std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalpha(c); }))
    names.push_back(name);

// Each letter with the `context` letters before it; every tenth name is held out.
const auto windows = [&](std::size_t context, bool held_out) {
  std::vector<std::int64_t> contexts, targets;
  for (std::size_t n = 0; n < names.size(); ++n) {
    if ((n % 10 == 0) != held_out) continue;
    std::vector<std::int64_t> codes(context, 0);
    for (const char c : names[n]) codes.push_back(std::tolower(c) - 'a' + 1);
    codes.push_back(0);
    for (std::size_t i = context; i < codes.size(); ++i) {
      contexts.insert(contexts.end(), &codes[i - context], &codes[i]);
      targets.push_back(codes[i]);
    }
  }
  const Tensor of_each = reshape(tensor(contexts), {-1, static_cast<std::int64_t>(context)});
  return nn::data::Dataset(of_each, tensor(targets));
};
const nn::data::Dataset pairs = windows(1, false), held_out_pairs = windows(1, true);
fmt::print("{} names, {} + {} letters\n", names.size(), pairs.size(), held_out_pairs.size());

// %% [markdown]
// ## A table of counts
//
// Let $N_{ab}$ be how often letter $b$ follows letter $a$. The bigram model is
//
// $$p(b \mid a) = \frac{N_{ab} + s}{\sum_{b'} (N_{ab'} + s)}, \qquad
//   J = -\frac1n \sum_{i=1}^{n} \log p(b_i \mid a_i). \tag{1}$$
//
// The small $s = 0.1$ keeps pairs that were never seen possible. $J$, in nats a letter, is the
// cross-entropy that all models minimise. Blind guessing has $J = \log 27 = 3.296$.

// %%
const Tensor previous = flatten(pairs.inputs()), next = pairs.targets();
const Tensor counts = reshape(scatter_add(zeros({27 * 27}, float64), 0, previous * 27 + next,
                                          ones({pairs.size()}, float64)), {27, 27});
const Tensor table = (counts + 0.1) / sum(counts + 0.1, 1, {.keepdim = true});
const auto nats_of_table = [&](const nn::data::Dataset& data) {
  return -mean(log(at(table, {flatten(data.inputs()), data.targets()}))).item();
};
const double bigram = nats_of_table(held_out_pairs);
fmt::print("{:.3f} nats on the names counted, {:.3f} on new ones\n", nats_of_table(pairs), bigram);

std::vector<std::string> symbols{"."};
for (char c = 'a'; c <= 'z'; ++c) symbols.emplace_back(1, c);
optim::save_picture("22_bigrams.svg",
    {{{{.name = "after h", .y = table[8], .mark = optim::Mark::bars},
       {.name = "after q", .y = table[17], .mark = optim::Mark::bars}},
      {.title = "p(b | a): the letter b after h and after q", .x_names = symbols, .width = 560,
       .height = 300}}});

// %% [markdown]
// Counting is a closed form. Give every pair a free number $W_{ab}$ instead, with $p(\cdot \mid a)$
// the softmax of row $a$: the gradient of (1) by $W_{ab}$ is $\frac1n (N_a\, p(b \mid a) - N_{ab})$
// with $N_a = \sum_b N_{ab}$ (exercise 3). Descent leads to the counts, where it vanishes.
//
// ## A network that sees three letters
//
// A table for three letters would have $27^4 = 531{,}441$ entries, far more than there are letters
// to count. Bengio's network shares what it learns: each letter $c$ has a row $C_c$ of ten
// *features*, learned too. For the three letters $c_1 c_2 c_3$ before the next
//
// $$z = W_1\,[C_{c_1}; C_{c_2}; C_{c_3}] + b_1, \quad h = \tanh z, \quad
//   \text{logits} = W_2 h + b_2. \tag{2}$$
//
// Whether it can learn shows before the first step: in the loss, and in histograms of activations
// and gradients. We try three starts, and give each the same eight epochs.
//
// **Predict before you run on:** a network without a preference has the loss $\log 27 = 3.3$. What
// is it if all weights are drawn from $N(0, 1)$, with width (standard deviation) 1? And how many of
// the 100 units $h$ are saturated, with $|h| > 0.97$?

// %%
const nn::data::Dataset train = windows(3, false), held_out = windows(3, true);
struct Speller : nn::Module {
  Speller(double width1, double width2)
      : w1(parameter("w1", width1 * randn({100, 30}, float64))),
        w2(parameter("w2", width2 * randn({27, 100}, float64))) {}
  Tensor before_tanh(const Tensor& letters) const {
    return linear(flatten(embedding(features, letters), 1), w1, b1);
  }
  Tensor after(const Tensor& z) const { return linear(tanh(z), w2, b2); }
  Parameter features = parameter("features", randn({27, 10}, float64));
  Parameter w1, b1 = parameter("b1", zeros({100}, float64));
  Parameter w2, b2 = parameter("b2", zeros({27}, float64));
};
const auto nats = [](const Speller& model, const nn::data::Dataset& data) {
  return nn::cross_entropy(model.after(model.before_tanh(data.inputs())), data.targets());
};
const auto histogram = [](const Tensor& values, double low, double high) {  // percent in 40 bins
  const Tensor bin = clamp((flatten(values.detach()) - low) * (40 / (high - low)), 0.0, 39.5);
  const Tensor each = full({bin.numel()}, 100.0 / static_cast<double>(bin.numel()), float64);
  return scatter_add(zeros({40}, float64), 0, bin.to(int64), each);
};

struct Start { const char* name; double width1, width2; };
const double fan_in = 5.0 / 3.0 / std::sqrt(30.0);  // tanh's gain 5/3 over the root of the inputs
const std::vector<Start> starts{{"width 1", 1, 1}, {"small W2", 1, 0.01}, {"fan-in", fan_in, 0.01}};
std::vector<double> first_losses, saturated, reached;
std::vector<optim::Series> activations, slopes;
fmt::print("{:<11} first loss  saturated  |gradient| of z  nats, learned   new\n", "start");
for (const Start& start : starts) {
  seed(1);
  Speller model(start.width1, start.width2);
  const Tensor z = model.before_tanh(train.inputs());
  const Tensor first_loss = nn::cross_entropy(model.after(z), train.targets());
  const Tensor slope = grad(first_loss, {z})[0] * static_cast<double>(train.size());
  first_losses.push_back(first_loss.item());
  saturated.push_back(100 * mean((abs(tanh(z)) > 0.97).to(float64)).item());
  const double line = activations.empty() ? 6 : 2;  // the first two are equal
  activations.push_back({.name = start.name, .x = linspace(-0.975, 0.975, 40, float64),
                         .y = histogram(tanh(z), -1, 1), .size = line});
  slopes.push_back({.name = start.name, .x = linspace(-7.875, 1.875, 40, float64),
                    .y = histogram(log(abs(slope) + 1e-30) / std::log(10.0), -8, 2)});

  optim::AdamW adam(model.parameters(), {.lr = 3e-3});
  optim::Schedule schedule(adam, optim::cosine_schedule(8));
  for (std::uint64_t epoch = 0; epoch < 8; ++epoch, schedule.step())
    for (const auto& [letters, targets] :
         nn::data::batches(train, {.size = 32, .shuffle = true, .epoch = epoch})) {
      const Tensor loss = nats(model, {letters, targets});
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
  const NoGrad no_grad;
  reached.push_back(nats(model, held_out).item());
  fmt::print("{:<11} {:10.2f} {:9.1f}% {:16.5f} {:14.3f} {:5.3f}\n", start.name,
             first_losses.back(), saturated.back(), mean(abs(slope)).item(),
             nats(model, train).item(), reached.back());
}
fmt::print("bigrams had {:.3f} on new names\n", bigram);
optim::save_picture("22_names.svg",
    {{activations, {.title = "Activations h before training: percent in each bin", .x_label = "h",
                    .width = 480, .height = 360, .legend = true}},
     {slopes, {.title = "Size of dJ/dz: percent in each bin", .x_label = "log10 (left: or less)",
               .width = 480, .height = 360, .legend = true}}});

// %% [markdown]
// With all widths 1 the network is *sure of nonsense* at first, and has not recovered after eight
// epochs. A small $W_2$ cures that. Yet two thirds of the units are saturated, and pass almost
// nothing back: their slope $1 - h^2$ is below 0.06. Dividing by the root of the *fan-in*, the
// number of inputs of a unit, leaves a fifth. (Batch normalisation, chapter 19, sets the width by
// itself.) The gain is small with one hidden layer; in a deep network the lost factors multiply.
//
// ## What was learnt
//
// - A table of counts is the minimum of cross-entropy over a table of logits.
// - Features shared by all places let a network use three letters where a table could not.
// - Look at the first loss and the histograms: a bad start shows there at once.
//
// ## Exercises: fill in `22_names_exercises.cpp`
//
// 1. What is $J$ of the unigram model $p(b)$, which ignores the letter before?
// 2. How many numbers does the network hold, batch norm left out? Give the formula.
// 3. Write the gradient of (1) by $W$ from the counts alone, without the tape.
//
// Next: [a memory of any length: LSTM](23_lstm.md).

// %% tags=["program"]
return report({{"bigrams, held-out nats", bigram, 2.528, 2.53},
               {"first loss, all of width 1", first_losses[0], 17, 18},
               {"percent saturated, width 1", saturated[1], 69.6, 60},
               {"held-out nats, W1 by fan-in", reached[2], 2.346, 2.4}});
}
