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
// Plain gradient descent has one step size for all weights, and chapter 16 showed gradients that
// differ by many powers of ten. The usual cures give every weight a step size of its own, made from
// the gradients that it has seen. This chapter writes three of them down, checks that the library
// computes the same numbers, and lets them run in a narrow valley.
//
// It follows the MIT 6.390 notes, section 6.7.2 and their appendix B.1, where the formulas are. You
// need chapter 4.
//
// ## A narrow valley
//
// The smallest example of the trouble has two weights $w = (w_1, w_2)$:
//
// $$J(w) = \tfrac12 (w_1^2 + 100\, w_2^2), \qquad \nabla J(w) = (w_1, 100\, w_2).$$
//
// With step size $\eta$, gradient descent multiplies $w_1$ by $1 - \eta$ and $w_2$ by
// $1 - 100 \eta$ in every step. The second factor must stay above $-1$, so $\eta < 0.02$. But then
// $w_1$ shrinks by less than two percent a step. The steep direction sets the limit, and the flat
// one pays for it.
//
// The function `walk` makes a number of steps with an optimizer of the library and returns the
// points on its way.

// %%
const Tensor steepness = tensor({1.0, 100.0}, float64), start = ones({2}, float64);
const auto J = [=](const Tensor& w) { return 0.5 * sum(steepness * square(w)); };
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
const auto distance = [](const Tensor& a, const Tensor& b) { return norm(a - b).item(); };

// %% [markdown]
// ## Momentum: average the gradient
//
// All three methods use a *running average*. Of numbers $a_1, a_2, \ldots$ it is
//
// $$A_t = \gamma A_{t-1} + (1 - \gamma)\, a_t, \qquad A_0 = 0, \qquad 0 \le \gamma < 1,$$
//
// which remembers roughly the last $1 / (1 - \gamma)$ numbers. Momentum replaces the gradient by a
// sum over the recent ones. What points to and fro cancels; what points the same way every time
// adds up. The notes write it with a velocity $V$:
//
// $$V_t = \gamma V_{t-1} + \eta \nabla J(W_{t-1}), \qquad W_t = W_{t-1} - V_t.$$
//
// They add that it equals steps of size $\eta'$ along a running average $M_t$ of the gradients if
// $\eta = \eta' (1 - \gamma)$. We compute both, and then ask the library for the first.

// %%
const double gamma_m = 0.9, eta_m = 0.01, eta_prime = eta_m / (1 - gamma_m);
Tensor by_V = start, V = zeros_like(start), by_M = start, M = zeros_like(start);
for (int t = 1; t <= 20; ++t) {
  V = gamma_m * V + eta_m * slope(by_V);
  by_V = by_V - V;
  M = gamma_m * M + (1 - gamma_m) * slope(by_M);
  by_M = by_M - eta_prime * M;
}
const auto momentum = [=](const auto& w) {
  return optim::SGD(w, {.lr = eta_m, .momentum = gamma_m});
};
const auto damped = [=](const auto& w) {
  return optim::SGD(w, {.lr = eta_prime, .momentum = gamma_m, .dampening = gamma_m});
};
const double momentum_off = distance(by_V, walk(J, start, momentum, 20).back());
fmt::print("after 20 steps: V-form and SGD with momentum agree to 1e-15: {}\n",
           momentum_off < 1e-15);
fmt::print("V-form and M-form agree to 1e-14: {}\n", distance(by_V, by_M) < 1e-14);
fmt::print("M-form and SGD with dampening: {:.2f} apart\n",
           distance(by_M, walk(J, start, damped, 20).back()));

// %% [markdown]
// The last line is a trap. `dampening = momentum` looks like the factor $1 - \gamma$ of the M-form,
// but the library, as PyTorch, leaves the very first step undamped. For the M-form use `lr`
// $= \eta' (1 - \gamma)$.
//
// ## Adadelta: divide by the size of the gradient
//
// Now a step size for each weight $j$. Let $g_{t,j}$ be its gradient and $G_{t,j}$ the running
// average of the *squares*. The notes give, under the name Adadelta,
//
// $$G_{t,j} = \gamma\, G_{t-1,j} + (1 - \gamma)\, g_{t,j}^2, \qquad
// W_{t,j} = W_{t-1,j} - \frac{\eta}{\sqrt{G_{t,j} + \epsilon}}\; g_{t,j}.$$
//
// The quotient no longer depends on the scale of $g$: multiply the loss by 1000 and the path stays
// the same. The small $\epsilon$ guards against division by zero.

