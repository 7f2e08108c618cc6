// %% tags=["program"]
// Downhill: gradient descent, one example at a time, in batches, and with shrinking steps.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 4. Downhill
//
// A gradient says which way is down, at one place. This chapter walks: with the gradient of all
// examples, of one, and of a few. It measures what each reaches for the same work, and why the last
// part of the way needs shorter steps. It follows the CS229 deep-learning notes, (1.3)-(1.5) with
// Algorithms 1 and 2, the MIT 6.390 notes, 6.7.1, and "Gradient-Based Learning" of the Goodfellow
// et al. chapter 6 slides.
//
// ## Gradient descent
//
// With a cost $J(\theta)$ and a *learning rate* $\alpha > 0$ (the MIT notes write $\eta$) a step
// is $\theta := \theta - \alpha \nabla_\theta J(\theta)$, (1.3). The notes suggest a small model,
// $h_\theta(x) = \theta_1^2 x_1^2 + \dots + \theta_d^2 x_d^2$, not linear in $\theta$. For one
// example $J = \frac12 (h - y)^2$ has the slopes $(h - y) \cdot 2 \theta_i x_i^2$.
//
// A cost with one valley, a *convex* one, leads every walk to the same place; that of a linear
// model is of that kind. This one is not: it cannot tell $\theta_i$ from $-\theta_i$, and at
// $\theta = 0$ its slope is 0 though it is no minimum. Ten walks show it.

// %%
seed(4);
const Tensor x = randn({200, 2}, float64), truth = tensor({1.0, 0.5}, float64);
const auto squares = [](const Tensor& theta, const Tensor& inputs) {
  return matmul(square(inputs), square(theta));
};
const auto J_on = [&](const Tensor& theta, const Tensor& inputs, const Tensor& targets) {
  return mean(square(squares(theta, inputs) - targets)) / 2.0;
};
const Tensor y = squares(truth, x), start = tensor({0.3, 1.2}, float64);
const auto J = [&](const Tensor& theta) { return J_on(theta, x, y); };
const Tensor by_hand = mean(unsqueeze(squares(start, x) - y, 1) * 2.0 * start * square(x), 0);
std::cout << "gradient " << grad_of(J, start) << ", by hand " << by_hand << "\n";
Tensor theta = start;
const Parameter parameter(start, "theta");
optim::SGD sgd({parameter}, {.lr = 0.05});  // the same rule, kept by an optimizer
for (int step = 0; step < 300; ++step) {
  theta = theta - 0.05 * grad_of(J, theta);
  sgd.zero_grad();
  J(parameter).backward();
  sgd.step();
}
std::cout << "after 300 steps: " << theta << ", by optim::SGD " << parameter.tensor() << "\n";
const auto line_cost = [&](const Tensor& t) { return mean(square(matmul(x, t) - y)) / 2.0; };
std::vector<Tensor> line_ends, square_ends;
for (int walk = 0; walk < 10; ++walk) {
  Tensor a = randn({2}, float64), b = a;
  for (int step = 0; step < 300; ++step) {
    a = a - 0.3 * grad_of(line_cost, a);
    b = b - 0.05 * grad_of(J, b);
  }
  line_ends.push_back(a);
  square_ends.push_back(b);
}
const double line_spread = max(abs(stack(line_ends) - line_ends[0])).item();
std::cout << "linear model, the 10 ends agree to 1e-12: " << (line_spread < 1e-12 ? "yes" : "no")
          << "\nsquares model, its 10 ends:\n" << round(transpose(stack(square_ends)), 3) << "\n";

// %% [markdown]
// Every end of the squares model is a minimum, but which one is up to the start.
//
// ## One example, or a few
//
// The gradient of $J$ needs all $n$ examples. Algorithm 1, *stochastic* gradient descent (SGD),
// draws one $j$ uniformly and steps along its gradient alone, (1.4):
// $\theta := \theta - \alpha \nabla_\theta J^{(j)}(\theta)$. Algorithm 2 draws $B$ without
// replacement, (1.5): $\theta := \theta - \frac\alpha B \sum_k \nabla_\theta J^{(j_k)}(\theta)$.
// With data that some $\theta$ fits exactly, all these gradients vanish at the same place. Drawing
// $B$ distinct examples each time is work. MIT's Mini-Batch-SGD shuffles all of them and then takes
// $K$ at a time, $\lceil n / K \rceil$ batches, as `batches` does. One such pass is an *epoch*.

// %%
const nn::data::Dataset examples(x, y);
const auto gradient_on = [&](const nn::data::Dataset& some, const Tensor& at) {
  return grad_of([&](const Tensor& t) { return J_on(t, some.inputs(), some.targets()); }, at);
};
Tensor single = start, few = start;
for (int step = 0; step < 3000; ++step) {
  const Tensor j = randint(0, 200, {1});                  // line 4 of Algorithm 1
  const Tensor j_1_to_B = slice(randperm(200), 0, 0, 8);  // line 4 of Algorithm 2, B = 8
  single = single - 0.02 * gradient_on(examples.select(j), single);
  few = few - 0.05 * gradient_on(examples.select(j_1_to_B), few);
}
fmt::print("distance from the truth below 1e-12: one by one {}, by batches of 8 {}\n",
           norm(single - truth).item() < 1e-12, norm(few - truth).item() < 1e-12);
