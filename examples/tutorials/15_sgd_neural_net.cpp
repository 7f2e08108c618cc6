// %% tags=["program"]
// The procedure SGD-NEURAL-NET line by line, and the same network in six lines of the library.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <functional>
#include <iostream>
#include <numbers>
#include <utility>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 15. SGD-NEURAL-NET
//
// Here everything comes together: the training of a network, line by line and without the tape.
// Then the library trains the same network, and after 3,000 steps it has the same weights to the
// last digits.
//
// The chapter follows MIT 6.390 notes, 6.6: the procedure and its study questions. The plan is that
// of the CS229 deep-learning notes, section 1: parametrise, differentiate, descend. "Deploy a
// feedforward network" in the slides to Goodfellow et al., chapter 6, asks for decisions first:
//
// | decision | here |
// |---|---|
// | form of input and output | a point $x$ of the plane, $m^1 = 2$; two probabilities, $n^L = 2$ |
// | layers, connections, units | $L = 2$ fully connected layers, $n^1 = 16$ hidden units |
// | hidden activation | $f^1 = \tanh$ |
// | output and cost | $f^2 = \mathrm{softmax}$ with its loss nllm |
// | optimizer | SGD by back-propagation, one example at a time, a falling step size $\eta(t)$ |
//
// The task: points of a square, above or below a wave. $y$ is one-hot, [0, 1] above.

// %%
const auto draw_points = [](std::int64_t n) -> nn::data::Dataset {
  const Tensor points = 2.0 * rand({n, 2}, float64) - 1.0;
  const Tensor wave = 0.5 * sin(std::numbers::pi * select(points, 1, 0));
  return {points, (select(points, 1, 1) > wave).to(int64)};
};
seed(15);
const nn::data::Dataset train = draw_points(400), test = draw_points(1000);

// %% [markdown]
// ## Lines 2 to 4: initial weights
//
// $W^l$ is $m^l \times n^l$, one column for each unit, $W_0^l$ is $n^l \times 1$, and all vectors
// are columns. Lines 3 and 4 draw $W^l_{ij} \sim Gaussian(0, 1/m^l)$, which the notes explain as
// *standard deviation* $1/m^l$, and $W^l_{0j} \sim Gaussian(0, 1)$.

// %%
constexpr std::size_t L = 2;
const std::vector<std::int64_t> sizes = {2, 16, 2};  // m^1, n^1 = m^2, n^2
struct Weights {
  std::vector<Tensor> W = std::vector<Tensor>(L + 1), W0 = W;  // from 1 on, as in the notes
};
Weights start;
for (std::size_t l = 1; l <= L; ++l) {
  const std::int64_t m = sizes[l - 1], n = sizes[l];
  start.W[l] = randn({m, n}, float64) / static_cast<double>(m);
  start.W0[l] = randn({n, 1}, float64);
}

// %% [markdown]
// The study question: which $z$ does an input of $m$ ones expect from such weights, without the
// offset? It is 0, with the deviation $\sqrt m \cdot 1/m = 1/\sqrt m$. `nn::init::Gaussian` is this
// rule for `nn::Linear`'s shape, $[out, in]$. Of the notes' $[m, n]$ it takes $n$ for the number of
// inputs, silently.

// %%
const Tensor gaussian = nn::init::Gaussian{}({2000, 400}, float64, Generator(1));
const Tensor of_ones = linear(ones({400}, float64), gaussian);
const double ones_std = stddev(of_ones).item();
fmt::print("400 ones: z = {:.3f} +- {:.3f}\n", mean(of_ones).item(), ones_std);
const Tensor misread = nn::init::Gaussian{}({400, 20}, float64, Generator(1));  // [m, n]
const double too_large = 400 * stddev(misread).item();
fmt::print("the initialiser on [m, n] = [400, 20]: {:.1f} times 1/m\n", too_large);

// %% [markdown]
// ## Lines 10 to 18, for any output unit
//
// Which terms depend on $f^L$, asks the other study question. Four: $A^L = f^L(Z^L)$ (line 11), the
// loss (13), $\partial loss / \partial A^L$ (15) and $\partial A^L / \partial Z^L$ (16). No other
// line below knows which output unit it is. The cell ends with one example through two of them,
// softmax first.

