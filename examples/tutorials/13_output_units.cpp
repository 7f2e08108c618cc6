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
// the wrong pair of output unit and loss the gradient gets smaller, the worse the answer. This
// chapter measures that, and shows the pairs whose gradient is simply *prediction minus target*.
//
// It follows the slides to Goodfellow et al., chapter 6, "Cross-entropy cost function in logistic
// regression with 1 unit" and "Output Units", and MIT 6.390 notes, 6.3, 6.4 and the end of 6.6.
//
// ## One sigmoid unit, two costs
//
// A sigmoid output unit has two parts: a linear layer $z = w^T h + b$ on the features $h$, and the
// sigmoid, which makes a probability of it: $\hat y = \sigma(z) = 1 / (1 + e^{-z})$. Take one input
// $x$ with the target $y$, and call the output $a = \sigma(z)$. The slides compare two costs:
//
// $$C = \tfrac 12 (y - a)^2, \qquad C = -[y \ln a + (1 - y) \ln (1 - a)].$$
//
// By the chain rule the first has the gradient
// $\partial C / \partial w = (a - y)\, \sigma'(z)\, x$. In that of the second, *cross-entropy*, the
// slope $\sigma'(z) = a (1 - a)$ cancels: $x\, (\sigma(z) - y)$.

// %%
seed(13);
const nn::Sequential unit(nn::Linear(3, 1, {.dtype = float64}), nn::Sigmoid());
const Tensor h = randn({3}, float64);
const std::vector<Parameter> w_and_b = unit.parameters();
const Tensor by_hand = 1.0 / (1.0 + exp(-(dot(w_and_b[0][0], h) + w_and_b[1][0])));
fmt::print("Linear and Sigmoid, one after the other, are the unit: {}\n",
           abs(unit(h)[0] - by_hand).item() < 1e-14 ? "yes" : "no");
const auto number = [](double value) { return tensor(value, float64); };
const auto squared_cost = [](auto z, auto y) { return nn::half_squared_error(sigmoid(z), y); };
const auto cross_entropy_cost = [](auto z, auto y) { return nn::bce_with_logits(z, y); };
const Tensor x = number(0.5), y = number(1), w = number(1.5), b = number(-2);
const Tensor z = w * x + b, a = sigmoid(z), slope = a * (1.0 - a);
const auto by_w = [&](const auto& cost) {
  return grad_of([&](const Tensor& t) { return cost(t * x + b, y); }, w).item();
};
fmt::print("squared error: tape {:.6f}, (a - y) s'(z) x = {:.6f}, the slide's a s'(z) = {:.6f}\n",
           by_w(squared_cost), ((a - y) * slope * x).item(), (a * slope).item());
fmt::print("cross-entropy: tape {:.6f}, x (s(z) - y) = {:.6f}\n", by_w(cross_entropy_cost),
           (x * (a - y)).item());

// %% [markdown]
// The slide's $a\, \sigma'(z)$ holds for its example, $x = 1$ and $y = 0$, and for no other.
//
// ## Badly wrong
//
// Now that example, from $w = b = 2$, thus $z = 4$ and $a = 0.98$: the unit is nearly sure of the
// wrong answer. Both costs descend with the same step size 0.15.
//
// **Predict before you run on:** how many steps until $a < 0.1$, by either cost? They differ only
// in the factor $\sigma'(z)$, which is 0.018 at the start.

// %%
struct Descent { std::vector<double> errors; double steps = 0; };  // a - y, steps until it is 0.1
const auto descend = [&](const auto& cost) {
  Descent made;
  Tensor theta = tensor({2.0, 2.0}, float64);  // w, b
  for (int step = 0; step < 600; ++step) {
    made.errors.push_back(sigmoid(sum(theta)).item());
    made.steps += made.errors.back() >= 0.1;
    const auto C = [&](const Tensor& t) { return cost(t[0] * 1.0 + t[1], number(0)); };
    theta = theta - 0.15 * grad_of(C, theta);
  }
  return made;
};
const Descent by_squared = descend(squared_cost), by_cross = descend(cross_entropy_cost);
fmt::print("squared error: {} steps, cross-entropy: {} steps\n", by_squared.steps, by_cross.steps);

const Tensor range_of_z = linspace(-6, 6, 241, float64), s = sigmoid(range_of_z);
optim::save_picture("13_output_units.svg",
    {{{{.name = "squared error", .y = by_squared.errors},
       {.name = "cross-entropy", .y = by_cross.errors}},
      {.title = "How wrong the output is", .x_label = "step", .y_label = "a - y", .width = 520,
       .height = 300, .legend = true}},
     {{{.name = "squared error", .x = range_of_z, .y = s * s * (1.0 - s)},
       {.name = "cross-entropy", .x = range_of_z, .y = s}},
      {.title = "The gradient dC/dz for y = 0", .x_label = "z", .width = 520, .height = 300,
       .legend = true}}});

// %% [markdown]
// For 150 steps the squared error hardly moves. The lower chart says why: on the right, where the
// answer is most wrong, its gradient goes to 0, while that of cross-entropy goes to 1.
//
// ## From z, never from the probability
//
// The cancellation only happens if it is done on paper. `bce_with_logits(z, y)` has the gradient
// $\sigma(z) - y$ exactly. `bce_loss(sigmoid(z), y)` is given a rounded probability: at $z = 40$ it
// is exactly 1 in double precision; what $1 - a$ was is lost, and with it the gradient.
//
// The slides have a unit that is worse still: $P(y = 1 | x) = \max\{0, \min\{1, z\}\}$, a valid
// probability too. Outside $[0, 1]$ its slope is 0: nothing is learned there, whatever the cost.

