// %% tags=["program"]
// The procedure SGD-NEURAL-NET line by line, and the same network in six lines of the library.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <iostream>
#include <numbers>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 15. SGD-NEURAL-NET
//
// Here a network is trained line by line and without the tape, then by the library: after 3,000
// steps it has the same weights. This follows MIT 6.390 notes, 6.6: the procedure and its study
// questions. "Deploy a feedforward network" in the slides to Goodfellow et al., chapter 6, asks for
// decisions first (as do the CS229 deep-learning notes, section 1):
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
//
// ## Lines 2 to 4: initial weights
//
// $W^l$ is $m^l \times n^l$, one column for each unit, $W_0^l$ is $n^l \times 1$, and all vectors
// are columns. Lines 3 and 4 draw $W^l_{ij} \sim Gaussian(0, 1/m^l)$, which the notes explain as
// *standard deviation* $1/m^l$, and $W^l_{0j} \sim Gaussian(0, 1)$.
// The study question: which $z$ does an input of $m$ ones expect from such weights, without the
// offset? 0, with the deviation $\sqrt m \cdot 1/m = 1/\sqrt m$. (`nn::init::Gaussian` is this rule
// for `nn::Linear`'s shape, $[out, in]$. Of the notes' $[m, n]$ it takes $n$ for the inputs.)

// %%
const auto draw_points = [](std::int64_t n) -> nn::data::Dataset {
  const Tensor points = 2.0 * rand({n, 2}, float64) - 1.0;
  const Tensor wave = 0.5 * sin(std::numbers::pi * select(points, 1, 0));
  return {points, (select(points, 1, 1) > wave).to(int64)};
};
seed(15);
const nn::data::Dataset train = draw_points(400), test = draw_points(1000);
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
const Tensor of_ones =
    linear(ones({400}, float64), nn::init::Gaussian{}({2000, 400}, float64, Generator(1)));
fmt::print("400 ones: z = {:.3f} +- {:.3f}\n", mean(of_ones).item(), stddev(of_ones).item());
const double too_large =
    400 * stddev(nn::init::Gaussian{}({400, 20}, float64, Generator(1))).item();
fmt::print("the initialiser on [m, n] = [400, 20]: {:.1f} times 1/m\n", too_large);

// %% [markdown]
// ## The procedure
//
// Which terms depend on $f^L$, asks the other study question. Four: $A^L = f^L(Z^L)$ (line 11), the
// loss (13), $\partial loss / \partial A^L = -y / A^L$ (15) and $\partial A^L / \partial Z^L$ (16).
// For matched pairs of output unit and loss (15) and (16) come to $A^L - y$: here, and for a linear
// unit with the squared loss, where $A^L = Z^L$. (17) is $A^{l-1} (\partial loss/\partial Z^l)^T$,
// (18) is $\partial loss / \partial Z^l$. The step size is $\eta(t) = \eta / (1 + t / \tau)$.

// %%
const auto forward = [](const Weights& w, const Tensor& x) {
  std::vector<Tensor> A = {x};                                        // line 8
  for (std::size_t l = 1; l <= L; ++l) {                              // line 9
    const Tensor Z = matmul(transpose(w.W[l]), A[l - 1]) + w.W0[l];   // line 10
    A.push_back(l < L ? tanh(Z) : softmax(Z, 0));                     // line 11
  }
  return A;
};
const auto back = [](const Weights& w, const std::vector<Tensor>& A, const Tensor& y) {
  std::vector<Tensor> dZ(L + 1);
  for (std::size_t l = L; l >= 1; --l) {                              // line 14
    const Tensor dA = l < L ? matmul(w.W[l + 1], dZ[l + 1]) : -y / A[L];  // line 15
    const Tensor dA_dZ = l < L ? diag(flatten(1.0 - square(A[l])))
                               : diag(flatten(A[L])) - matmul(A[L], transpose(A[L]));
    dZ[l] = matmul(dA_dZ, dA);                                        // line 16
  }
  return dZ;
};
const Tensor x = tensor({{0.5}, {-0.2}}, float64), y = tensor({{1.0}, {0.0}}, float64);
const Tensor A_L = forward(start, x)[L], dZ_L = back(start, forward(start, x), y)[L];
std::cout << "dloss/dZ^L " << flatten(dZ_L) << ", A^L - y " << flatten(A_L - y) << "\n";
const Tensor by_square = grad_of([&](const Tensor& z) { return nn::half_squared_error(z, y); }, x);
std::cout << "linear: " << flatten(by_square) << ", z - y " << flatten(x - y) << "\n";