// %%
struct Output {
  std::function<Tensor(const Tensor&)> f;                        // A = f(Z)
  std::function<Tensor(const Tensor&)> dA_dZ;                    // from A, [n, n]
  std::function<Tensor(const Tensor&, const Tensor&)> loss;      // of A and y
  std::function<Tensor(const Tensor&, const Tensor&)> dloss_dA;  // [n, 1]
};
const Output softmax_nllm = {
    [](const Tensor& Z) { return softmax(Z, 0); },
    [](const Tensor& A) { return diag(flatten(A)) - matmul(A, transpose(A)); },
    [](const Tensor& A, const Tensor& y) { return -sum(y * log(A)); },
    [](const Tensor& A, const Tensor& y) { return -y / A; }};
const Output linear_squared = {
    [](const Tensor& Z) { return Z; },
    [](const Tensor& A) { return eye(A.size(0), A.size(0), float64); },
    [](const Tensor& A, const Tensor& y) { return sum(square(A - y)) / 2.0; },
    [](const Tensor& A, const Tensor& y) { return A - y; }};
const auto forward = [](const Weights& w, const Output& out, const Tensor& x) {
  std::vector<Tensor> A = {x};                                                      // line 8
  for (std::size_t l = 1; l <= L; ++l) {                                            // line 9
    const Tensor Z = matmul(transpose(w.W[l]), A[l - 1]) + w.W0[l];                 // line 10
    A.push_back(l < L ? tanh(Z) : out.f(Z));                                        // line 11
  }
  return A;
};
const auto back = [](const Weights& w, const Output& out, const std::vector<Tensor>& A,
                     const Tensor& y) {
  std::vector<Tensor> dZ(L + 1);
  for (std::size_t l = L; l >= 1; --l) {                                            // line 14
    const Tensor dA = l < L ? matmul(w.W[l + 1], dZ[l + 1]) : out.dloss_dA(A[L], y);  // line 15
    const Tensor dA_dZ = l < L ? diag(flatten(1.0 - square(A[l]))) : out.dA_dZ(A[L]);
    dZ[l] = matmul(dA_dZ, dA);                                                      // line 16
  }
  return dZ;
};

const Tensor x = tensor({{0.5}, {-0.2}}, float64), y = tensor({{1.0}, {0.0}}, float64);
double from_a_minus_y = 0;
for (const Output& out : {softmax_nllm, linear_squared}) {
  const std::vector<Tensor> A = forward(start, out, x), dZ = back(start, out, A, y);
  from_a_minus_y += max(abs(dZ[L] - (A[L] - y))).item();
  std::cout << "dloss/dZ^L " << flatten(dZ[L]) << ", A^L - y " << flatten(A[L] - y) << "\n";
}

// %% [markdown]
// ## The procedure
//
// Lines 17 and 18 are $\partial loss / \partial W^l = A^{l-1} (\partial loss / \partial Z^l)^T$ and
// $\partial loss / \partial W_0^l = \partial loss / \partial Z^l$. The step size is
// $\eta(t) = \eta / (1 + t / \tau)$. Which example comes when is drawn beforehand, so that the
// library can be given the same ones.

// %%
constexpr std::int64_t T = 3000;
const double eta = 0.3, tau = 2000;
const Tensor order = randint(0, train.size(), {T});
Weights w = start;
std::vector<std::pair<std::int64_t, Weights>> snapshots = {{0, start}};
std::vector<double> losses;
for (std::int64_t t = 0; t < T; ++t) {                                           // line 6
  const auto [input, target] = train[order[t].item<std::int64_t>()];             // line 7
  const Tensor wanted = unsqueeze(one_hot(target, 2, float64), 1);
  const std::vector<Tensor> A = forward(w, softmax_nllm, unsqueeze(input, 1));   // lines 8 to 12
  losses.push_back(softmax_nllm.loss(A[L], wanted).item());              // line 13
  const std::vector<Tensor> dZ = back(w, softmax_nllm, A, wanted);               // lines 14 to 16
  const double rate = eta / (1 + static_cast<double>(t) / tau);
  for (std::size_t l = 1; l <= L; ++l) {
    const Tensor dW = matmul(A[l - 1], transpose(dZ[l]));                        // line 17
    w.W[l] = w.W[l] - rate * dW;                                                 // line 19
    w.W0[l] = w.W0[l] - rate * dZ[l];                                            // lines 18, 20
  }
  if (t + 1 == 300 || t + 1 == T) snapshots.emplace_back(t + 1, w);
}

