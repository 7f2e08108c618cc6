// %% tags=["program"]
// LSTM: a recurrent network whose gradient survives long sequences; it reads the names too.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 23. LSTM: a memory with gates
//
// The network of chapter 22 sees three letters and forgets the rest. A *recurrent* network reads a
// sequence from its beginning and keeps a state (Goodfellow et al. chapter 6 slides, RNN). But its
// gradient is a product over all steps, which vanishes or explodes (chapter 16). The long
// short-term memory of Hochreiter and Schmidhuber (1997), which the notes do not have, was built to
// stop that. Here is why it works, measured.
//
// ## The equations
//
// Let $x_t$ be the input
//
// $$h_t = \tanh(W x_t + U h_{t-1} + b). \tag{1}$$
//
// LSTM keeps a second vector $c_t$, the *cell*. Three *gates*, numbers between 0 and 1 for each
// unit, say what it takes in, what it keeps and what it shows:
//
// $$i_t, f_t, o_t = \sigma(W_{i,f,o}\, x_t + U_{i,f,o}\, h_{t-1} + b_{i,f,o}), \qquad
//   g_t = \tanh(W_g x_t + U_g h_{t-1} + b_g), \tag{2}$$
//
// $$c_t = f_t \odot c_{t-1} + i_t \odot g_t, \qquad h_t = o_t \odot \tanh c_t. \tag{3}$$
//
// The library stacks the four blocks as $i, f, g, o$. By hand, with its weights:

// %%
seed(1);
const nn::LSTM layer(5, 16, {.dtype = float64});
const Tensor sequence = randn({12, 1, 5}, float64);  // 12 steps, one sequence, 5 inputs
const auto& w = layer.weights();
Tensor h = zeros({1, 16}, float64), c = zeros({1, 16}, float64);
for (std::int64_t t = 0; t < 12; ++t) {
  const Tensor all = linear(sequence[t], w.ih, w.bias_ih) + linear(h, w.hh, w.bias_hh);
  const auto blocks = chunk(all, 4, 1);
  c = sigmoid(blocks[1]) * c + sigmoid(blocks[0]) * tanh(blocks[2]);
  h = sigmoid(blocks[3]) * tanh(c);
}
const double difference = max(abs(h - layer(sequence).state.h[0])).item();
fmt::print("h after 12 steps by (2), (3) and by nn::LSTM agree to 1e-14: {}\n", difference < 1e-14);

// %% [markdown]
// ## What the first state still means after $T$ steps
//
// By (1), $\partial h_t / \partial h_{t-1} = \mathrm{diag}(1 - h_t^2)\, U$: each step multiplies by
// a matrix. In (3) the direct way from $c_{t-1}$ to $c_t$ is $f_t$ alone: no matrix, no slope of a
// tanh. Where the gate is 1, the gradient passes unchanged.
//
// The gate's bias decides what it does at first. With $b_f = 0$ it is near $\sigma(0) = 1/2$, with
// $b_f = 3$ near $\sigma(3) = 0.95$.
//
// **Predict before you run on:** by what factor does the gradient shrink over 50 steps in each?

// %%
const auto forget_bias = [](std::int64_t units, double bias) {  // i, f, g, o: only f is not 0
  return repeat_interleave(tensor({0.0, bias, 0.0, 0.0}, float64), units);
};
const std::vector<std::int64_t> lengths{1, 10, 20, 30, 40, 50};
const Tensor noise = randn({50, 1, 5}, float64), direction = randn({1, 1, 16}, float64);
const auto gradient_norms = [&](const auto& end_of) {
  std::vector<double> by_length;
  for (const std::int64_t length : lengths) {
    const Tensor first = zeros({1, 1, 16}, float64).requires_grad("first state");
    const Tensor end = end_of(slice(noise, 0, 0, length), first);
    by_length.push_back(norm(grad(sum(direction * end), {first})[0]).item());
  }
  return by_length;
};
const nn::RNN plain(5, 16, {.dtype = float64});
std::vector<std::vector<double>> norms;
norms.push_back(gradient_norms([&](const Tensor& x, const Tensor& h0) { return plain(x, h0).h; }));
for (const double bias : {0.0, 3.0}) {
  layer.weights().bias_hh.set(zeros({64}, float64));  // the library has two biases, which are added
  layer.weights().bias_ih.set(forget_bias(16, bias));
  norms.push_back(gradient_norms([&](const Tensor& x, const Tensor& c0) {
    return layer(x, nn::LSTMState{zeros({1, 1, 16}, float64), c0}).state.c;
  }));
}
fmt::print("|gradient by the first state|  after 1 step  10    20        30        40        50\n");
const std::vector<std::string> kinds{"plain RNN, h", "LSTM, c, b_f = 0", "LSTM, c, b_f = 3"};
optim::Chart chart{.options = {.title = "Gradient by the first state after T steps", .x_label = "T",
                               .log_y = true, .width = 560, .height = 380, .legend = true}};
