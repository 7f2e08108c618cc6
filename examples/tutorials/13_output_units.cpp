// %% tags=["program"]
// Output units and their losses: which pairs learn fast from a wrong answer, which hardly at all.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 13. Output units and saturation
//
// A model that is wrong should learn quickly, and one that is badly wrong most quickly of all. With
// the wrong pair of output unit and loss it is the other way round: the worse the answer, the
// smaller the gradient. This chapter measures that, and shows the pairs for which the gradient is
// simply *prediction minus target*.
//
// It follows the slides to Goodfellow et al., chapter 6, "Cross-entropy cost function in logistic
// regression with 1 unit" and "Output Units", and MIT 6.390 notes, 6.3, 6.4 and the end of 6.6.
//
// ## One sigmoid unit, two costs
//
// A sigmoid output unit has two parts: a linear layer $z = w^T h + b$ on the features $h$, and the
// sigmoid, which makes a probability of $z$: $\hat y = \sigma(z) = 1 / (1 + e^{-z})$. As a model:

// %%
seed(13);
const nn::Sequential unit(nn::Linear(3, 1, {.dtype = float64}), nn::Sigmoid());
const Tensor h = randn({3}, float64);
const std::vector<Parameter> w_and_b = unit.parameters();
const Tensor by_hand = 1.0 / (1.0 + exp(-(dot(w_and_b[0][0], h) + w_and_b[1][0])));
const double two_parts = abs(unit(h)[0] - by_hand).item();
fmt::print("Linear and Sigmoid, one after the other, are the unit: {}\n",
           two_parts < 1e-14 ? "yes" : "no");

// %% [markdown]
// Take one input $x$ with the target $y$, and call the output $a = \sigma(z)$ with $z = w x + b$.
// The slides compare two costs:
//
// $$C = \tfrac 12 (y - a)^2, \qquad C = -[y \ln a + (1 - y) \ln (1 - a)].$$
//
// By the chain rule the first has the gradient
// $\partial C / \partial w = (a - y)\, \sigma'(z)\, x$. In that of the second, *cross-entropy*, the
// slope $\sigma'(z) = a (1 - a)$ cancels: $x\, (\sigma(z) - y)$.

// %%
const auto number = [](double value) { return tensor(value, float64); };
const auto squared_cost = [](const Tensor& z, const Tensor& y) {
  return nn::half_squared_error(sigmoid(z), y);
};
const auto cross_entropy_cost = [](const Tensor& z, const Tensor& y) {
  return nn::bce_with_logits(z, y);  // the formula above, as a function of z
};

const Tensor x = number(0.5), y = number(1), w = number(1.5), b = number(-2);
const Tensor z = w * x + b, a = sigmoid(z), slope = a * (1.0 - a);
const double dw_squared =
    grad_of([&](const Tensor& t) { return squared_cost(t * x + b, y); }, w).item();
const double dw_cross =
    grad_of([&](const Tensor& t) { return cross_entropy_cost(t * x + b, y); }, w).item();
fmt::print("squared error: tape {:.6f}, (a - y) s'(z) x = {:.6f}, the slide's a s'(z) = {:.6f}\n",
           dw_squared, ((a - y) * slope * x).item(), (a * slope).item());
fmt::print("cross-entropy: tape {:.6f}, x (s(z) - y) = {:.6f}\n", dw_cross,
           (x * (a - y)).item());

// %% [markdown]
// The slide goes on from $(a - y) \sigma'(z) x$ to $a\, \sigma'(z)$, and uses that in its update.
// It holds for its example, $x = 1$ and $y = 0$, and for no other, as the first line shows.
//
// ## Badly wrong
//
// Now that example: $x = 1$, $y = 0$, and a start at $w = b = 2$, thus $z = 4$ and $a = 0.98$. The
// unit is nearly sure of the wrong answer. Both costs descend with the same step size 0.15.
//
// **Predict before you run on:** how many steps until $a < 0.1$, by either cost? They differ only
// in the factor $\sigma'(z)$, which is 0.018 at the start.