const std::int64_t T = 3000;
const double eta = 0.3, tau = 2000;
const Tensor order = randint(0, train.size(), {T});  // which example comes when
Weights w = start;
std::vector<double> losses, accuracies;
std::vector<optim::Chart> charts;
const auto look_at = [&](std::int64_t step) {
  const auto above = [&](const Tensor& points) {  // its probability; examples in columns
    return forward(w, transpose(points))[L][1];
  };
  accuracies.push_back(nn::metric::accuracy(above(test.inputs()) > 0.5, test.targets()));
  fmt::print("step {:4}: {:.1f} % of 1000 new points right\n", step, 100 * accuracies.back());
  const optim::ChartOptions look{.title = fmt::format("Step {}", step), .width = 260,
                                 .x_limits = {-1, 1}, .y_limits = {-1, 1}, .equal_units = true,
                                 .axes = false};
  const optim::Field style{
      .scale = {optim::colour::pale_blue, "#ffffff", optim::colour::pale_orange}};
  charts.push_back({optim::points(train.inputs(), train.targets(), {"", ""}, {.size = 2}), look,
                    optim::field(above, look, style, 100, 100, float64)});
};
for (std::int64_t t = 0; t < T; ++t) {                                           // line 6
  if (t == 0 || t == 300) look_at(t);
  const auto [input, target] = train[order[t].item<std::int64_t>()];             // line 7
  const Tensor wanted = unsqueeze(one_hot(target, 2, float64), 1);
  const std::vector<Tensor> A = forward(w, unsqueeze(input, 1));                 // lines 8 to 12
  losses.push_back(-sum(wanted * log(A[L])).item());                             // line 13
  const std::vector<Tensor> dZ = back(w, A, wanted);                             // lines 14 to 16
  const double rate = eta / (1 + static_cast<double>(t) / tau);
  for (std::size_t l = 1; l <= L; ++l) {
    w.W[l] = w.W[l] - rate * matmul(A[l - 1], transpose(dZ[l]));                 // lines 17, 19
    w.W0[l] = w.W0[l] - rate * dZ[l];                                            // lines 18, 20
  }
}
look_at(T);
charts.push_back({{{.y = losses, .smoothing = 0.98}},
                  {.title = "Loss", .width = 260, .height = 260, .y_limits = {0, 2}}});
optim::save_picture("15_sgd_neural_net.svg", charts, 2);

// %% [markdown]
// ## The same by the library
//
// `nn::Linear` holds $W^T$, so it is given the transposed start. `cross_entropy` is softmax and
// nllm in one, `robbins_monro` is our $\eta(t)$, and the tape does lines 14 to 18.
//
// **Predict before you run on:** the two runs add up in another order inside. By how much will
// their weights differ after 3,000 steps?
//
// Then MIT's warning of equal starts: equal units get equal gradients, so that they stay equal.

// %%
const nn::Linear first(2, 16, {.dtype = float64}), second(16, 2, {.dtype = float64});
const nn::Sequential model(first, nn::Tanh(), second);
const auto learn = [&](const Weights& from, std::int64_t steps) {
  first.weight.set(transpose(from.W[1]));
  first.bias.set(flatten(from.W0[1]));
  second.weight.set(transpose(from.W[2]));
  second.bias.set(flatten(from.W0[2]));
  optim::SGD sgd(model.parameters(), {.lr = eta});
  optim::Schedule schedule(sgd, optim::robbins_monro(tau));
  for (std::int64_t t = 0; t < steps; ++t, schedule.step()) {
    const auto [input, target] = train[order[t].item<std::int64_t>()];
    sgd.zero_grad();
    nn::cross_entropy(model(input), target).backward();
    sgd.step();
  }
};
learn(start, T);
const double difference = max(abs(first.weight - transpose(w.W[1]))).item() +
                          max(abs(second.weight - transpose(w.W[2]))).item();
fmt::print("the same weights to 1e-12: {}\n", difference < 1e-12 ? "yes" : "no");
Weights equal = start;
equal.W[1] = full({2, 16}, 0.1, float64);
equal.W0[1] = zeros({16, 1}, float64);
equal.W[2] = tile(tensor({{0.1, -0.1}}, float64), {16, 1});
learn(equal, 100);
const Tensor units = first.weight.tensor().detach();
std::cout << "weights of unit 1: " << units[0] << ", of unit 16: " << units[15] << "\n";

// %% [markdown]
// ## What was learnt
//
// - Training is five steps: draw weights, pick an example, forward, back, descend.
// - Only four quantities depend on the output unit; for matched pairs they come to $A^L - y$.
// - Equal starts stay equal, so weights are drawn; deviation $1/m$ keeps units unsaturated.
//
// ## Exercises: fill in `15_sgd_neural_net_exercises.cpp`
//
// 1. Swap the output pair: write $f$ and both derivatives for sigmoid and its loss nll.
// 2. With $1/\sqrt m$ in place of $1/m$: the deviation of the pre-activation of $m$ ones?
//
// Next: [vanishing and exploding](16_vanishing.md).

// %% tags=["program"]
return report({{"weights by hand against the library", difference, 0, 1e-12},
               {"accuracy after 300 steps", accuracies[1], 0.88, 0.8},
               {"accuracy after 3000 steps", accuracies[2], 0.96, 0.95},
               {"initialiser on [m, n], times 1/m", too_large, 20, 19}});
}
