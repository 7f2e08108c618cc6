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
// write one, and longer to be sure of its gradient, because a wrong gradient does not crash: the
// training goes on, only worse. This chapter, which goes beyond the notes, writes one function in
// three ways and then tries hard to break it. The reference is docs/custom_ops.md.
//
// ## The function
//
// We take the sum of two numbers that are kept as logarithms, $f(a, b) = \log(e^a + e^b)$, as
// probabilities are. With the sigmoid $\sigma(z) = 1 / (1 + e^{-z})$ its derivatives are
//
// $$\frac{\partial f}{\partial a} = \sigma(a - b), \qquad
// \frac{\partial f}{\partial b} = \sigma(b - a), \qquad
// \frac{\partial^2 f}{\partial a^2} = \sigma(a - b)\, \sigma(b - a).$$
//
// (It is `logaddexp`.) First way: compose it. What consists of ops is differentiable already.

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
// write. Is it right? `gradcheck` compares the gradient with finite differences, and with
// `.order = 2` the gradient of the gradient too. A good choice of points is half of a proof. Where
// could this formula go wrong? Where the maximum changes over: at $a = b$.

// %%
const auto fused = formula("log_add_formula", [](auto a, auto b) {
  return maximum(a, b) + log1p(exp(-abs(a - b)));
});
const auto by_formula = [&](const Tensor& a, const Tensor& b) { return fused(a, b); };
show_at(by_formula, 1, 0);
show_at(by_formula, 800, 0);
const Tensor a = tensor({-2.0, 0.3, 1.5}, float64), b = tensor({0.7, -0.4, 2.2}, float64);
const auto check = [&](const auto& f) {
  fmt::print("a and b different: {}\n", name(gradcheck(f, {a, b}, {.order = 2}).verdict));
  fmt::print("a = b:             {}\n", name(gradcheck(f, {a, a}, {.order = 2}).verdict));
};
check(by_formula);
const auto curvature = [](const auto& f, double at_a, double at_b) {
  const auto of_a = [&](const Tensor& v) { return f(v, tensor(at_b, float64)); };
  return hessian(of_a, tensor(at_a, float64)).item();
};
fmt::print("second derivative at (1, 1): {:.2f}\n", std::abs(curvature(by_formula, 1, 1)));

// %% [markdown]
// It fails at $a = b$: the second derivative there is 0 and should be $\sigma(0)^2 = \tfrac14$. The
// corners of `maximum` and `abs` cancel in the value, but each takes the slope at its own corner.
// In training by gradients nobody would ever notice; Newton's method would.
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
check(log_add);
fmt::print("second derivative at (1, 1): {:.2f}\n", curvature(log_add, 1, 1));
const Tensor line = linspace(-4, 4, 161, float64);
const auto sum_f = [&](const Tensor& v) { return sum(log_add(v, zeros_like(v))); };
const auto slope = [&](const Tensor& v) { return grad_of(sum_f, v); };
const Tensor bend = grad_of([&](const Tensor& v) { return sum(slope(v)); }, line);
save_picture("30_writing_an_op.svg",
    {{{{.name = "f(a, 0)", .x = line, .y = log_add(line, zeros_like(line))},
       {.name = "slope", .x = line, .y = slope(line)},
       {.name = "curvature", .x = line, .y = bend},
       {.name = "by formula", .x = {0.0}, .y = {curvature(by_formula, 0, 0)},
        .mark = Mark::points, .colour = colour::dark, .size = 5}},
      {.title = "the formula misses the curvature at 0", .x_label = "a", .width = 460,
       .height = 320, .y_limits = {-0.1, 1.3}, .legend = true}}});

// %% [markdown]
// ## Seven slips
//
// Now we make mistakes on purpose, and look at them in two ways. The first is what most people do:
// train something with the op, here the two weights in $\log(e^{w_0 x} + e^{w_1 x})$, and see
// whether the loss goes down. The second is `gradcheck`.
//
// **Predict before you run on:** which of the seven will the training not notice? And which one
// will gradcheck not notice, if all of its samples have $a = b$?

