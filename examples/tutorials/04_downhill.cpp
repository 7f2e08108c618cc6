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
// examples, of one, and of a few. It measures what each walk reaches for the same amount of work,
// and why the last part of the way needs shorter steps.
//
// It follows section 1 of the CS229 deep-learning notes, (1.3)-(1.5) with Algorithms 1 and 2;
// section 6.7.1 of the MIT 6.390 notes; and "Gradient-Based Learning" of the Goodfellow et al.
// chapter 6 slides.
//
// ## Gradient descent
//
// With a cost $J(\theta)$ and a *learning rate* $\alpha > 0$ (the MIT notes write $\eta$) a step
// is, (1.3),
//
// $$\theta := \theta - \alpha \nabla_\theta J(\theta)$$
//
// The notes suggest a small model to think of,
// $h_\theta(x) = \theta_1^2 x_1^2 + \dots + \theta_d^2 x_d^2$, which is not linear in $\theta$. For
// one example its cost $J = \frac12 (h - y)^2$ has the slopes
// $\partial J / \partial \theta_i = (h - y) \cdot 2 \theta_i x_i^2$.

// %%
seed(4);
const Tensor x = randn({200, 2}, float64);
const Tensor truth = tensor({1.0, 0.5}, float64);
const auto squares = [](const Tensor& theta, const Tensor& inputs) {
  return matmul(square(inputs), square(theta));
};
const Tensor y = squares(truth, x);
const auto J = [&](const Tensor& theta) { return mean(square(squares(theta, x) - y)) / 2.0; };

const Tensor start = tensor({0.3, 1.2}, float64);
const Tensor residual = unsqueeze(squares(start, x) - y, 1);
const Tensor by_hand = mean(residual * 2.0 * start * square(x), 0);
std::cout << "gradient " << grad_of(J, start) << ", by hand " << by_hand << "\n";
const double hand_difference = max(abs(grad_of(J, start) - by_hand)).item();

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
const double sgd_difference = max(abs(theta - parameter)).item();
const double found = max(abs(theta - truth)).item();

// %% [markdown]
// ## Where you start
//
// A cost with one valley, a *convex* one, leads every walk to the same place. The cost of a
// linear model is of that kind. The one above is not: it cannot tell $\theta_i$ from $-\theta_i$,
// and at $\theta = 0$ its slope is 0 though it is no minimum.

// %%
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
std::cout << "squares model, gradient at 0: " << grad_of(J, zeros({2}, float64)) << "\n";

// %% [markdown]
// Every end of the second model is a minimum, but which one is up to the start. The next chapter
// has starts from which the solution is out of reach.
//
// ## One example, or a few
//
// The gradient of $J$ needs all $n$ examples. Algorithm 1, *stochastic* gradient descent (SGD),
// draws one $j$ uniformly and steps along its gradient alone, (1.4):
// $\theta := \theta - \alpha \nabla_\theta J^{(j)}(\theta)$. Algorithm 2 draws $B$ of them
// without replacement and takes their mean, (1.5):
//
// $$\theta := \theta - \frac{\alpha}{B} \sum_{k=1}^{B} \nabla_\theta J^{(j_k)}(\theta)$$
//
// With data that some $\theta$ fits exactly, all these gradients vanish at the same place.

// %%
const nn::data::Dataset examples(x, y);
const std::int64_t n = examples.size(), B = 8;
const auto gradient_on = [&](const nn::data::Dataset& some, const Tensor& at) {
  const Tensor a = some.inputs(), b = some.targets();
  const auto J_some = [&](const Tensor& t) { return mean(square(squares(t, a) - b)) / 2.0; };
  return grad_of(J_some, at);
};
Tensor single = start, few = start;
for (int step = 0; step < 3000; ++step) {
  const Tensor j = randint(0, n, {1});                  // line 4 of Algorithm 1
  const Tensor j_1_to_B = slice(randperm(n), 0, 0, B);  // line 4 of Algorithm 2
  single = single - 0.02 * gradient_on(examples.select(j), single);
  few = few - 0.05 * gradient_on(examples.select(j_1_to_B), few);
}
const double single_miss = max(abs(single - truth)).item(), few_miss = max(abs(few - truth)).item();
fmt::print("distance from the truth below 1e-12: one by one {}, by batches of {} {}\n",
           single_miss < 1e-12, B, few_miss < 1e-12);

// %% [markdown]
// Drawing $B$ distinct examples each time is work. MIT's procedure Mini-Batch-SGD shuffles all of
// them and then takes $K$ at a time, $\lceil n / K \rceil$ batches. One such pass is an *epoch*.
// `batches` does that.

