// %% tags=["program"]
// Momentum, Adadelta and Adam: written by formula, compared with the library, raced in a valley.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 17. Steps of their own: momentum, Adadelta, Adam
//
// Plain gradient descent has one step size for all weights, though their gradients differ by many
// powers of ten (chapter 16). The usual cures give every weight a step size of its own, made from
// the gradients that it has seen. This chapter writes three of them down and lets them run in a
// narrow valley. It follows the MIT 6.390 notes, 6.7.2 and appendix B.1. You need chapter 4.
//
// ## A narrow valley
//
// The smallest example of the trouble has two weights $w = (w_1, w_2)$:
//
// $$J(w) = \tfrac12 (w_1^2 + 100\, w_2^2), \qquad \nabla J(w) = (w_1, 100\, w_2).$$
//
// With step size $\eta$, gradient descent multiplies $w_1$ by $1 - \eta$ and $w_2$ by
// $1 - 100 \eta$ in every step. The second factor must stay above $-1$, so $\eta < 0.02$. But then
// $w_1$ shrinks by less than two percent a step: the steep direction sets the limit, and the flat
// one pays for it. `walk` returns the points on the way of one of the library's optimizers.

// %%
const Tensor steepness = tensor({1.0, 100.0}, float64), start = ones({2}, float64);
const auto J = [=](const Tensor& w) { return 0.5 * sum(steepness * square(w), -1); };
const auto slope = [=](const Tensor& w) { return grad_of(J, w); };
const auto walk = [](const auto& loss, const Tensor& from, const auto& make, int steps) {
  const Parameter w(from);
  auto optimizer = make(std::vector<Parameter>{w});
  std::vector<Tensor> path{from};
  for (int t = 1; t <= steps; ++t) {
    optimizer.zero_grad();
    loss(w).backward();
    optimizer.step();
    path.push_back(w.tensor().detach());
  }
  return path;
};
const auto apart = [&](const Tensor& by_formula, const auto& make) {  // after 20 steps
  return norm(by_formula - walk(J, start, make, 20).back()).item();
};

// %% [markdown]
// ## Momentum: average the gradient
//
// All three methods use a *running average*. Of numbers $a_1, a_2, \ldots$ it is
// $A_t = \gamma A_{t-1} + (1 - \gamma)\, a_t$ with $A_0 = 0$ and $0 \le \gamma < 1$. Momentum
// replaces the gradient by a sum over recent ones: what points to and fro cancels. With a velocity
//
// $$V_t = \gamma V_{t-1} + \eta \nabla J(W_{t-1}), \qquad W_t = W_{t-1} - V_t.$$
//
// The notes add that it equals steps of size $\eta'$ along a running average $M_t$ of the gradients
// if $\eta = \eta' (1 - \gamma)$.
//
// ## Adadelta: divide by the size of the gradient
//
// Now a step size for each weight $j$. Let $g_{t,j}$ be its gradient and $G_{t,j}$ the running
// average of the *squares*. The notes give, under the name Adadelta,
//
// $$G_{t,j} = \gamma\, G_{t-1,j} + (1 - \gamma)\, g_{t,j}^2, \qquad
// W_{t,j} = W_{t-1,j} - \frac{\eta}{\sqrt{G_{t,j} + \epsilon}}\; g_{t,j}.$$
//
// The quotient no longer depends on the scale of $g$; $\epsilon$ guards against division by zero.
//
// ## Adam: both
//
// Adam keeps the running average $m_t$ of the gradients, with $B_1$ for $\gamma$, *and* $v_t$ of
// their squares, with $B_2$. Both begin at 0 and are too small at first: for a constant gradient
// $m_t = (1 - B_1^t)\, g$. So Adam divides by that factor:
//
// $$\hat m_t = \frac{m_t}{1 - B_1^t}, \qquad \hat v_t = \frac{v_t}{1 - B_2^t}, \qquad
// W_t = W_{t-1} - \frac{\eta}{\sqrt{\hat v_t} + \epsilon}\, \hat m_t.$$

// %%
const double gamma_m = 0.9, eta_m = 0.01, eta_prime = eta_m / (1 - gamma_m);
Tensor by_V = start, V = zeros_like(start), by_M = start, M = zeros_like(start), by_G = start,
       G = zeros_like(start), by_adam = start, m = zeros_like(start), v = zeros_like(start);
for (int t = 1; t <= 20; ++t) {
  V = gamma_m * V + eta_m * slope(by_V);
  by_V = by_V - V;
  M = gamma_m * M + (1 - gamma_m) * slope(by_M);
  by_M = by_M - eta_prime * M;
  const Tensor g = slope(by_G), g_adam = slope(by_adam);
  G = 0.99 * G + 0.01 * square(g);
  by_G = by_G - 0.01 / sqrt(G + 1e-8) * g;
  m = 0.9 * m + 0.1 * g_adam;
  v = 0.999 * v + 0.001 * square(g_adam);
  const Tensor m_hat = m / (1 - std::pow(0.9, t)), v_hat = v / (1 - std::pow(0.999, t));
  by_adam = by_adam - 0.1 / (sqrt(v_hat) + 1e-8) * m_hat;
}
const auto momentum = [=](const auto& w) {
  return optim::SGD(w, {.lr = eta_m, .momentum = gamma_m});
};
const auto damped = [=](const auto& w) {
  return optim::SGD(w, {.lr = eta_prime, .momentum = gamma_m, .dampening = gamma_m});
};
const auto rmsprop = [](const auto& w) { return optim::RMSprop(w, {.lr = 0.01, .alpha = 0.99}); };
const auto zeiler = [](const auto& w) { return optim::Adadelta(w); };
const auto adam = [](const auto& w) { return optim::Adam(w, {.lr = 0.1}); };
fmt::print("after 20 steps: V-form and SGD with momentum agree to 1e-15: {}\n",
           apart(by_V, momentum) < 1e-15);