// %%
fmt::print("gradient for y = 0    bce_with_logits   bce_loss(sigmoid)\n");
double from_probability = 0;
for (const double at : {4.0, 20.0, 40.0}) {
  const auto slope_of = [&](const auto& loss) { return grad_of(loss, number(at)).item(); };
  from_probability =
      slope_of([&](const Tensor& t) { return nn::bce_loss(sigmoid(t), number(0)); });
  fmt::print("z = {:4}             {:16.6f}  {:16.6f}\n", at,
             slope_of([&](const Tensor& t) { return nn::bce_with_logits(t, number(0)); }),
             from_probability);
}
const auto clamp_unit = [](const Tensor& t) { return sum(maximum(minimum(t, 1.0), 0.0)); };
std::cout << "slope of max(0, min(1, z)) at -0.5, 0.5, 1.5: "
          << grad_of(clamp_unit, tensor({-0.5, 0.5, 1.5}, float64)) << "\n";

// %% [markdown]
// ## Softmax: units that compete
//
// For $n$ classes there are $n$ numbers $z$, and
// $p_i = \mathrm{softmax}(z)_i = e^{z_i} / \sum_j e^{z_j}$. All $p$ are positive and add up to 1,
// so one can only grow at the cost of the others. The Jacobian says it:
// $\partial p / \partial z = \mathrm{diag}(p) - p p^T$, whose rows add up to 0. And when $z$ is
// scaled up, the *winner takes all*. A sigmoid unit is a softmax of two classes whose second $z$ is
// 0: $\sigma(z) = \mathrm{softmax}([z, 0])_1$. (The slide sets the *first* to 0, which gives the
// probability of the other class.)

// %%
const Tensor scores = tensor({1.0, 2.0, 0.5}, float64);
const Tensor p = softmax(scores);
const Tensor competition = jacobian([](const Tensor& t) { return softmax(t); }, scores);
std::cout << competition << "\n";
fmt::print("diag(p) - p p^T to 1e-14: {}; rows add up to 0: {}\n",
           max(abs(competition - (diag(p) - outer(p, p)))).item() < 1e-14,
           max(abs(sum(competition, 1))).item() < 1e-14);
for (const double scale : {1.0, 3.0, 10.0})
  fmt::print("softmax({:2} z) = {:.5f}\n", scale,
             fmt::join(softmax(scale * scores).values<double>(), ", "));
fmt::print("sigmoid(1) = {:.6f}, softmax([1, 0]) = {:.6f}\n", sigmoid(number(1)).item(),
           fmt::join(softmax(tensor({1.0, 0.0}, float64)).values<double>(), ", "));

// %% [markdown]
// ## Prediction minus target
//
// MIT's table in 6.4 pairs a loss with an output unit, and the end of 6.6 suggests to let the loss
// give $\partial loss / \partial Z^L$ directly. For all three pairs it is prediction minus target.
// Softmax in two steps, through $\partial loss / \partial A = -y / a$, comes to the same.

// %%
const Tensor outputs = tensor({0.3, -1.2, 2.0}, float64);
const Tensor targets = tensor({0.0, 1.0, 0.0}, float64);
const auto gradient_at = [&](const auto& loss) { return grad_of(loss, outputs); };
const Tensor linear_squared =
    gradient_at([&](const Tensor& t) { return nn::half_squared_error(t, targets); });
const Tensor sigmoid_nll = gradient_at([&](const Tensor& t) {
  return nn::bce_with_logits(t, targets, {.reduction = nn::Reduction::sum});
});
const Tensor softmax_nllm =
    gradient_at([&](const Tensor& t) { return nn::cross_entropy(t, tensor(1)); });
const Tensor da_dz = jacobian([](const Tensor& t) { return softmax(t); }, outputs);
const Tensor in_two_steps = matmul(da_dz, -targets / softmax(outputs));
const double pairs_off = (norm(linear_squared - (outputs - targets)) +
                          norm(sigmoid_nll - (sigmoid(outputs) - targets)) +
                          norm(softmax_nllm - (softmax(outputs) - targets)) +
                          norm(softmax_nllm - in_two_steps)).item();
std::cout << "linear, squared   z - y    " << linear_squared << "\n"
          << "sigmoid, nll      s(z) - y " << sigmoid_nll << "\n"
          << "softmax, nllm     p - y    " << softmax_nllm << "\n";
fmt::print("all as the formulas to 1e-14: {}\n", pairs_off < 1e-14 ? "yes" : "no");

// %% [markdown]
// ## What was learnt
//
// - A saturated output with a squared error hardly learns: 469 steps where cross-entropy takes 50.
// - Matched pairs of unit and loss have the gradient prediction minus target, however wrong.
// - Pass $z$ (the *logits*) to the loss, not the probability, which has already been rounded.
//
// ## Exercises: fill in `13_output_units_exercises.cpp`
//
// 1. MIT's nllm, $-\sum_k y_k \log a_k$, is NaN at $a = y = [1, 0]$. Which op has $0 \log 0 = 0$?
// 2. Write the binary cross-entropy of $z$ that neither overflows nor rounds at $z = \pm 800$.
// 3. The squared error needs 469 steps from $z = 4$. How many from $z = 6$? Predict, then count.
//
// Next: [units that learn their shape](14_hidden_units.md).

// %% tags=["program"]
return report({{"steps by squared error", by_squared.steps, 469, 469},
               {"steps by cross-entropy", by_cross.steps, 50, 50},
               {"gradient from the probability, z = 40", from_probability, 0, 1e-3},
               {"prediction minus target", pairs_off, 0, 1e-14}});
}