// %%
const nn::data::Dataset ten = examples.select(arange(10));
const auto batches_of_3 = nn::data::batches(ten, {.size = 3, .shuffle = true, .seed = 1});
for (const auto& [inputs, targets] : batches_of_3) fmt::print("{} ", inputs.size(0));
fmt::print("examples in {} batches\n", batches_of_3.size());
const auto sum_cost = [&](const Tensor& t) { return sum(square(squares(t, x) - y)) / 2.0; };
const double ratio = (norm(grad_of(sum_cost, start)) / norm(grad_of(J, start))).item();
fmt::print("MIT's batch rule drops the 1/n of J: its step is {:.0f} times as long\n", ratio);

// %% [markdown]
// (That section defines $J = \frac1n \sum_i L$ and then writes the step of $J$ as
// $\eta \sum_i \nabla L$. One of the two is meant; below it is the mean.)
//
// ## The race
//
// Now 1,000 examples of a linear model with 10 weights and noise in $y$. $J^*$ is the least cost,
// by `lstsq`. Every run gets five epochs, so each computes 5,000 gradients of single examples.
// With $K = n$ these make 5 steps, with $K = 1$ they make 5,000.
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
const auto race = [&](std::int64_t K, double rate) {
  optim::Series way{.name = fmt::format("K = {}", K)};
  Tensor t = zeros({10}, float64);
  double evaluations = 0;
  const auto note = [&] {
    way.x.push_back(evaluations);
    way.y.push_back(J_noisy(t, X, noisy.targets()).item() - J_star);
  };
  for (std::uint64_t epoch = 0; epoch < 5; ++epoch) {
    const auto batches = nn::data::batches(noisy, {.size = K, .shuffle = true, .epoch = epoch});
    for (const auto& batch : batches) {
      if (std::fmod(evaluations, 50) == 0) note();
      const auto J_K = [&](const Tensor& p) { return J_noisy(p, batch.inputs, batch.targets); };
      t = t - rate * grad_of(J_K, t);
      evaluations += static_cast<double>(K);
    }
  }
  note();
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
optim::save_picture("04_downhill.svg", {optim::Chart{
    .series = slow,
    .options = {.title = "Five epochs at learning rate 0.02", .x_label = "gradients of examples",
                .y_label = "J - J*", .log_y = true, .width = 420, .height = 320, .legend = true}}});

// %% [markdown]
// At the small rate many steps win: $K = 10$ beats all, and $K = 1$ is stopped by its own noise.
// At the large rate the large batches catch up and single examples fly off. A rate belongs to a
// batch size.
//
// $K = n$ is gradient descent itself, and $K = 1$ is SGD with one pass in random order.
//
// ## Shrinking steps
//
// With a fixed rate SGD never comes to rest: near the minimum every example pulls its own way.
// MIT 6.7.1 asks for rates $\eta(t)$ that decrease "at an appropriate rate". Robbins and Monro
// (1951) say which: their sum diverges, the sum of their squares does not, as for
// $\eta(t) = \eta_0 / (1 + t / \tau)$.

// %%
const auto sgd_run = [&](const optim::Curve& curve) {
  const Parameter t(zeros({10}, float64), "t");
  optim::SGD optimizer({t}, {.lr = 0.05});
  optim::Schedule schedule(optimizer, curve);
  for (std::uint64_t epoch = 0; epoch < 20; ++epoch) {
    const auto batches = nn::data::batches(noisy, {.size = 1, .shuffle = true, .epoch = epoch});
    for (const auto& [inputs, targets] : batches) {
      const Tensor loss = J_noisy(t, inputs, targets);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      schedule.step();
    }
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
// ## Exercises
//
// `04_downhill_exercises.cpp` has a hole for each; fill it in and run it.
//
// 1. For which $K$ is mini-batch descent the batch method, for which is it SGD? How many steps
//    has an epoch?
// 2. Write lines 4-7 of Mini-Batch-SGD with `randperm` and `slice`, without `batches`.
//
// Next: [exclusive or](05_xor.md).

// %% tags=["program"]
return report({{"gradient by hand, difference", hand_difference, 0, 1e-14},
               {"by hand and optim::SGD, difference", sgd_difference, 0, 1e-14},
               {"distance from the truth", found, 0, 1e-3},
               {"ends of the linear model, spread", line_spread, 0, 1e-12},
               {"SGD on exact data", single_miss, 0, 1e-12},
               {"mini-batches on exact data", few_miss, 0, 1e-12},
               {"batches of 3 out of 10", static_cast<double>(batches_of_3.size()), 4, 4},
               {"J - J*, K = 10, rate 0.02", slow[1].y.back(), 2.5e-4, 2e-3},
               {"J - J*, K = 100, rate 0.2", fast[2].y.back(), 2.9e-4, 2e-3},
               {"distance, fixed rate", fixed_distance, 0.27, 0.1},
               {"distance, shrinking rate", shrinking_distance, 0.003, 0.02}});
}
