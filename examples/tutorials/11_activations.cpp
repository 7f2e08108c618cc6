// %% tags=["program"]
// Activations drawn with their slopes: which saturate, which have a kink, which a curvature.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 11. Activations, drawn
//
// Between two matrices of a network stands one function of one number. Backpropagation multiplies
// by its slope at every layer, so it decides how fast the network learns, and whether it learns at
// all. This chapter draws each function *and its slope*.
//
// It follows the CS229 main notes, (7.24)-(7.28) with Figure 7.3, MIT 6.390 notes, 6.3 with its
// study questions, and the pages "Hidden Units" of the slides to Goodfellow et al., chapter 6.
//
// ## The formulas
//
// $z$ is the *pre-activation* of a unit: a weighted sum of its inputs, any real number. $\sigma(z)$
// is its *activation*.
//
// | name | $\sigma(z)$ | where |
// |---|---|---|
// | step | 0 if $z < 0$, else 1 | MIT 6.3 |
// | ReLU | $\max(0, z)$ | MIT 6.3 |
// | sigmoid | $1 / (1 + e^{-z})$ | (7.24) |
// | tanh | $(e^z - e^{-z}) / (e^z + e^{-z})$ | (7.25) |
// | leaky ReLU | $\max\{z, \gamma z\}$, $\gamma \in (0, 1)$ | (7.26) |
// | GELU | $\frac z2 [1 + \mathrm{erf}(z / \sqrt 2)]$ | (7.27) |
// | softplus | $\frac 1\beta \log(1 + e^{\beta z})$, $\beta > 0$ | (7.28) |
//
// Written down as they stand, and beside each the library's op, in which no $e^z$ overflows. One op
// needs care: `unit_step`, the slope of `relu`, is 0 at $z = 0$; the notes' step is
// `heaviside(z, 1)`, which takes the value at 0 as an argument.

// %%
struct Activation {
  std::string name;
  std::function<Tensor(const Tensor&)> formula, op;
};
const double leak = 0.1, beta = 1.0;  // gamma and beta of the table
const std::vector<Activation> activations = {
    {"step", [](const Tensor& z) { return where(z < 0.0, zeros_like(z), ones_like(z)); },
     [](const Tensor& z) { return heaviside(z, ones({}, float64)); }},
    {"ReLU", [](const Tensor& z) { return where(z < 0.0, zeros_like(z), z); },
     [](const Tensor& z) { return relu(z); }},
    {"sigmoid", [](const Tensor& z) { return 1.0 / (1.0 + exp(-z)); },
     [](const Tensor& z) { return sigmoid(z); }},
    {"tanh", [](const Tensor& z) { return (exp(z) - exp(-z)) / (exp(z) + exp(-z)); },
     [](const Tensor& z) { return tanh(z); }},
    {"leaky", [=](const Tensor& z) { return maximum(z, leak * z); },
     [=](const Tensor& z) { return leaky_relu(z, leak); }},
    {"GELU", [](const Tensor& z) { return z / 2.0 * (1.0 + erf(z / std::sqrt(2.0))); },
     [](const Tensor& z) { return gelu(z); }},
    {"softplus", [=](const Tensor& z) { return log(1.0 + exp(beta * z)) / beta; },
     [=](const Tensor& z) { return softplus(z, beta); }}};
const Tensor z = linspace(-6, 6, 481, float64);
double largest = 0;
for (const Activation& f : activations) {
  const double difference = max(abs(f.formula(z) - f.op(z))).item();
  largest = std::max(largest, difference);
  fmt::print("{:8}  formula and op differ by less than 1e-14: {}\n", f.name,
             difference < 1e-14 ? "yes" : "no");
}
const Tensor three = tensor({-1.0, 0.0, 1.0}, float64);
std::cout << "z               " << three << "\n"
          << "unit_step(z)    " << unit_step(three) << "\n"
          << "heaviside(z, 1) " << heaviside(three, ones({}, float64)) << "\n";

// %% [markdown]
// ## Drawn, with their slopes
//
// `grad_of(f, z)` differentiates a function that returns one number. The sum over all points is
// one, and since point $i$ only appears in term $i$, its gradient is the slope at each point.

// %%
const auto slope = [](const Activation& f, const Tensor& at) {
  return grad_of([&](const Tensor& t) { return sum(f.op(t)); }, at);
};
std::vector<optim::Series> values, slopes;
for (std::size_t i = 1; i < activations.size(); ++i) {  // the step would hide the axes
  const Activation& f = activations[i];
  values.push_back({.name = f.name, .x = z, .y = f.op(z)});
  slopes.push_back({.name = f.name, .x = z, .y = slope(f, z)});
}
optim::save_picture("11_activations.svg",
    {{values, {.title = "Six activations", .x_label = "z", .width = 520, .height = 330,
               .x_limits = {-4, 4}, .y_limits = {-1.2, 3}, .legend = true}},
     {slopes, {.title = "Their slopes", .x_label = "z", .width = 520, .height = 330,
               .x_limits = {-4, 4}, .y_limits = {-0.2, 1.2}, .legend = true}}});