// %%
Tensor by_G = start, G = zeros_like(start);
for (int t = 1; t <= 20; ++t) {
  const Tensor g = slope(by_G);
  G = 0.99 * G + 0.01 * square(g);
  by_G = by_G - 0.01 / sqrt(G + 1e-8) * g;
}
const auto rmsprop = [](const auto& w) { return optim::RMSprop(w, {.lr = 0.01, .alpha = 0.99}); };
const auto zeiler = [](const auto& w) { return optim::Adadelta(w); };
const double rmsprop_off = distance(by_G, walk(J, start, rmsprop, 20).back());
const double zeiler_off = distance(by_G, walk(J, start, zeiler, 20).back());
fmt::print("the notes' Adadelta and optim::RMSprop agree to 1e-7: {}\n", rmsprop_off < 1e-7);
fmt::print("the notes' Adadelta and optim::Adadelta: {:.2f} apart\n", zeiler_off);

// %% [markdown]
// So the formula of the notes is the one that the rest of the world calls **RMSprop**. (The tiny
// rest comes from $\epsilon$, which RMSprop adds outside the root.) Zeiler's Adadelta goes one step
// further: it puts the root of a running average of its own squared steps in place of $\eta$. Those
// begin at 0, so it starts slowly. That is `optim::Adadelta`.
//
// ## Adam: both
//
// Adam keeps the running average $m_t$ of the gradients, with $B_1$ for $\gamma$, and $v_t$ of
// their squares, with $B_2$. Both begin at 0 and are too small at first. For a constant gradient
// $m_t = (1 - B_1^t)\, g$, so Adam divides by that factor:
//
// $$\hat m_t = \frac{m_t}{1 - B_1^t}, \qquad \hat v_t = \frac{v_t}{1 - B_2^t}, \qquad
// W_t = W_{t-1} - \frac{\eta}{\sqrt{\hat v_t} + \epsilon}\, \hat m_t.$$

// %%
Tensor by_adam = start, m = zeros_like(start), v = zeros_like(start);
for (int t = 1; t <= 20; ++t) {
  const Tensor g = slope(by_adam);
  m = 0.9 * m + 0.1 * g;
  v = 0.999 * v + 0.001 * square(g);
  const Tensor m_hat = m / (1 - std::pow(0.9, t)), v_hat = v / (1 - std::pow(0.999, t));
  by_adam = by_adam - 0.1 / (sqrt(v_hat) + 1e-8) * m_hat;
  if (t == 1)
    fmt::print("first step: m = {:.1f}, corrected {:.1f}, the gradient\n", at(m, {1}).item(),
               at(m_hat, {1}).item());
}
const auto adam = [](const auto& w) { return optim::Adam(w, {.lr = 0.1}); };
const double adam_off = distance(by_adam, walk(J, start, adam, 20).back());
fmt::print("formula and optim::Adam agree to 1e-13: {}\n", adam_off < 1e-13);

// %% [markdown]
// ## The race
//
// All start at $(1, 1)$ and stop where $J < 10^{-6}$. Gradient descent has $\eta = 0.0198$, just
// below the limit.
//
// **Predict before you run on:** in which order do the five arrive? Then we turn the valley by 45
// degrees, so that it runs along $w_1 = w_2$, together with the start. Which of the five will
// notice?

