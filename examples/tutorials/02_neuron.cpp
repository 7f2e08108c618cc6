// %% tags=["program"]
// One neuron on house prices: its gradient by hand and by the tape; then twelve parameters.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <iostream>
#include <vector>

#include "folds.hpp"
#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 2. One neuron, then twelve parameters
//
// A neuron is a line with a bend. This chapter fits one to house prices, derives its gradient on
// paper, finds starts from which it can never learn, and then stacks neurons into a network. It
// follows the CS229 deep-learning notes, (2.1)-(2.3) and (3.4)-(3.7), the CS229 main notes, (7.13),
// and the introduction and section 6.1 of the MIT 6.390 notes.
//
// ## A price is never negative
//
// The notes begin with the price $y$ of a house of size $x$. A straight line $w x + b$ predicts
// negative prices for small houses. A neuron cuts them off, (2.1):
//
// $$h_\theta(x) = \max(w x + b, 0), \qquad \theta = (w, b)$$
//
// The function $\operatorname{ReLU}(t) = \max\{t, 0\}$ is its *activation function*. Here are 47
// made-up houses. The line has a formula; the neuron is fitted from there by steps against the
// gradient of the mean squared error (chapter 4).

// %%
seed(1);
const Tensor sizes = 0.5 + 4.5 * rand({47}, float64);
const Tensor prices = relu(2.0 * (sizes - 1.6) + 0.55 * randn({47}, float64));
const Tensor columns = stack({sizes, ones_like(sizes)}, 1);  // [47, 2]: the line's best fit
const Tensor best_line = lstsq(columns, prices);
const double line_error = mean(square(matmul(columns, best_line) - prices)).item();
fmt::print("line:   {:.3f} x + {:.3f}, mean squared error {:.3f}\n", best_line[0].item(),
           best_line[1].item(), line_error);
const auto neuron = [&](const Tensor& theta) { return relu(theta[0] * sizes + theta[1]); };
const auto house_cost = [&](const Tensor& theta) { return mean(square(neuron(theta) - prices)); };
Tensor theta = best_line;
for (int step = 0; step < 2000; ++step) theta = theta - 0.05 * grad_of(house_cost, theta);
const double kink_error = house_cost(theta).item();
fmt::print("neuron: max({:.3f} x + {:.3f}, 0), mean squared error {:.3f}\n", theta[0].item(),
           theta[1].item(), kink_error);
const Tensor axis = linspace(0.0, 5.0, 101, float64);
optim::save_picture("02_neuron.svg",
    {{{{.name = "houses", .x = sizes, .y = prices, .mark = optim::Mark::points, .size = 3},
       {.name = "line", .x = axis, .y = best_line[0] * axis + best_line[1],
        .mark = optim::Mark::dashes},
       {.name = "neuron", .x = axis, .y = relu(theta[0] * axis + theta[1])}},
      {.title = "47 houses: a line and a neuron", .x_label = "size in 1,000 square feet",
       .y_label = "price in 100,000 dollars", .width = 420, .height = 300, .legend = true}}});

// %% [markdown]
// The neuron rises more steeply behind its bend. Its error is a quarter less.
//
// ## The gradient by hand
//
// With several features $x \in \mathbb{R}^d$ the neuron has a weight for each: the CS229 notes
// write $h = \operatorname{ReLU}(w^\top x + b)$, (2.2), the MIT notes $a = f(w^\top x + w_0)$ for
// any activation $f$. For one example the steps are (3.4)-(3.6):
//
// $$z = w^\top x + b, \qquad o = \operatorname{ReLU}(z), \qquad J = \tfrac12 (y - o)^2$$
//
// The chain rule, (3.7), multiplies three local derivatives:
//
// $$\frac{\partial J}{\partial w_i} = \frac{\partial J}{\partial o} \frac{\partial o}{\partial z}
// \frac{\partial z}{\partial w_i} = (o - y) \cdot 1\{z > 0\} \cdot x_i$$
//
// and $\partial J / \partial b$ is the same without $x_i$. (The notes have $1\{z \ge 0\}$. The two
// differ only at $z = 0$, where `relu` takes the slope 0; see chapter 6.)
//
// A study question of MIT 6.1 asks for $f(z) = e^z$ and the loss $(a - y)^2$. Since $f' = f = a$,
// the gradient is $2 (a - y)\, a\, x$ for $w$ and $2 (a - y)\, a$ for $w_0$.