// %%
const Tensor x = linspace(-2, 2, 41, float64), target = logaddexp(2.0 * x, -1.0 * x);
int unnoticed = 0, caught = 0;
const auto examine = [&](const char* what, const auto& rule_a, const auto& rule_b) {
  const auto op = [&](const Tensor& p, const Tensor& q) {
    return record("slip", value_of(p.detach(), q.detach()), {p, q},
                  {[=](const Tensor& g) -> Tensor { return rule_a(g, p - q); },
                   [=](const Tensor& g) -> Tensor { return rule_b(g, q - p); }});
  };
  const Parameter w(tensor({0.5, 0.2}, float64), "w");
  SGD sgd({w}, {.lr = 0.1});
  const auto loss = [&] { return nn::mse_loss(op(w[0] * x, w[1] * x), target); };
  for (int step = 0; step < 300; ++step) {
    sgd.zero_grad();
    loss().backward();
    sgd.step();
  }
  const bool fits = loss().item() < 1e-12;
  const GradcheckResult good = gradcheck(op, {a, b}, {.order = 2});
  unnoticed += fits ? 1 : 0;
  caught += good ? 0 : 1;
  fmt::print("{:<21}{:<11}{:<31}{}\n", what, fits ? "fits" : "does not",
             good ? "pass" : name(good.cause), name(gradcheck(op, {a, a}, {.order = 2}).verdict));
};
const auto both = [&](const char* what, const auto& rule) { examine(what, rule, rule); };
const auto right = [](auto g, auto z) { return g * sigmoid(z); };  // z: a - b, or b - a
fmt::print("{:<21}{:<11}{:<31}{}\n", "slip", "training", "gradcheck's cause", "with a = b");
both("twice too large", [](auto g, auto z) { return 2.0 * g * sigmoid(z); });
examine("off by 1 in 100,000", right, [](auto g, auto z) { return 1.00001 * g * sigmoid(z); });
both("detached", [](auto g, auto z) { return g * sigmoid(z).detach(); });
both("g forgotten", [](auto, auto z) { return sigmoid(z); });
both("slope forgotten", [](auto g, auto) { return g; });
both("exchanged", [](auto g, auto z) { return g * sigmoid(-z); });
examine("wrong sign for b", right, [](auto g, auto z) { return -g * sigmoid(z); });

// %% [markdown]
// The training finds the exact weights with three of the seven: a gradient twice too large only
// acts like another learning rate. `gradcheck` finds all seven and names their causes. (A detached
// rule is wrong in the second derivative only.) But with $a = b$ it lets the exchange pass.
//
// ## All tests in one line
//
// How do we know that our samples are good? `test_op` asks. Beside a dozen properties that an op of
// the library has, it makes mistakes of its own in the rules and lists those that these samples
// would not have shown. (Two rows against one test the broadcasting: the rule returns what has the
// shape of the result, and the tape sums it to the shape of the input.)

// %%
const Tensor rows = stack({a, b}), row = tensor({1.0, 0.5, -0.7}, float64);
const OpTestResult good = test_op({.name = "log_add", .f = log_add, .inputs = {rows, row}});
std::cout << good << "\n";
const OpTestResult poor = test_op({.name = "log_add", .f = log_add, .inputs = {a, a}});
std::cout << poor.properties.back().problem << "\n";

// %% [markdown]
// ## What was learnt
//
// - Compose first, then write a formula, then record. Only the last has a derivative by hand.
// - A loss that goes down proves nothing about a gradient.
// - A check is as good as its samples. Mutations test the samples.
//
// ## Exercises: fill in `30_writing_an_op_exercises.cpp`
//
// 1. Write $f$ as a formula without `maximum` and `abs`, by `softplus`. Its curvature is right.
// 2. Record $\log \cosh x$, whose value is given: write its rule.
// 3. A rule may take the op's own result as a second argument. Write that of $e^x$ so.
// 4. Choose a second sample with which no mutation of `log_add` goes unnoticed.
//
// Next: [memory and speed](31_memory_and_speed.md).

// %% tags=["program"]
return report({{"curvature of the recorded op at a = b", curvature(log_add, 1, 1), 0.25, 0.25},
               {"slips that training did not notice", static_cast<double>(unnoticed), 3, 3},
               {"slips that gradcheck noticed", static_cast<double>(caught), 7, 6.5}});
}