// %% [markdown]
// Above they look alike. Below they part: ReLU has a jump, softplus and GELU go smoothly from 0 to
// 1, and the leaky ReLU never reaches 0.
//
// ## Who still has a slope far out?
//
// The slopes of sigmoid and tanh, $\sigma'(z) = \sigma(z) (1 - \sigma(z))$ and
// $\tanh'(z) = 1 - \tanh^2(z)$, are bumps: large near 0, flat outside. A unit there is *saturated*,
// and all the layers below it get almost nothing.
//
// **Predict before you run on:** for which of the seven does a unit at $z = 20$ still get a
// gradient? And at $z = -20$?

// %%
const Tensor far = tensor({-20.0, 0.0, 20.0}, float64);
fmt::print("slope at z =    -20          0         20\n");
for (const Activation& f : activations) {
  const auto s = slope(f, far).values<double>();
  fmt::print("{:8}  {:9.2g}  {:9.2g}  {:9.2g}\n", f.name, s[0], s[1], s[2]);
}

// %% [markdown]
// For very negative $z$ only the leaky ReLU has a slope worth the name. And the step has the slope
// 0 wherever there is one, so that gradient descent can do nothing with it.
//
// ## The kink of ReLU
//
// MIT asks for the derivative of ReLU and where it vanishes: it is 0 for every $z < 0$, 1 for
// $z > 0$, and at $z = 0$ there is none, so that a library must choose (chapter 6). `relu` chooses
// 0, `maximum(z, 0)` 1/2. `gradcheck` notices the corner. (It weighs the outputs with random
// numbers, here 0.63, so that the slope on the right reads as that number times 1.)

// %%
std::cout << "relu'(z)        " << slope(activations[1], three) << "\n";
std::cout << "maximum(z, 0)'  "
          << grad_of([](const Tensor& t) { return sum(maximum(t, 0.0)); }, three) << "\n";
const GradcheckResult corner = gradcheck(activations[1].op, three);
fmt::print("gradcheck of relu at -1, 0, 1: {}\n", name(corner.verdict));
for (const std::string& note : corner.notes) fmt::print("  {}\n", note);

// %% [markdown]
// ## Softplus: a ReLU with curvature
//
// Softplus has a second derivative, $\beta \sigma(\beta z) (1 - \sigma(\beta z))$, thus $\beta / 4$
// at 0. It is never further from ReLU than $\log 2 / \beta$, which is its value at 0. `hessian`
// gives the second derivative without any formula.

// %%
for (const double b : {1.0, 4.0, 16.0}) {
  const Tensor bend = hessian([b](const Tensor& t) { return softplus(t, b); }, zeros({}, float64));
  const double apart = max(abs(softplus(z, b) - relu(z))).item();
  fmt::print("beta {:4}: second derivative at 0 {:.4f}, largest distance from ReLU {:.6f}\n", b,
             bend.item(), apart);
}

// %% [markdown]
// ## The same curve twice, and a soft step
//
// Sigmoid and tanh are one curve in two scales: $\tanh z = 2 \sigma(2 z) - 1$, as the slides have
// it.
//
// MIT's other question: which of sigmoid, ReLU and tanh is most like a step, and which parameter
// makes it more so? The sigmoid, which runs from 0 to 1, by a factor $\beta$ in $\sigma(\beta z)$.
// A sharper one costs: its slope at 0 grows as $\beta / 4$, while that at $z = 0.5$ dies.

// %%
const double twins = max(abs(tanh(z) - (2.0 * sigmoid(2.0 * z) - 1.0))).item();
fmt::print("tanh z = 2 sigmoid(2 z) - 1 to 1e-14: {}\n", twins < 1e-14 ? "yes" : "no");
for (const double b : {1.0, 5.0, 50.0}) {
  const Tensor at = tensor({-0.5, 0.0, 0.5}, float64);
  const Tensor value = sigmoid(b * at);
  const Tensor s = grad_of([b](const Tensor& t) { return sum(sigmoid(b * t)); }, at);
  fmt::print("beta {:4}: at z = -0.5 {:.2g} off the step, slope at 0 {:.4g}, at 0.5 {:.2g}\n", b,
             value[0].item(), s[1].item(), s[2].item());
}

// %% [markdown]
// ## What was learnt
//
// - Backpropagation multiplies by slopes, so the slope's picture matters more than the function's.
// - Sigmoid and tanh saturate on both sides, ReLU on one; a step has no slope at all.
// - At a kink there is no derivative, only a choice; gradcheck says where you stand on one.
//
// ## Exercises: fill in `11_activations_exercises.cpp`
//
// 1. Which $\beta$ brings $\sigma(\beta z)$ within $10^{-6}$ of the step for all $|z| \ge 0.1$?
// 2. For how many of the seven does `gradcheck` speak of a kink at $z = 0$ alone? (Or of a jump.)
// 3. GELU falls before it rises. Find its lowest point: the $z < 0$ where its slope is 0.
//
// Next: [why a nonlinearity, and what it learns](12_features.md).

// %% tags=["program"]
return report({{"largest difference to the formulas", largest, 0, 1e-14},
               {"slope of sigmoid at 20", slope(activations[2], far)[2].item(), 2.06e-9, 2.1e-9},
               {"slope of tanh at 20", slope(activations[3], far)[2].item(), 1.7e-17, 1.71e-17},
               {"slopes of the step", sum(abs(slope(activations[0], z))).item(), 0, 0}});
}