const auto probability = [&](const Weights& of, const Tensor& points) {  // of "above"
  return forward(of, softmax_nllm, transpose(points))[L][1];             // examples in columns
};
std::vector<double> accuracies;
std::vector<optim::Chart> charts;
for (const auto& [step, of] : snapshots) {
  const Tensor guess = probability(of, test.inputs()) > 0.5;
  accuracies.push_back(nn::metric::accuracy(guess, test.targets()));
  fmt::print("step {:4}: {:.1f} % of 1000 new points right\n", step, 100 * accuracies.back());
  const optim::ChartOptions look{.title = fmt::format("Step {}", step), .width = 260,
                                 .x_limits = {-1, 1}, .y_limits = {-1, 1}, .equal_units = true,
                                 .axes = false};
  const Tensor cells = probability(of, optim::grid(look, 100, 100).to(float64));
  charts.push_back({.series = optim::points(train.inputs(), train.targets(), {"", ""}, {.size = 2}),
                    .options = look,
                    .field = optim::field(reshape(cells, {100, 100}),
                                          {.scale = {optim::colour::pale_blue, "#ffffff",
                                                     optim::colour::pale_orange}})});
}
charts.push_back({.series = {{.y = losses, .smoothing = 0.98}},
                  .options = {.title = "Loss", .width = 260, .height = 260, .y_limits = {0, 2}}});
optim::save_picture("15_sgd_neural_net.svg", charts, 2);

// %% [markdown]
// ## The same by the library
//
// `nn::Linear` holds $W^T$, so it is given the transposed start. `cross_entropy` is softmax and
// nllm in one, `robbins_monro` is our $\eta(t)$, and the tape does lines 14 to 18.
//
// **Predict before you run on:** the two runs see the same examples in the same order, but add up
// in another order inside. By how much will their weights differ at the end?

// %%
const nn::Linear first(2, 16, {.dtype = float64}), second(16, 2, {.dtype = float64});
const nn::Sequential model(first, nn::Tanh(), second);
first.weight.set(transpose(start.W[1]));
first.bias.set(flatten(start.W0[1]));
second.weight.set(transpose(start.W[2]));
second.bias.set(flatten(start.W0[2]));
const auto learn = [&](std::int64_t steps) {
  optim::SGD sgd(model.parameters(), {.lr = eta});
  optim::Schedule schedule(sgd, optim::robbins_monro(tau));
  for (std::int64_t t = 0; t < steps; ++t) {
    const auto [input, target] = train[order[t].item<std::int64_t>()];
    sgd.zero_grad();
    nn::cross_entropy(model(input), target).backward();
    sgd.step();
    schedule.step();
  }
};
learn(T);
const double difference = max(abs(first.weight - transpose(w.W[1]))).item() +
                          max(abs(second.weight - transpose(w.W[2]))).item();
fmt::print("the same weights to 1e-12: {}\n", difference < 1e-12 ? "yes" : "no");

// %% [markdown]
// ## Why random?
//
// MIT warns of equal starts: the symmetry often keeps the units from going different ways. It does,
// exactly, because equal units get equal gradients. After 100 steps 16 units still are one.

// %%
first.weight.set(full({16, 2}, 0.1, float64));
first.bias.set(zeros({16}, float64));
second.weight.set(repeat_interleave(tensor({{0.1}, {-0.1}}, float64), 16, 1));
learn(100);
const Tensor units = first.weight.tensor().detach();
const double spread = max(abs(units - units[0])).item();
std::cout << "weights of unit 1: " << units[0] << ", of unit 16: " << units[15] << "\n";

// %% [markdown]
// ## What was learnt
//
// - Training is five steps: draw weights, pick an example, forward, back, descend.
// - Only four quantities depend on the output unit; for matched pairs they come to $A^L - y$.
// - Equal starts stay equal, so weights are drawn; deviation $1/m$ keeps units unsaturated.
//
// ## Exercises
//
// `15_sgd_neural_net_exercises.cpp` has a hole for each; fill it in and run it.
//
// 1. Swap the output pair: write $f$ and both derivatives for sigmoid and its loss nll.
// 2. The pre-activation of $m$ ones with weights of deviation $1/\sqrt m$ in place of $1/m$, the
//    offset from $Gaussian(0, 1)$ included: what is its standard deviation?
//
// Next: [vanishing and exploding](16_vanishing.md).

// %% tags=["program"]
return report({{"weights by hand against the library", difference, 0, 1e-12},
               {"accuracy after 300 steps", accuracies[1], 0.88, 0.8},
               {"accuracy after 3000 steps", accuracies[2], 0.96, 0.95},
               {"dloss/dZ^L is A^L - y", from_a_minus_y, 0, 1e-14},
               {"deviation of 400 ones", ones_std, 0.05, 0.0525},
               {"initialiser on [m, n], times 1/m", too_large, 20, 19},
               {"equal starts apart after 100 steps", spread, 0, 1e-12}});
}
