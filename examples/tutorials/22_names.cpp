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
// counts; the largest are networks with billions of weights, and the loss is the same for all. This
// chapter goes from the table to the network of Bengio et al. (2003, "A neural probabilistic
// language model"), on 1,500 first names, which chapters 23 and 24 read too.
//
// On the way, histograms of activations and gradients show at a glance whether a network can learn
// at all. It needs cross-entropy (chapter 13) and initial weights (MIT 6.390 notes, 6.6).
//
// The names come with Debian's and Ubuntu's package `miscfiles`; any file with a name a line does
// as well. Symbol 0 is the beginning and the end of a name, 1 to 26 are its letters.

// %%
std::vector<std::string> names;
std::istringstream lines(read_file("/usr/share/dict/propernames.gz"));
for (std::string line; std::getline(lines, line);) {
  for (char& c : line) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (std::all_of(line.begin(), line.end(), [](char c) { return c >= 'a' && c <= 'z'; }))
    names.push_back(line);
}

// Each letter with the `context` letters before it; every tenth name is held out.
const auto windows = [&](std::size_t context, bool held_out) {
  std::vector<std::int64_t> contexts, targets;
  for (std::size_t n = 0; n < names.size(); ++n) {
    if ((n % 10 == 0) != held_out) continue;
    std::vector<std::int64_t> codes(context, 0);
    for (const char c : names[n]) codes.push_back(c - 'a' + 1);
    codes.push_back(0);
    for (std::size_t i = context; i < codes.size(); ++i) {
      contexts.insert(contexts.end(), &codes[i - context], &codes[i]);
      targets.push_back(codes[i]);
    }
  }
  const auto n = static_cast<std::int64_t>(targets.size());
  return nn::data::Dataset(reshape(tensor(contexts), {n, -1}), tensor(targets));
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
// The small $s = 0.1$ keeps pairs that were never seen from being impossible. $J$, in nats for each
// letter, is the cross-entropy that all models minimise. Blind guessing has $J = \log 27 = 3.296$.

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
    {{.series = {{.name = "after h", .y = table[8], .mark = optim::Mark::bars},
                 {.name = "after q", .y = table[17], .mark = optim::Mark::bars}},
      .options = {.title = "p(b | a): the letter b after h and after q", .x_names = symbols,
                  .width = 560, .height = 300}}});

// %% [markdown]
// ## The same by gradient
//
// Counting is a closed form. Give every pair a free number $W_{ab}$ instead, take $p(\cdot \mid a)$
// as the softmax of row $a$ and minimise (1). The gradient is
// $\partial J / \partial W_{ab} = \frac1n \left( N_a\, p(b \mid a) - N_{ab} \right)$ with
// $N_a = \sum_b N_{ab}$, so it vanishes exactly at the counts. The tape says so as well, and
// descent goes there.

// %%
const auto loss_of_rows = [&](const Tensor& rows) {
  return nn::cross_entropy(embedding(rows, previous), next);
};
const Tensor at_counts = grad_of(loss_of_rows, log(counts + 1e-200));
Tensor rows = zeros({27, 27}, float64);
for (int step = 0; step < 150; ++step) rows = rows - 50.0 * grad_of(loss_of_rows, rows);
const double by_counts = loss_of_rows(log(counts + 1e-200)).item();
const double by_descent = loss_of_rows(rows).item();
fmt::print("gradient at the counts is below 1e-15: {}; loss there {:.4f}, by 150 steps {:.4f}\n",
           max(abs(at_counts)).item() < 1e-15, by_counts, by_descent);

// %% [markdown]
// ## A network that sees three letters
//
// A table for three letters would have $27^4 = 531{,}441$ entries, far more than there are letters
// to count. Bengio's network shares what it learns: each letter $c$ has a row $C_c$ of ten
// *features*, learned too, and for the three letters $c_1 c_2 c_3$ before the next
//
// $$z = W_1\,[C_{c_1}; C_{c_2}; C_{c_3}] + b_1, \quad h = \tanh z, \quad
//   \text{logits} = W_2 h + b_2. \tag{2}$$
//
// **Predict before you run on:** before any step, no letter should be preferred, so the loss should
// be $\log 27 = 3.3$. What is it if all weights are drawn from $N(0, 1)$, with width (standard
// deviation) 1? And how many of the 100 units $h$ are saturated, with $|h| > 0.97$?

// %%
const nn::data::Dataset train = windows(3, false), held_out = windows(3, true);
struct Speller : nn::Module {
  Speller(double width1, double width2, bool normed)
      : w1(parameter("w1", width1 * randn({100, 30}, float64))),
        w2(parameter("w2", width2 * randn({27, 100}, float64))), batch_normed(normed) {}
  Tensor before_tanh(const Tensor& letters) const {
    const Tensor z = linear(flatten(embedding(features, letters), 1), w1, b1);
    return batch_normed ? norm(z) : z;
  }
  Tensor after(const Tensor& z) const { return linear(tanh(z), w2, b2); }
  Parameter features = parameter("features", randn({27, 10}, float64));
  Parameter w1, b1 = parameter("b1", zeros({100}, float64));
  nn::BatchNorm1d norm = child("norm", nn::BatchNorm1d(100, {.dtype = float64}));
  Parameter w2, b2 = parameter("b2", zeros({27}, float64));
  bool batch_normed;
};
const auto nats = [](const Speller& model, const nn::data::Dataset& data) {
  return nn::cross_entropy(model.after(model.before_tanh(data.inputs())), data.targets());
};
// the share of the values in each of `bins` equal parts from low to high
const auto histogram = [](const Tensor& values, double low, double high, std::int64_t bins) {
  const double n = static_cast<double>(bins);
  const Tensor bin = floor((flatten(values.detach()) - low) / (high - low) * n);
  const Tensor index = clamp(bin, 0.0, n - 1).to(int64);
  const Tensor one = full({index.numel()}, 100.0 / static_cast<double>(index.numel()), float64);
  return scatter_add(zeros({bins}, float64), 0, index, one);
};