const nn::data::Dataset ten = examples.select(arange(10));
const auto batches_of_3 = nn::data::batches(ten, {.size = 3, .shuffle = true, .seed = 1});
fmt::print("10 examples in batches of 3: {} batches\n", batches_of_3.size());

// %% [markdown]
// (MIT defines $J = \frac1n \sum_i L$, then steps by $\eta \sum_i \nabla L$, $n$ times as long.)
//
// ## The race
//
// Now 1,000 examples of a linear model with 10 weights and noise in $y$; $J^*$ is the least cost.
// Every run gets five epochs: 5 steps with $K = n$, 5,000 with $K = 1$.
//
// **Predict before you run on:** the learning rate is 0.02 for all. Which of
// $K = 1, 10, 100, 1000$ comes closest to $J^*$? And which profits when the rate is 0.2?

// %%
const Tensor X = randn({1000, 10}, float64), wanted = 0.63 * randn({10}, float64);
const nn::data::Dataset noisy(X, matmul(X, wanted) + 0.5 * randn({1000}, float64));
const auto J_noisy = [](const Tensor& t, const Tensor& inputs, const Tensor& targets) {
  return mean(square(matmul(inputs, t) - targets)) / 2.0;
};
const Tensor best = lstsq(X, noisy.targets());
const double J_star = J_noisy(best, X, noisy.targets()).item();
const auto epoch_of = [&](std::int64_t K, std::uint64_t epoch) {
  return nn::data::batches(noisy, {.size = K, .shuffle = true, .epoch = epoch});
};
const auto race = [&](std::int64_t K, double rate) {
  optim::Series way{.name = fmt::format("K = {}", K)};
  Tensor t = zeros({10}, float64);
  double evaluations = 0;
  for (std::uint64_t epoch = 0; epoch < 5; ++epoch)
    for (const auto& batch : epoch_of(K, epoch)) {
      const auto J_K = [&](const Tensor& p) { return J_noisy(p, batch.inputs, batch.targets); };
      t = t - rate * grad_of(J_K, t);
      evaluations += static_cast<double>(K);
      if (std::fmod(evaluations, 50) != 0) continue;
      way.x.push_back(evaluations);
      way.y.push_back(J_noisy(t, X, noisy.targets()).item() - J_star);
    }
  return way;
};
std::vector<optim::Series> slow, fast;
for (const std::int64_t K : {1, 10, 100, 1000}) {
  slow.push_back(race(K, 0.02));
  fast.push_back(race(K, 0.2));
  const double at_fast = fast.back().y.back();
  fmt::print("K = {:4}: J - J* at rate 0.02: {:.1e}, at rate 0.2: {}\n", K, slow.back().y.back(),
             at_fast < 1e6 ? fmt::format("{:.1e}", at_fast) : "beyond all bounds");
}
optim::save_picture("04_downhill.svg",
    {{slow, {.title = "Five epochs at learning rate 0.02", .x_label = "gradients of examples",
             .y_label = "J - J*", .log_y = true, .width = 420, .height = 320, .legend = true}}});

// %% [markdown]
// At the small rate many steps win: $K = 10$ beats all, and $K = 1$ is stopped by its own noise. At
// the large rate the large batches catch up and single examples fly off.
//
// ## Shrinking steps
//
// With a fixed rate SGD never comes to rest: near the minimum examples pull different ways. MIT
// 6.7.1 asks for rates that decrease "at an appropriate rate": their sum must diverge, the sum of
// their squares must not (Robbins and Monro 1951), as for $\eta(t) = \eta_0 / (1 + t / \tau)$.

// %%
const auto sgd_run = [&](const optim::Curve& curve) {
  const Parameter t(zeros({10}, float64), "t");
  optim::SGD optimizer({t}, {.lr = 0.05});
  optim::Schedule schedule(optimizer, curve);
  for (std::uint64_t epoch = 0; epoch < 20; ++epoch)
    for (const auto& batch : epoch_of(1, epoch)) {
      optimizer.zero_grad();
      J_noisy(t, batch.inputs, batch.targets).backward();
      optimizer.step();
      schedule.step();
    }
  return norm(t - best).item();
};
const double fixed_distance = sgd_run(optim::constant_schedule(1, 0));
const double shrinking_distance = sgd_run(optim::robbins_monro(100));
fmt::print("distance from the optimum after 20 epochs, K = 1: fixed {:.3f}, shrinking {:.4f}\n",
           fixed_distance, shrinking_distance);

// %% [markdown]
// ## What was learnt
//
// - One step costs a gradient; small batches take many cheap steps, large ones few exact ones.
// - A linear model has one minimum, others several: then the start decides.
// - With a fixed rate SGD hovers around the minimum; with $\eta_0 / (1 + t / \tau)$ it settles.
//
// ## Exercises: fill in `04_downhill_exercises.cpp`
//
// 1. For which $K$ is mini-batch descent the batch method, or SGD? How many steps has an epoch?
// 2. Write lines 4-7 of Mini-Batch-SGD with `randperm` and `slice`, without `batches`.
//
// Next: [exclusive or](05_xor.md).

// %% tags=["program"]
return report({{"J - J*, K = 10, rate 0.02", slow[1].y.back(), 2.5e-4, 2e-3},
               {"distance, shrinking rate", shrinking_distance, 0.003, 0.02}});
}