// %%
const auto descend = [&number](const auto& cost) {
  std::vector<Tensor> theta = {number(2), number(2)};  // w, b
  std::vector<double> errors;                          // a - y, before each step
  for (int step = 0; step < 600; ++step) {
    errors.push_back(sigmoid(theta[0] + theta[1]).item());
    const std::vector<Tensor> gradient = grad_of(
        [&](const std::vector<Tensor>& t) { return cost(t[0] * 1.0 + t[1], number(0)); }, theta);
    for (std::size_t i = 0; i < 2; ++i) theta[i] = theta[i] - 0.15 * gradient[i];
  }
  return errors;
};
const auto steps_until_right = [](const std::vector<double>& errors) {
  std::size_t step = 0;
  while (errors[step] >= 0.1) ++step;
  return static_cast<double>(step);
};
const std::vector<double> by_squared = descend(squared_cost);
const std::vector<double> by_cross = descend(cross_entropy_cost);
fmt::print("squared error: {} steps, cross-entropy: {} steps\n", steps_until_right(by_squared),
           steps_until_right(by_cross));

const Tensor range_of_z = linspace(-6, 6, 241, float64), s = sigmoid(range_of_z);
optim::save_picture(
    "13_output_units.svg",
    {{.series = {{.name = "squared error", .y = by_squared},
                 {.name = "cross-entropy", .y = by_cross}},
      .options = {.title = "How wrong the output is", .x_label = "step", .y_label = "a - y",
                  .width = 520, .height = 300, .legend = true}},
     {.series = {{.name = "squared error", .x = range_of_z, .y = s * s * (1.0 - s)},
                 {.name = "cross-entropy", .x = range_of_z, .y = s}},
      .options = {.title = "The gradient dC/dz for y = 0", .x_label = "z",
                  .width = 520, .height = 300, .legend = true}}});

// %% [markdown]
// For 150 steps the squared error hardly moves. The lower chart says why: on the right, where the
// answer is most wrong, its gradient goes to 0, while that of cross-entropy goes to 1.
//
// ## From z, never from the probability
//
// The cancellation only happens if it is done on paper. `bce_with_logits(z, y)` is given $z$ and
// has the gradient $\sigma(z) - y$ exactly. `bce_loss(sigmoid(z), y)` is given a rounded
// probability. At $z = 40$ it is exactly 1 in double precision; what $1 - a$ was is lost, and with
// it the gradient.

// %%
fmt::print("gradient for y = 0    bce_with_logits   bce_loss(sigmoid)\n");
double from_logits = 0, from_probability = 0;
for (const double at : {4.0, 20.0, 40.0}) {
  const Tensor wrong = number(0);
  from_logits = grad_of([&](const Tensor& t) { return nn::bce_with_logits(t, wrong); }, number(at))
                    .item();
  from_probability =
      grad_of([&](const Tensor& t) { return nn::bce_loss(sigmoid(t), wrong); }, number(at))
          .item();
  fmt::print("z = {:4}             {:16.6f}  {:16.6f}\n", at, from_logits, from_probability);
}

// %% [markdown]
// The slides have a unit that is worse still: $P(y = 1 | x) = \max\{0, \min\{1, z\}\}$, which is a
// valid probability too. Outside $[0, 1]$ its slope is 0, so that nothing is learned there,
// whatever the cost.

// %%
const Tensor places = tensor({-0.5, 0.5, 1.5}, float64);
const Tensor clamp_slopes = grad_of(
    [](const Tensor& t) { return sum(maximum(minimum(t, 1.0), 0.0)); }, places);
std::cout << "slope of max(0, min(1, z)) at -0.5, 0.5, 1.5: " << clamp_slopes << "\n";

// %% [markdown]
// ## Softmax: units that compete
//
// For $n$ classes there are $n$ numbers $z$, and
// $p_i = \mathrm{softmax}(z)_i = e^{z_i} / \sum_j e^{z_j}$. All $p$ are positive and add up to 1,
// so one can only grow at the cost of the others. The Jacobian says it:
// $\partial p / \partial z = \mathrm{diag}(p) - p p^T$, whose rows add up to 0. And when $z$ is
// scaled up, the *winner takes all*.

// %%
const Tensor scores = tensor({1.0, 2.0, 0.5}, float64);
const Tensor p = softmax(scores);
const Tensor competition = jacobian([](const Tensor& t) { return softmax(t); }, scores);
const double softmax_jacobian = max(abs(competition - (diag(p) - outer(p, p)))).item();
std::cout << competition << "\n";
fmt::print("diag(p) - p p^T to 1e-14: {}; rows add up to 0: {}\n",
           softmax_jacobian < 1e-14 ? "yes" : "no",
           max(abs(sum(competition, 1))).item() < 1e-14 ? "yes" : "no");
for (const double scale : {1.0, 3.0, 10.0}) {
  const auto winner = softmax(scale * scores).values<double>();
  fmt::print("softmax({:2} z) = {:.5f}, {:.5f}, {:.5f}\n", scale, winner[0], winner[1], winner[2]);
}