// %%
const Tensor x = tensor({2.0, -1.0, 0.5}, float64);
const Tensor w = tensor({0.3, -0.2, 0.4}, float64).requires_grad("w");
const Tensor b = tensor(0.1, float64).requires_grad("b");
const double y = 2.0;
const Tensor z = dot(w, x) + b, o = relu(z);
const std::vector<Tensor> by_tape = grad(0.5 * square(y - o), {w, b});
const Tensor delta = (o.detach() - y) * (z > 0.0).to(float64);  // dJ/dz
std::cout << "by tape: dJ/dw = " << by_tape[0] << ", dJ/db = " << by_tape[1] << "\n"
          << "by hand: dJ/dw = " << delta * x << ", dJ/db = " << delta << "\n";
const Tensor as_layer = relu(linear(x, unsqueeze(w, 0), unsqueeze(b, 0)));  // nn::Linear(3, 1)
fmt::print("o = {:.4f}, by a layer of one unit {:.4f}\n", o.item(), as_layer.item());
const auto exponential_loss = [&](const Tensor& v) { return square(exp(dot(v, x) + b) - y); };
const Tensor a = exp(dot(w, x) + b).detach();
std::cout << "e^z by tape: " << grad_of(exponential_loss, w.detach())
          << "\ne^z by hand: " << 2.0 * (a - y) * a * x << "\n";

// %% [markdown]
// ## A start from which nothing is learnt
//
// **Predict before you run on:** start the house neuron at $w = -1$, $b = -0.5$, so that $z < 0$
// for every house and every prediction is 0. Where will it be after 1,000 steps?

// %%
Tensor dead = tensor({-1.0, -0.5}, float64);
for (int step = 0; step < 1000; ++step) dead = dead - 0.05 * grad_of(house_cost, dead);
std::cout << "after 1,000 steps: " << dead << "\ngradient: " << grad_of(house_cost, dead) << "\n";

// %% [markdown]
// Where it was: the factor $1\{z > 0\}$ is 0 for every house. Such a unit is called *dead*. A
// network with many units survives some dead ones; chapter 5 counts what happens with two.
//
// ## The first neurons had steps
//
// McCulloch and Pitts (1943), with whom the MIT notes begin, used $\operatorname{step}(z)$: 0 for
// $z < 0$ and 1 otherwise, or `heaviside(z, 1)`. $\operatorname{step}(x_1 + x_2 - 2)$ is a logical
// AND. It cannot be trained by gradients, as its slope is 0 wherever it has one.
//
// ## Twelve parameters
//
// The notes now stack neurons. From size $x_1$, bedrooms $x_2$, zip code $x_3$ and wealth $x_4$
// they build three *hidden units* and a linear output, (2.3) or (7.13):
//
// $$\begin{aligned} a_1 &= \operatorname{ReLU}(\theta_1 x_1 + \theta_2 x_2 + \theta_3)
// \\ a_2 &= \operatorname{ReLU}(\theta_4 x_3 + \theta_5)
// \\ a_3 &= \operatorname{ReLU}(\theta_6 x_3 + \theta_7 x_4 + \theta_8)
// \\ h_\theta(x) &= \theta_9 a_1 + \theta_{10} a_2 + \theta_{11} a_3 + \theta_{12} \end{aligned}$$
//
// The units stand for family size, walkability and school quality. Here $\theta$ is one tensor of
// 12 numbers, and `gradcheck` compares its gradient with finite differences.
//
// The data are 506 districts of Boston, with rooms for $x_1$, pupils per teacher for $x_2$,
// distance to work for $x_3$ and the share of poor households for $x_4$. A network trained on four
// fifths predicts the other, in turn; $R^2$ is the share of the variance that is explained.