// %%
const auto descent = [](const auto& w) { return optim::SGD(w, {.lr = 0.0198}); };
const Tensor turn = tensor({{1.0, 1.0}, {-1.0, 1.0}}, float64) / std::sqrt(2.0);
const auto turned = [=](const Tensor& w) { return J(matmul(turn, w)); };
const Tensor turned_start = matmul(transpose(turn), start);
const int most = 1000;
std::vector<double> steps_straight, steps_turned;
std::vector<optim::Series> paths, turned_paths;
const auto steps_to_goal = [](const auto& loss, const std::vector<Tensor>& path) {
  int t = 0;
  while (t < most && loss(path[t]).item() >= 1e-6) ++t;
  return t;
};
const auto race = [&](const std::string& name, const auto& make) {
  const auto path = walk(J, start, make, most),
             turned_path = walk(turned, turned_start, make, most);
  steps_straight.push_back(steps_to_goal(J, path));
  steps_turned.push_back(steps_to_goal(turned, turned_path));
  fmt::print("{:<9} {:5} steps   {:5} in the turned valley{}\n", name, steps_straight.back(),
             steps_turned.back(), steps_turned.back() == most ? ", not there" : "");
  const optim::Series look{.name = name, .size = name == "descent" ? 1.0 : 2.0};
  paths.push_back(optim::curve(slice(stack(path), 0, 0, 40), look));
  turned_paths.push_back(optim::curve(slice(stack(turned_path), 0, 0, 40), look));
};
race("descent", descent);
race("momentum", momentum);
race("RMSprop", rmsprop);
race("Adam", adam);
race("Adadelta", zeiler);

// %% [markdown]
// In the straight valley all four beat plain descent. Their order among each other depends on their
// step sizes, which were not tuned with equal care. The second column teaches more. Gradient
// descent and momentum do not notice the turn at all: their steps are sums of gradients, and those
// turn along. RMSprop, Adam and Adadelta scale each *axis* by its own gradients, and in the turned
// valley no axis is flat or steep by itself. What they repair is a bad scale of single weights, not
// a valley that runs across them.
//
// Here are the first forty steps in both valleys. Along a grey curve $J$ is constant. In the upper
// picture the last three methods lie on the diagonal, one above the other: they make equal steps
// along both axes.

// %%
const auto chart = [](const char* title, const std::function<Tensor(const Tensor&)>& loss,
                      const std::vector<optim::Series>& lines) {
  optim::ChartOptions options{.title = title, .x_label = "w1", .y_label = "w2", .width = 560};
  options.x_limits = {-0.5, 1.5}, options.y_limits = {-1.1, 1.5};
  options.equal_units = options.legend = true;
  std::vector<double> heights;
  for (const Tensor& w : unbind(optim::grid(options, 80, 80).to(float64)))
    heights.push_back(loss(w).item());
  auto series = optim::contours(tensor(heights, {80, 80}), options, {0.1, 1, 5, 20, 50});
  series.insert(series.end(), lines.begin(), lines.end());
  return optim::Chart{.series = series, .options = options};
};
optim::save_picture("17_optimizers.svg", {chart("A valley along the axis", J, paths),
                                          chart("Turned by 45 degrees", turned, turned_paths)});

// %% [markdown]
// ## What was learnt
//
// - Momentum sums recent gradients; RMSprop divides by their recent size; Adam does both and
//   corrects the start.
// - Names differ: the notes' Adadelta is RMSprop, and their M-form of momentum is a smaller step
//   size.
// - A step size per weight repairs scales along the axes, and only those.
//
// ## Exercises
//
// `17_optimizers_exercises.cpp` has a hole for each; fill it in and run it.
//
// 1. Momentum with $\gamma = 0.9$ and $\eta = 0.01$: which $\eta'$ makes the M-form walk the same
//    path?
// 2. One SGD, two groups: give $w_1$ a step size 100 times that of $w_2$. How many steps does it
//    need in the straight valley?
// 3. Leave Adam's corrections out. How long is its first step, in units of $\eta$?
//
// Next: [against overfitting](18_overfitting.md).

// %% tags=["program"]
return report({{"V-form against SGD", momentum_off, 0, 1e-14},
               {"the notes' Adadelta against RMSprop", rmsprop_off, 0, 1e-7},
               {"the notes' Adadelta against Zeiler's", zeiler_off, 0.8, 0.5},
               {"Adam's formula against Adam", adam_off, 0, 1e-13},
               {"steps, gradient descent", steps_straight[0], 440, 445},
               {"steps, momentum", steps_straight[1], 138, 145},
               {"steps, RMSprop", steps_straight[2], 172, 180},
               {"steps, Adam", steps_straight[3], 82, 90},
               {"steps, Zeiler's Adadelta", steps_straight[4], 395, 410}});
}