// %% [markdown]
// A sigmoid unit is a softmax of two classes whose second $z$ is 0:
// $\sigma(z) = \mathrm{softmax}([z, 0])_1$. The slide sets the *first* to 0, which is the
// probability of the other class:

// %%
const double sigma = sigmoid(number(1)).item();
const double of_z_0 = softmax(tensor({1.0, 0.0}, float64))[0].item();
const double of_0_z = softmax(tensor({0.0, 1.0}, float64))[0].item();
fmt::print("sigmoid(1) = {:.6f}, softmax([1, 0])_1 = {:.6f}, softmax([0, 1])_1 = {:.6f}\n", sigma,
           of_z_0, of_0_z);

// %% [markdown]
// ## Prediction minus target
//
// MIT's table in 6.4 pairs a loss with an output unit, and the end of 6.6 suggests to let the loss
// give $\partial loss / \partial Z^L$ directly. For all three pairs it is prediction minus target.
// Softmax in two steps, through $\partial A / \partial Z$ and
// $\partial loss / \partial A = -y / a$, comes to the same.

// %%
const Tensor outputs = tensor({0.3, -1.2, 2.0}, float64);
const Tensor targets = tensor({0.0, 1.0, 0.0}, float64);
const auto gradient_at = [&outputs](const auto& loss) { return grad_of(loss, outputs); };
const Tensor linear_squared =
    gradient_at([&](const Tensor& t) { return nn::half_squared_error(t, targets); });
const Tensor sigmoid_nll = gradient_at([&](const Tensor& t) {
  return nn::bce_with_logits(t, targets, {.reduction = nn::Reduction::sum});
});
const Tensor softmax_nllm =
    gradient_at([&](const Tensor& t) { return nn::cross_entropy(t, tensor(1)); });
const Tensor da_dz = jacobian([](const Tensor& t) { return softmax(t); }, outputs);
const Tensor in_two_steps = matmul(da_dz, -targets / softmax(outputs));
const double worst_pair =
    std::max({max(abs(linear_squared - (outputs - targets))).item(),
              max(abs(sigmoid_nll - (sigmoid(outputs) - targets))).item(),
              max(abs(softmax_nllm - (softmax(outputs) - targets))).item(),
              max(abs(softmax_nllm - in_two_steps)).item()});
std::cout << "linear, squared   z - y    " << linear_squared << "\n"
          << "sigmoid, nll      s(z) - y " << sigmoid_nll << "\n"
          << "softmax, nllm     p - y    " << softmax_nllm << "\n";
fmt::print("all as the formulas to 1e-14: {}\n", worst_pair < 1e-14 ? "yes" : "no");

// %% [markdown]
// ## What was learnt
//
// - A saturated output with a squared error hardly learns: 469 steps where cross-entropy takes 50.
// - Matched pairs of unit and loss have the gradient prediction minus target, however wrong they
//   are.
// - Pass $z$ (the *logits*) to the loss, not the probability, which has already been rounded.
//
// ## Exercises
//
// `13_output_units_exercises.cpp` has a hole for each; fill it in and run it.
//
// 1. MIT's nllm is $-\sum_k y_k \log a_k$. At $a = [1, 0]$, $y = [1, 0]$ it should be 0, but the
//    formula gives NaN. Which op has $0 \log 0 = 0$?
// 2. Write the binary cross-entropy as a function of $z$ that neither overflows nor rounds at
//    $z = \pm 800$.
// 3. The squared error starts at $z = 4$ and needs 469 steps. How many from $z = 6$? Predict, then
//    count.
//
// Next: [units that learn their shape](14_hidden_units.md).

// %% tags=["program"]
return report({{"steps by squared error", steps_until_right(by_squared), 469, 469},
               {"steps by cross-entropy", steps_until_right(by_cross), 50, 50},
               {"gradient from logits, z = 40", from_logits, 1, 0.999999},
               {"gradient from the probability, z = 40", from_probability, 0, 1e-3},
               {"slopes of the clamp unit", sum(clamp_slopes).item(), 1, 0.999},
               {"softmax Jacobian", softmax_jacobian, 0, 1e-14},
               {"sigmoid as softmax([z, 0])", std::abs(sigma - of_z_0), 0, 1e-14},
               {"prediction minus target", worst_pair, 0, 1e-14},
               {"sigmoid unit in two parts", two_parts, 0, 1e-14}});
}
