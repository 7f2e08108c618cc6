// %% tags=["program"]
// Why a network needs a nonlinearity, and what its hidden layer learns: features.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <numbers>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;
using std::numbers::pi;

int main() {
// %% [markdown]
// # 12. Why a nonlinearity, and what it learns
//
// A deep network with the activations left out is no deeper than one matrix. With them it is a
// linear model again, but on *features* that it made itself, useful for tasks that it never saw.
//
// It follows the CS229 main notes, (7.29)-(7.34) (in the deep-learning notes (2.16)-(2.21)), MIT
// 6.390 notes, 6.3 with its study question, and the pages "Understand feedforward networks" and "A
// simple feedforward network" of the slides to Goodfellow et al., chapter 6.
//
// ## Linear layers collapse
//
// Let every activation be the identity. With two layers, weights $W^{[1]}$ and $W^{[2]}$, no
// biases, and the input $x$,
//
// $$\bar h_\theta(x) = W^{[2]} a^{[1]} = W^{[2]} W^{[1]} x = \tilde W x \quad\text{with}\quad
// \tilde W = W^{[2]} W^{[1]}.$$
//
// That is (7.29)-(7.33). MIT has $L$ layers, $W^{total} = W^{L\,T} \cdots W^{1\,T}$, and the slides
// call the product $w' = W w$. `nn::Linear` keeps its weight in CS229's shape, so the last layer
// stands on the left. With biases the network is $\tilde W x + \tilde b$, where $\tilde b$ is what
// it says to $x = 0$.

// %%
seed(12);
const nn::LinearOptions wide{.dtype = float64};
const std::vector<nn::Linear> linear_layers = {nn::Linear(4, 7, wide), nn::Linear(7, 9, wide),
                                               nn::Linear(9, 5, wide), nn::Linear(5, 3, wide)};
const auto deep_linear = [&](const Tensor& x) {
  Tensor a = x;
  for (const nn::Linear& layer : linear_layers) a = layer(a);  // no activation in between
  return a;
};
Tensor total = eye(4, 4, float64);
for (const nn::Linear& layer : linear_layers) total = matmul(layer.weight, total);
const Tensor shift = deep_linear(zeros({4}, float64)), points = randn({100, 4}, float64);
const double collapse = max(abs(deep_linear(points) - linear(points, total, shift))).item();
const double slopes = max(abs(jacobian(deep_linear, points[0]) - total)).item();
std::int64_t parameters = 0;
for (const nn::Linear& layer : linear_layers) parameters += layer.parameter_count();
fmt::print("4 linear layers, {} parameters, are one of {} to 1e-14: {}\n", parameters,
           total.numel() + shift.numel(), collapse < 1e-14 ? "yes" : "no");
fmt::print("the product of the weights is the network's Jacobian to 1e-14: {}\n",
           slopes < 1e-14 ? "yes" : "no");

// %% [markdown]
// ## Features from a book
//
// So a model needs something that is not linear. The oldest way keeps the model linear and replaces
// the input $x$ by a list of fixed functions of it, the *feature map* $\phi(x)$. Powers
// $1, x, x^2, \dots, x^n$ or waves $\sin kx$ can approximate any continuous function, so why not
// take them? The slides name two accidents. *Runge's* is a polynomial of degree $n$ through $n + 1$
// equally spaced points of $1 / (1 + 25 x^2)$. *Gibbs's* are the waves
// $\frac 4\pi \sum_{k\ odd} \frac{\sin kx}{k}$ of a square wave that jumps from $-1$ to $1$.
//
// **Predict before you run on:** the polynomial is exact at all its points. What happens between
// them when the degree grows from 5 to 10 to 15? And do more waves help next to the jump?

// %%
const auto runge = [](const Tensor& x) { return 1.0 / (1.0 + 25.0 * square(x)); };
const auto powers = [](const Tensor& x, std::int64_t degree) {
  return pow(unsqueeze(x, 1), unsqueeze(arange(0, degree + 1).to(float64), 0));  // [n, degree + 1]
};
const Tensor fine = linspace(-1, 1, 2001, float64);
std::vector<double> runge_errors;
std::vector<optim::Series> runge_curves;
for (const std::int64_t degree : {5, 10, 15}) {
  const Tensor nodes = linspace(-1, 1, degree + 1, float64);
  const Tensor coefficients = solve(powers(nodes, degree), runge(nodes));
  const Tensor polynomial = matmul(powers(fine, degree), coefficients);
  runge_errors.push_back(max(abs(polynomial - runge(fine))).item());
  runge_curves.push_back({.name = fmt::format("degree {}", degree), .x = fine, .y = polynomial});
  fmt::print("degree {:2}: largest error between the points {:.2f}\n", degree, runge_errors.back());
}
const Tensor near_jump = linspace(0, 0.5, 20001, float64);
double gibbs = 0;
for (const int waves : {10, 50, 250}) {
  Tensor wave = zeros_like(near_jump);
  for (int k = 1; k < 2 * waves; k += 2) wave = wave + sin(k * near_jump) * (4 / (pi * k));
  gibbs = max(wave).item();
  fmt::print("{:3} waves: highest value {:.5f}, should be 1\n", waves, gibbs);
}
runge_curves.push_back({.name = "the function", .x = fine, .y = runge(fine),
                        .mark = optim::Mark::dashes, .colour = optim::colour::dark});
optim::save_picture("12_runge.svg",
    {{runge_curves, {.title = "Runge: more powers, more error", .x_label = "x", .width = 520,
                     .height = 340, .y_limits = {-0.5, 2.5}, .legend = true}}});

// %% [markdown]
// More features, larger error; and next to the jump more waves overshoot as far.
//
// ## Features that are learned
//
// The other way learns $\phi$. Let $\beta$ be all the parameters of a network but those of its last
// layer. Then, with $r$ layers, (7.34) says
//
// $$\bar h_\theta(x) = W^{[r]} \phi_\beta(x) + b^{[r]}, \qquad \phi_\beta(x) = a^{[r-1]}.$$
//
// The network below has 20 tanh units between one input and one output. It learns $\sin(2 \pi x)$
// from 200 points. Then hold $\beta$ fixed: what is left is linear regression on 20 features, and
// `lstsq` finds the last layer of the least squared error at once. (Its last argument leaves out
// combinations of features that are smaller than $10^{-5}$ of the largest.)
//
// And nothing ties the features to the sine. The same 20 functions, with another last layer, can
// serve *another task*: here $\cos(2 \pi x)$, which the network never saw. For comparison, both
// tasks on 20 features that nobody trained.

// %%
struct Network : nn::Module {
  nn::Linear hidden = child("hidden", nn::Linear(1, 20, {.dtype = float64}));
  nn::Linear output = child("output", nn::Linear(20, 1, {.dtype = float64}));
  Tensor features(const Tensor& x) const { return tanh(hidden(x)); }  // phi: [n, 1] -> [n, 20]
  Tensor operator()(const Tensor& x) const { return output(features(x)); }
};
seed(1);
const Network network;
const Tensor x = unsqueeze(linspace(-1, 1, 200, float64), 1), target = sin(2 * pi * x);
optim::Adam adam(network.parameters(), {.lr = 0.01});
for (int step = 0; step < 3000; ++step) {
  if (step == 2500) adam.lr() = 1e-3;  // steps that stay large keep the error from settling
  const Tensor loss = nn::mse_loss(network(x), target);
  adam.zero_grad();
  loss.backward();
  adam.step();
}
const double trained = nn::mse_loss(network(x), target).item();
const auto best_last_layer = [&x](const Network& of, const Tensor& wanted) {
  const Tensor phi = concat({of.features(x), ones({200, 1}, float64)}, 1);  // the last column is b
  return mean(square(matmul(phi, lstsq(phi, wanted, 1e-5)) - wanted)).item();
};
const Tensor other_target = cos(2 * pi * x);
const double refitted = best_last_layer(network, target);
const double other_task = best_last_layer(network, other_target);
seed(11);
const Network untrained;
const double untrained_cosine = best_last_layer(untrained, other_target);
fmt::print("sine, trained by gradient descent         {:.1e}\n", trained);
fmt::print("sine, last layer in closed form           {:.1e}\n", refitted);
fmt::print("cosine, on the features of the sine       {:.1e}\n", other_task);
fmt::print("sine, on features that nobody trained     {:.1e}\n",
           best_last_layer(untrained, target));
fmt::print("cosine, on features that nobody trained   {:.1e}\n", untrained_cosine);
const Tensor learned = network.features(x);
std::vector<optim::Series> feature_curves;
for (std::int64_t j = 0; j < 20; ++j)
  feature_curves.push_back({.x = x, .y = select(learned, 1, j), .colour = optim::colour::blue,
                            .opacity = 0.6});
optim::save_picture("12_features.svg",
    {{feature_curves, {.title = "The 20 learned features", .x_label = "x", .width = 520,
                       .height = 280}},
     {{{.name = "target", .x = x, .y = target, .colour = optim::colour::pale_orange, .size = 6},
       {.name = "network", .x = x, .y = network(x)}},
      {.title = "What the last layer makes of them", .x_label = "x", .width = 520, .height = 280,
       .legend = true}}});

// %% [markdown]
// The features of the sine are some hundred times better for the cosine than untrained ones. They
// hold what both tasks need: enough bends, in the right places.
//
// ## What was learnt
//
// - Without a nonlinearity all layers together are one matrix, the product of theirs.
// - Fixed features can fail badly between the data; learned ones are shaped by the task.
// - A trained network is a linear model on learned features, and the features can be used again.
//
// ## Exercises: fill in `12_features_exercises.cpp`
//
// 1. The bias of the collapsed network, from $W^{[1]}, b^{[1]}, W^{[2]}, b^{[2]}$.
// 2. How many directions do the 20 features of a trained network really have? Take their principal
//    components (subtract the means, then `svdvals`), and count what holds 99.9 % of the variance.
// 3. Train a network on the ten digits, keep its 32 hidden features, and let `lstsq` tell odd from
//    even ones by them.
//
// Next: [output units and saturation](13_output_units.md).

// %% tags=["program"]
return report({{"collapse of linear layers", collapse, 0, 1e-14},
               {"Runge, degree 5", runge_errors[0], 0.433, 0.434},
               {"Runge, degree 15", runge_errors[2], 2.107, 2.1},
               {"Gibbs overshoot", gibbs, 1.179, 1.1789},
               {"closed form over trained", refitted / trained, 0.222, 1},
               {"another task", other_task, 2.19e-5, 1e-4},
               {"cosine, untrained against trained", untrained_cosine / other_task, 263, 30}});
}