// %%
const Tensor bits = tensor({{0.0, 0.0}, {0.0, 1.0}, {1.0, 0.0}, {1.0, 1.0}}, float64);
const Tensor both = heaviside(sum(bits, 1) - 2.0, tensor(1.0, float64));
std::cout << "x1 AND x2 = step(x1 + x2 - 2) = " << both << "\n";
const auto house_network = [](const Tensor& parameters, const Tensor& features) {
  const std::vector<Tensor> t = unbind(parameters), f = unbind(features, 1);
  const Tensor a1 = relu(t[0] * f[0] + t[1] * f[1] + t[2]);
  const Tensor a2 = relu(t[3] * f[2] + t[4]);
  const Tensor a3 = relu(t[5] * f[2] + t[6] * f[3] + t[7]);
  return t[8] * a1 + t[9] * a2 + t[10] * a3 + t[11];
};
const Generator generator(2);
const Tensor some = randn({8, 4}, float64, generator);
const auto network_on_some = [&](const Tensor& p) { return house_network(p, some); };
std::cout << gradcheck(network_on_some, randn({12}, float64, generator)) << "\n";
const Tensor boston =
    load_csv(GRADTAPE_EXAMPLE_DATA "/boston_without_b.csv.gz", {.header = true}).to(float64);
const Tensor four_columns = index_select(boston, 1, tensor({5, 10, 7, 11}));
const nn::data::Dataset houses(four_columns, select(boston, 1, 12));
const auto trained = [](const auto& model, std::int64_t count) {
  return [=](const nn::data::Dataset& train) {
    const auto standardiser = nn::data::Standardiser::fit(train);
    const Tensor features = standardiser.apply(train.inputs());
    const Parameter p(0.3 * randn({count}, float64), "theta");
    optim::Adam adam({p}, {.lr = 0.3});
    for (int step = 0; step < 500; ++step) {
      const Tensor loss = nn::mse_loss(model(p, features), train.targets());
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
    return [=](const Tensor& inputs) { return model(p, standardiser.apply(inputs)); };
  };
};
const auto fully_connected = [](const Tensor& t, const Tensor& features) {  // t: [19]
  const Tensor W1 = reshape(at(t, {range(0, 12)}), {3, 4}), b1 = at(t, {range(12, 15)});
  return matmul(relu(linear(features, W1, b1)), at(t, {range(15, 18)})) + t[18];
};
const double network_r2 = held_out_r_squared(houses, trained(house_network, 12));
const double full_r2 = held_out_r_squared(houses, trained(fully_connected, 19));
fmt::print("held-out R^2: linear {:.3f}, 12 parameters {:.3f}, 19 parameters {:.3f}\n",
           held_out_r_squared(houses, fit_linear, 1), network_r2, full_r2);

// %% [markdown]
// Twelve numbers wired by hand beat the linear model. Leaving the wiring to training gains more.
//
// ## What was learnt
//
// - A neuron is $f(w^\top x + b)$; its gradient is a product of three local factors.
// - Where a ReLU is off for every example, its gradient is exactly 0 and it stays as it is.
// - Stacked neurons are a function of one long $\theta$; the tape does not care how they are wired.
//
// ## Exercises: fill in `02_neuron_exercises.cpp`
//
// 1. Take one step of gradient descent for $f(z) = e^z$ and the squared loss.
// 2. Which starts $(w, b)$ of the house neuron never learn, if all sizes lie in $[0.5, 5]$?
// 3. AND and OR by units with the notes' step; is there one for exclusive or?
//
// Next: [where losses come from](03_losses.md).

// %% tags=["program"]
return report({{"error of the neuron", kink_error, 0.297, 0.31},
               {"held-out R^2, 12 parameters", network_r2, 0.745, 0.72}});
}