struct Start { const char* name; double width1, width2; bool normed; };
const double fan_in = 5.0 / 3.0 / std::sqrt(30.0);  // tanh's gain 5/3 over the root of the inputs
const std::vector<Start> starts{{"width 1", 1, 1, false}, {"small W2", 1, 0.01, false},
                                {"fan-in", fan_in, 0.01, false}, {"batch norm", 1, 0.01, true}};
std::vector<double> first_losses, saturated, reached;
std::vector<optim::Series> activations, slopes;
fmt::print("{:<20} first loss  saturated  |gradient| of z\n", "start");
for (const Start& start : starts) {
  seed(1);
  const Speller fresh(start.width1, start.width2, start.normed);
  const Tensor z = fresh.before_tanh(train.inputs());
  const Tensor loss = nn::cross_entropy(fresh.after(z), train.targets());
  const Tensor slope = grad(loss, {z})[0] * static_cast<double>(train.size());
  first_losses.push_back(loss.item());
  saturated.push_back(100 * mean((abs(tanh(z)) > 0.97).to(float64)).item());
  fmt::print("{:<20} {:10.2f} {:9.1f}% {:16.5f}\n", start.name, first_losses.back(),
             saturated.back(), mean(abs(slope)).item());
  activations.push_back({.name = start.name, .x = linspace(-0.975, 0.975, 40, float64),
                         .y = histogram(tanh(z), -1, 1, 40),
                         .size = activations.empty() ? 6.0 : 2.0});
  slopes.push_back({.name = start.name, .x = linspace(-7.875, 1.875, 40, float64),
                    .y = histogram(log(abs(slope) + 1e-30) / std::log(10.0), -8, 2, 40)});
}

// %% [markdown]
// With all widths 1 the network is *sure of nonsense*: the loss is far above blind guessing. A
// small $W_2$ cures that. Yet two thirds of the units are still saturated, and such a unit passes
// almost nothing back: its slope $1 - h^2$ is below 0.06. Dividing by the root of the *fan-in*, the
// number of inputs of a unit, leaves a fifth. Batch normalisation sets the width by itself.

// %%
optim::save_picture("22_names.svg",
    {{.series = activations,
      .options = {.title = "Activations h before training: percent in each bin", .x_label = "h",
                  .width = 480, .height = 360, .legend = true}},
     {.series = slopes,
      .options = {.title = "Size of the gradient of z: percent in each bin",
                  .x_label = "log10 of |dJ/dz| (at the left: or less)", .width = 480, .height = 360,
                  .legend = true}}});

// %% [markdown]
// Does it matter after training? Each start gets the same eight epochs of AdamW.

// %%
std::string invented;
for (const Start& start : starts) {
  seed(1);
  Speller model(start.width1, start.width2, start.normed);
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
  model.eval();
  reached.push_back(nats(model, held_out).item());
  fmt::print("{:<20} {:.3f} nats on the names it learned, {:.3f} on new ones\n", start.name,
             nats(model, train).item(), reached.back());
  for (int name = 0; name < 8 && start.normed; ++name) {  // the last one makes up names
    std::vector<std::int64_t> codes(3, 0);
    do {
      const Tensor last = tensor(std::vector<std::int64_t>(codes.end() - 3, codes.end()), {1, 3});
      const Tensor logits = model.after(model.before_tanh(last));
      codes.push_back(multinomial(softmax(logits, 1), 1).item<std::int64_t>());
      invented += codes.back() == 0 ? ' ' : static_cast<char>('a' + codes.back() - 1);
    } while (codes.back() != 0);
  }
}
fmt::print("bigrams had {:.3f}. Made up: {}\n", bigram, invented);

// %% [markdown]
// The output's width decides: who starts at 17 nats has not recovered after eight epochs. The
// saturated units cost next to nothing here, since there is one hidden layer only and Adam evens
// out small gradients. In a deep network the lost factors multiply (chapter 16). Batch norm repairs
// the start as well, but ends no better here.
//
// ## What was learnt
//
// - A table of counts is the minimum of cross-entropy over a table of logits.
// - Features shared by all places let a network use three letters where a table could not.
// - Look at the first loss and the histograms before training: a bad start shows there at once.
//
// ## Exercises
//
// 1. What is $J$ of the unigram model $p(b)$, which ignores the letter before?
// 2. How many numbers does the network hold, batch norm left out? Give the formula.
// 3. Write the gradient of (1) by $W$ from the counts alone, without the tape.
//
// Next: [a memory of any length: LSTM](23_lstm.md).

// %% tags=["program"]
return report({{"bigrams, held-out nats", bigram, 2.528, 2.53},
               {"descent minus counts", by_descent - by_counts, 0.016, 0.03},
               {"first loss, all of width 1", first_losses[0], 17, 18},
               {"first loss, W1 by fan-in", first_losses[2], 3.291, 3.31},
               {"percent saturated, width 1", saturated[1], 69.6, 60},
               {"percent saturated, by fan-in", saturated[2], 20.2, 25},
               {"held-out nats, all of width 1", reached[0], 3.55, 3.9},
               {"held-out nats, W1 by fan-in", reached[2], 2.346, 2.4},
               {"held-out nats, batch norm", reached[3], 2.39, 2.45}});
}