fmt::print("V-form and M-form agree to 1e-14: {}; M-form and SGD with dampening: {:.2f} apart\n",
           norm(by_V - by_M).item() < 1e-14, apart(by_M, damped));
fmt::print("the notes' Adadelta and RMSprop agree to 1e-7: {}; optim::Adadelta: {:.2f} apart\n",
           apart(by_G, rmsprop) < 1e-7, apart(by_G, zeiler));
fmt::print("formula and optim::Adam agree to 1e-13: {}\n", apart(by_adam, adam) < 1e-13);

// %% [markdown]
// `dampening = momentum` is a trap: it looks like the factor $1 - \gamma$ of the M-form, but leaves
// the very first step undamped, as in PyTorch. Use `lr` $= \eta' (1 - \gamma)$. The notes' Adadelta
// is what the rest of the world calls **RMSprop**. (The tiny rest is $\epsilon$, which RMSprop adds
// outside the root.) Zeiler's `optim::Adadelta` puts the root of a running average of its own
// squared steps in place of $\eta$. Those begin at 0: it starts slowly.
//
// ## The race
//
// All start at $(1, 1)$ and stop where $J < 10^{-6}$, or after 1,000 steps. Descent has
// $\eta = 0.0198$, just below the limit. **Predict before you run on:** in which order do the five
// arrive? Then we turn the valley by 45 degrees, to run along $w_1 = w_2$. Which will notice?

// %%
const Tensor turn = tensor({{1.0, 1.0}, {-1.0, 1.0}}, float64) / std::sqrt(2.0);
const auto turned = [=](const Tensor& w) { return J(matmul(w, transpose(turn))); };
struct Valley {
  const char* title;
  std::function<Tensor(const Tensor&)> loss;
  Tensor from;
  std::vector<double> steps = {};
  std::vector<optim::Series> paths = {};
};
std::vector<Valley> valleys{{"A valley along the axis", J, start},
                            {"Turned by 45 degrees", turned, matmul(start, turn)}};
const auto race = [&](const std::string& name, const auto& make) {
  for (Valley& valley : valleys) {
    const std::vector<Tensor> path = walk(valley.loss, valley.from, make, 1000);
    std::size_t t = 0;
    while (t < 1000 && valley.loss(path[t]).item() >= 1e-6) ++t;
    valley.steps.push_back(static_cast<double>(t));
    valley.paths.push_back(optim::curve(slice(stack(path), 0, 0, 40), {.name = name, .size = 1.5}));
  }
  fmt::print("{:<9} {:5} steps   {:5} in the turned valley\n", name, valleys[0].steps.back(),
             valleys[1].steps.back());
};
race("descent", [](const auto& w) { return optim::SGD(w, {.lr = 0.0198}); });
race("momentum", momentum);
race("RMSprop", rmsprop);
race("Adam", adam);
race("Adadelta", zeiler);
std::vector<optim::Chart> charts;
for (const Valley& valley : valleys) {
  const optim::ChartOptions look{.title = valley.title, .x_label = "w1", .y_label = "w2",
                                 .width = 560, .x_limits = {-0.5, 1.5}, .y_limits = {-1.1, 1.5},
                                 .equal_units = true, .legend = true};
  const Tensor heights = reshape(valley.loss(optim::grid(look, 80, 80, float64)), {80, 80});
  std::vector<optim::Series> series = optim::contours(heights, look, {0.1, 1, 5, 20, 50});
  series.insert(series.end(), valley.paths.begin(), valley.paths.end());
  charts.push_back({series, look});
}
optim::save_picture("17_optimizers.svg", charts);

// %% [markdown]
// In the straight valley all four beat plain descent; their step sizes were not tuned with equal
// care. The second column teaches more. Gradient descent and momentum do not notice the turn at
// all: their steps are sums of gradients, and those turn along. RMSprop, Adam and Adadelta scale
// each *axis* by its own gradients, and in the turned valley no axis is flat or steep by itself. In
// the picture, with the first forty steps, they make equal steps along both axes above.
//
// ## What was learnt
//
// - Momentum sums recent gradients, RMSprop divides by their size; Adam does both from the start.
// - Names differ: the notes' Adadelta is RMSprop, their M-form of momentum a smaller step size.
// - A step size per weight repairs scales along the axes, and only those.
//
// ## Exercises: fill in `17_optimizers_exercises.cpp`
//
// 1. Momentum with $\gamma = 0.9$, $\eta = 0.01$: which $\eta'$ gives the M-form the same path?
// 2. One SGD, two groups: $w_1$ has a step size 100 times that of $w_2$. How many steps now?
// 3. Leave Adam's corrections out. How long is its first step, in units of $\eta$?
//
// Next: [against overfitting](18_overfitting.md).

// %% tags=["program"]
return report({{"the notes' Adadelta against Zeiler's", apart(by_G, zeiler), 0.8, 0.5},
               {"steps, gradient descent", valleys[0].steps[0], 440, 445},
               {"steps, Adam", valleys[0].steps[3], 82, 90},
               {"steps, Zeiler's Adadelta", valleys[0].steps[4], 395, 410}});
}
