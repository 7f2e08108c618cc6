// %% tags=["program"]
// Writing an op of your own, in three ways, and proving that its gradient is right.
#include <gradtape/autograd/formula.hpp>
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;
using namespace gradtape::optim;

int main() {
// %% [markdown]
// # 30. Writing an op, and proving it right
//
// Sooner or later a model needs a function that the library does not have. It takes minutes to
// write one. It takes longer to be sure of its gradient, because a wrong gradient does not crash:
// the training goes on, only worse, or not even that. This chapter writes one function in three
// ways and then tries hard to break it.
//
// It goes beyond the notes: chapters 6 and 7 have derived such rules by hand, and here is the
// practice. The reference is the page "Ops of your own" (docs/custom_ops.md).
//
// ## The function
//
// We take the sum of two numbers that are kept as logarithms, $f(a, b) = \log(e^a + e^b)$.
// Probabilities are added so, and it is a maximum without a corner. With the sigmoid
// $\sigma(z) = 1 / (1 + e^{-z})$ its derivatives are
//
// $$\frac{\partial f}{\partial a} = \sigma(a - b), \qquad
// \frac{\partial f}{\partial b} = \sigma(b - a), \qquad
// \frac{\partial^2 f}{\partial a^2} = \sigma(a - b)\, \sigma(b - a).$$
//
// (The library has it as `logaddexp`. So we can look up the answer.)
//
// ## First way: compose it
//
// What consists of ops is differentiable already.

// %%
const auto composed = [](const Tensor& a, const Tensor& b) { return log(exp(a) + exp(b)); };
const auto show_at = [](const auto& f, double a, double b) {
  const auto of_a = [&](const Tensor& v) { return f(v, tensor(b, float64)); };
  const Tensor point = tensor(a, float64);
  fmt::print("f({}, {}) = {:.4f}, df/da = {:.4f}\n", a, b, of_a(point).item(),
             grad_of(of_a, point).item());
};
show_at(composed, 1, 0);
show_at(composed, 800, 0);

// %% [markdown]
// The formula is right and the numbers are not: $e^{800}$ is too large for a double, and the slope
// is silently 0 in place of 1. The larger of the two has to be taken out first:
// $f(a, b) = \max(a, b) + \log(1 + e^{-|a - b|})$.
//
// ## Second way: a formula
//
// `formula` makes one op of an elementwise expression: one pass over memory, and no derivative to
// write.

// %%
const auto fused = formula("log_add_formula", [](auto a, auto b) {
  return maximum(a, b) + log1p(exp(-abs(a - b)));
});
const auto by_formula = [&](const Tensor& a, const Tensor& b) { return fused(a, b); };
show_at(by_formula, 1, 0);
show_at(by_formula, 800, 0);

// %% [markdown]
// Good. Is it right? `gradcheck` compares the gradient with finite differences, and with
// `.order = 2` the gradient of the gradient too. It needs points to do that at, and a good choice
// of points is half of a proof. Where could this formula go wrong? Where the maximum changes over:
// at $a = b$.

// %%
const Tensor a = tensor({-2.0, 0.3, 1.5}, float64), b = tensor({0.7, -0.4, 2.2}, float64);
fmt::print("a and b different: {}\n", name(gradcheck(by_formula, {a, b}, {.order = 2}).verdict));
fmt::print("a = b:             {}\n", name(gradcheck(by_formula, {a, a}, {.order = 2}).verdict));
const auto curvature = [](const auto& f, double at_a, double at_b) {
  const auto of_a = [&](const Tensor& v) { return f(v, tensor(at_b, float64)); };
  return hessian(of_a, tensor(at_a, float64)).item();
};
fmt::print("second derivative at (1, 1): {:.2f}\n", std::abs(curvature(by_formula, 1, 1)));

// %% [markdown]
// It fails at $a = b$: the second derivative there is 0 and should be $\sigma(0)^2 = \tfrac14$. The
// corners of `maximum` and `abs` cancel in the value, but each of the two takes the slope at its
// own corner without knowing of the other. In training by gradients nobody would ever notice;
// Newton's method would.
//
// ## Third way: record it
//
// `record` takes the value, however it was computed, the inputs, and for each input its
// *vector-Jacobian product*: a function from $g$, the cotangent of the result, to the cotangent of
// that input. Written in tensors it is itself differentiable, to any order.

// %%
const auto value_of = [](const Tensor& p, const Tensor& q) {  // it could be any code at all
  return maximum(p, q) + log1p(exp(-abs(p - q)));
};
const auto log_add = [&](const Tensor& a_in, const Tensor& b_in) {
  return record("log_add", value_of(a_in.detach(), b_in.detach()), {a_in, b_in},
                {[a_in, b_in](const Tensor& g) { return g * sigmoid(a_in - b_in); },
                 [a_in, b_in](const Tensor& g) { return g * sigmoid(b_in - a_in); }});
};
show_at(log_add, 800, 0);
fmt::print("a and b different: {}\n", name(gradcheck(log_add, {a, b}, {.order = 2}).verdict));
fmt::print("a = b:             {}\n", name(gradcheck(log_add, {a, a}, {.order = 2}).verdict));
fmt::print("second derivative at (1, 1): {:.2f}\n", curvature(log_add, 1, 1));

// %% [markdown]
// Here are the function and its two derivatives, and the point that the formula misses:

// %%
const Tensor line = linspace(-4, 4, 161, float64);
const auto sum_f = [&](const Tensor& v) { return sum(log_add(v, zeros_like(v))); };
const auto slope = [&](const Tensor& v) { return grad_of(sum_f, v); };
const Tensor bend = grad_of([&](const Tensor& v) { return sum(slope(v)); }, line);
save_picture("30_writing_an_op.svg",
             {{.series = {{.name = "f(a, 0)", .x = line, .y = log_add(line, zeros_like(line))},
                          {.name = "slope", .x = line, .y = slope(line)},
                          {.name = "curvature", .x = line, .y = bend},
                          {.name = "by formula", .x = {0.0}, .y = {curvature(by_formula, 0, 0)},
                           .mark = Mark::points, .colour = colour::dark, .size = 5}},
               .options = {.title = "the formula misses the curvature at 0", .x_label = "a",
                           .width = 460, .height = 320, .y_limits = {-0.1, 1.3}, .legend = true}}});

// %% [markdown]
// ## Seven slips
//
// Now we make mistakes on purpose, and look at them in two ways. The first is what most people do:
// train something with the op and see whether the loss goes down. Here we look for the two weights
// in $\log(e^{w_0 x} + e^{w_1 x})$ from values of that function, which can be fitted exactly. The
// second is `gradcheck`.
//
// **Predict before you run on:** which of the seven will the training not notice? And which one
// will gradcheck not notice, if all of its samples have $a = b$?

// %%
const auto with_rules = [&](const auto& rule_a, const auto& rule_b) {
  return [=](const Tensor& p, const Tensor& q) {
    return record("slip", value_of(p.detach(), q.detach()), {p, q},
                  {[=](const Tensor& g) -> Tensor { return rule_a(g, p, q); },
                   [=](const Tensor& g) -> Tensor { return rule_b(g, p, q); }});
  };
};
const Tensor x = linspace(-2, 2, 41, float64), target = logaddexp(2.0 * x, -1.0 * x);
const auto loss_after_training = [&](const auto& op) {
  const Parameter w(tensor({0.5, 0.2}, float64), "w");
  SGD sgd({w}, {.lr = 0.1});
  for (int step = 0; step < 300; ++step) {
    sgd.zero_grad();
    nn::mse_loss(op(w[0] * x, w[1] * x), target).backward();
    sgd.step();
  }
  return nn::mse_loss(op(w[0] * x, w[1] * x), target).item();
};
int unnoticed = 0, caught = 0;
const auto examine = [&](const char* what, const auto& op) {
  const double loss = loss_after_training(op);
  const GradcheckResult good = gradcheck(op, {a, b}, {.order = 2});
  const GradcheckResult poor = gradcheck(op, {a, a}, {.order = 2});
  unnoticed += loss < 1e-12 ? 1 : 0;
  caught += good ? 0 : 1;
  fmt::print("{:<21}{:<11}{:<31}{}\n", what, loss < 1e-12 ? "fits" : "does not",
             good ? "pass" : name(good.cause), name(poor.verdict));
};
const auto da = [](auto g, auto p, auto q) { return g * sigmoid(p - q); };
const auto db = [](auto g, auto p, auto q) { return g * sigmoid(q - p); };
fmt::print("{:<21}{:<11}{:<31}{}\n", "slip", "training", "gradcheck's cause", "with a = b");
examine("twice too large", with_rules([=](auto g, auto p, auto q) { return 2.0 * da(g, p, q); },
                                      [=](auto g, auto p, auto q) { return 2.0 * db(g, p, q); }));
examine("off by 1 in 100,000", with_rules(da, [=](auto g, auto p, auto q) {
          return 1.00001 * db(g, p, q);
        }));
examine("detached", with_rules([](auto g, auto p, auto q) { return g * sigmoid(p - q).detach(); },
                               [](auto g, auto p, auto q) { return g * sigmoid(q - p).detach(); }));
examine("g forgotten", with_rules([](auto, auto p, auto q) { return sigmoid(p - q); },
                                  [](auto, auto p, auto q) { return sigmoid(q - p); }));
examine("slope forgotten", with_rules([](auto g, auto, auto) { return g; },
                                      [](auto g, auto, auto) { return g; }));
examine("exchanged", with_rules(db, da));
examine("wrong sign for b", with_rules(da, [=](auto g, auto p, auto q) { return -db(g, p, q); }));

// %% [markdown]
// The training finds the exact weights with three of the seven. Even a gradient twice too large
// only acts like another learning rate; it will hurt later, beside another term of a loss.
// `gradcheck` finds all seven and names the cause of each. (A detached rule is wrong in the second
// derivative only.) But with $a = b$ it lets the exchange pass: both rules give $g / 2$ there, so
// nobody could tell.
//
// ## All tests in one line
//
// How do we know that our samples are good? `test_op` asks. Beside a dozen properties that an op of
// the library has, it makes mistakes of its own in the rules and lists those that these samples
// would not have shown.

// %%
const Tensor rows = stack({a, b}), row = tensor({1.0, 0.5, -0.7}, float64);
const OpTestResult good = test_op({.name = "log_add", .f = log_add, .inputs = {rows, row}});
std::cout << good << "\n";
const OpTestResult poor = test_op({.name = "log_add", .f = log_add, .inputs = {a, a}});
std::cout << poor.properties.back().problem << "\n";

// %% [markdown]
// The first sample, two rows against one, also tests the broadcasting: the rule returns what has
// the shape of the result, and the tape sums it to the shape of the input.
//
// ## What was learnt
//
// - Compose first, then write a formula, then record. Only the last has a derivative by hand.
// - A loss that goes down proves nothing about a gradient.
// - A check is as good as its samples. Mutations test the samples.
//
// ## Exercises
//
// `30_writing_an_op_exercises.cpp` has a hole for each; fill it in and run it.
//
// 1. Write $f$ as a formula without `maximum` and `abs`, by `softplus`. Its curvature is right.
// 2. Record $\log \cosh x$, whose value is given: write its rule.
// 3. A rule may take the op's own result as a second argument. Write that of $e^x$ so.
// 4. Choose a second sample with which no mutation of `log_add` goes unnoticed.
//
// Next: [memory and speed](31_memory_and_speed.md).

// %% tags=["program"]
return report({{"curvature of the recorded op at a = b", curvature(log_add, 1, 1), 0.25, 0.25},
               {"curvature of the formula there", std::abs(curvature(by_formula, 1, 1)), 0, 0},
               {"slips that training did not notice", static_cast<double>(unnoticed), 3, 3},
               {"slips that gradcheck noticed", static_cast<double>(caught), 7, 6.5},
               {"test_op passes", good ? 1.0 : 0.0, 1, 0.5},
               {"and refuses equal samples", poor ? 0.0 : 1.0, 1, 0.5}});
}