for (std::size_t k = 0; k < 3; ++k) {
  fmt::print("{:<26}{:10.1e}\n", kinds[k], fmt::join(norms[k], ""));
  chart.series.push_back({.name = kinds[k], .x = tensor(lengths), .y = norms[k]});
}
optim::save_picture("23_lstm.svg", {chart});

// %% [markdown]
// With $b_f = 0$ LSTM forgets as fast as the plain network. The cell *can* keep a gradient once the
// gate is open: a forget bias of 1 or more is the usual start. The gates alone would leave
// $\sigma(3)^{50} = 0.09$; the ways through $h$ add to it.
//
// ## The names again
//
// Names as in chapter 22, but each is one sequence now: a row of 16 with its letters between two
// zeros, then -1, which says that there is nothing to predict any more. The loss leaves it out.

// %%
std::vector<std::int64_t> rows;
std::istringstream lines(read_file("/usr/share/dict/propernames.gz"));
for (std::string name; std::getline(lines, name);) {
  if (!std::all_of(name.begin(), name.end(), [](unsigned char l) { return std::isalpha(l); }))
    continue;
  rows.push_back(0);
  for (const char l : name) rows.push_back(std::tolower(l) - 'a' + 1);
  rows.push_back(0);
  rows.resize((rows.size() + 15) / 16 * 16, -1);  // the longest name has 14 letters
}
const Tensor codes = reshape(tensor(rows), {-1, 16});
const auto names = nn::data::split_every(
    {clamp(slice(codes, 1, 0, 15), 0.0, 26.0), slice(codes, 1, 1, 16)}, 10);
const nn::data::Dataset train = names.train, held_out = names.test;

struct Reader : nn::Module {
  nn::Embedding features = child("features", nn::Embedding(27, 16, {.dtype = float64}));
  nn::LSTM lstm = child("lstm", nn::LSTM(16, 64, {.batch_first = true, .dtype = float64}));
  nn::Linear head = child("head", nn::Linear(64, 27, {.dtype = float64}));
};
const auto nats = [](const Reader& model, const nn::data::Dataset& data) {
  const Tensor logits = model.head(model.lstm(model.features(data.inputs())).output);
  return nn::cross_entropy(reshape(logits, {-1, 27}), flatten(data.targets()),
                           {.ignore_index = -1});
};
seed(1);
Reader model;
optim::AdamW adam(model.parameters(), {.lr = 0.01, .weight_decay = 0.1});
optim::Schedule schedule(adam, optim::cosine_schedule(8));
for (std::uint64_t epoch = 0; epoch < 8; ++epoch, schedule.step())
  for (const auto& [letters, targets] :
       nn::data::batches(train, {.size = 32, .shuffle = true, .epoch = epoch})) {
    const Tensor loss = nats(model, {letters, targets});
    adam.zero_grad();
    loss.backward();
    optim::clip_grad_norm(model.parameters(), 1.0);
    adam.step();
  }
const NoGrad no_grad;
const double reached = nats(model, held_out).item();
fmt::print("{:.3f} nats on the names it learned, {:.3f} on new ones\n", nats(model, train).item(),
           reached);
fmt::print("chapter 22 had, on new ones, 2.528 by bigrams and 2.346 by three letters\n");

for (int name = 0; name < 8; ++name) {  // made up: the state is handed from letter to letter
  nn::LSTMState state;
  Tensor letter = zeros({1, 1}, int64);
  std::string made;
  for (int t = 0; t < 14; ++t) {
    const auto [output, last] = model.lstm(model.features(letter), state);
    state = last;
    letter = multinomial(softmax(model.head(output[0]), 1), 1);
    if (letter.item() == 0) break;
    made += static_cast<char>('a' + letter.item<std::int64_t>() - 1);
  }
  fmt::print("{} ", made);
}
fmt::print("\n");

// %% [markdown]
// ## What was learnt
//
// - A plain recurrent network multiplies its gradient by a matrix a step, LSTM's cell by a gate.
// - The gate must be open: the forget bias decides whether any gradient gets through at first.
// - On names of six letters the gain over three letters is small, as there is little to remember.
//
// ## Exercises: fill in `23_lstm_exercises.cpp`
//
// 1. How many numbers does an LSTM with $n$ inputs and $m$ units hold (two biases for each block)?
// 2. Write the step of a GRU: $r, z = \sigma(\cdot)$, $n = \tanh(W x + b + r \odot (U h + b'))$,
//    $h' = (1 - z) \odot n + z \odot h$.
// 3. Which forget bias keeps half of the gradient over 100 steps, if the gate sees nothing else?
// 4. A task of pure memory: the first input is +1 or -1, then come 39 inputs of noise; what was the
//    first? With $b_f = 0$ an LSTM learns nothing in 100 steps of Adam. With which $b_f$ does it?
//
// Next: [attention and a small GPT](24_gpt.md).

// %% tags=["program"]
return report({{"by hand and nn::LSTM differ by", difference, 0, 1e-14},
               {"RNN's gradient after 50 steps", norms[0].back(), 3.4e-11, 1e-8},
               {"LSTM's, b_f = 3", norms[2].back(), 1.64, 0.5},
               {"held-out nats", reached, 2.319, 2.36}});
}
