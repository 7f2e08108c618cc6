// %% tags=["program"]
// A graph that remembers: intermediates, shared results, and the gradient as a graph of its own.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 1. A graph that remembers
//
// The chain rule is one line of mathematics. The art is in the bookkeeping: which intermediate
// results to keep, and how to use each of them only once. This chapter looks at the record that
// gradtape keeps, the *graph*, and at what can be read from it.
//
// It follows section 3.1 of the CS229 deep-learning notes, equations (3.1) to (3.3); the slides
// "Multilayer Perceptron", "Chain Rule of Calculus" and "Recursively Applying the Chain Rule" of
// the Goodfellow et al. chapter 6 slides; and sections 6.5.5 and 6.5.6 of the book itself.
//
// ## Intermediates
//
// The notes write an output $J$ that depends on inputs $\theta_1, \dots, \theta_p$ only through
// intermediates $g_1, \dots, g_k$: (3.1) is $g_j = g_j(\theta_1, \dots, \theta_p)$ and (3.2) is
// $J = J(g_1, \dots, g_k)$. Then (3.3) is the chain rule:
//
// $$\frac{\partial J}{\partial \theta_i} = \sum_{j=1}^{k} \frac{\partial J}{\partial g_j}\,
// \frac{\partial g_j}{\partial \theta_i}$$
//
// Here is a small case of it, with $\theta = (w, x)$ and three intermediates:
//
// $$u_1 = w x, \qquad u_2 = e^{u_1 / 10}, \qquad u_3 = u_1 u_2$$
//
// Note that $u_1$ is used twice. By hand, at $w = 2$ and $x = 3$: $\partial u_3 / \partial u_2 =
// u_1 = 6$, and $\partial u_3 / \partial u_1 = u_2 + u_1 u_2 / 10$, a sum over the two uses.

// %%
const Trace notes;  // keeps the values while the operations run
const Tensor w = tensor(2.0, float64).requires_grad("w");
const Tensor x = tensor(3.0, float64).requires_grad("x");
const Tensor u1 = w * x, u2 = exp(u1 / 10.0), u3 = u1 * u2;
print(Tape(u3));

// %% [markdown]
// That is the record, the *tape*: one line for each operation, in the order they were run. The
// last numbers are the lines of its inputs. Line 5 uses lines 2 and 4, so the graph has a fork.
//
// The table of section 6.5.6 adds to each line its value and the gradient of $u_3$ with respect to
// it. One call fills it in, in one walk from the last line to the first. `grad` gives single
// gradients, and not only those of the leaves.

// %%
print(Tape(u3), {.values = &notes, .gradients = true});
const std::vector<Tensor> table = grad(u3, {u3, u2, u1, x, w}, {.retain_graph = true});
fmt::print("d u3 / d u1 by hand: {:.4f}\n", std::exp(0.6) * (1 + 6.0 / 10));

// %% [markdown]
// ## The chain rule for vectors
//
// The slides state it for $y = g(x)$ with $x \in \mathbb{R}^m$, $y \in \mathbb{R}^n$ and
// $z = f(y)$:
// $\partial z / \partial x_i = \sum_j (\partial z / \partial y_j)(\partial y_j / \partial x_i)$.
// The numbers $\partial y_j / \partial x_i$ form the Jacobian $[n, m]$, so the sum is a product of
// a row vector and a matrix. Take $y = (x_1 x_2,\ x_2 + x_3)$ and $z = y_1 y_2$ at $x = (1, 2, 3)$.

// %%
const auto g = [](const Tensor& v) { return stack({v[0] * v[1], v[1] + v[2]}); };
const auto f = [](const Tensor& y) { return y[0] * y[1]; };
const Tensor point = tensor({1.0, 2.0, 3.0}, float64);
const Tensor dz_dy = grad_of(f, g(point)), dy_dx = jacobian(g, point);
const Tensor dz_dx = grad_of([&](const Tensor& v) { return f(g(v)); }, point);
std::cout << "dz/dy = " << dz_dy << "\ndy/dx = " << dy_dx << "\n(dz/dy)(dy/dx) = "
          << matmul(dz_dy, dy_dx) << "\ndz/dx = " << dz_dx << "\n";

// %% [markdown]
// A network is the same thing with more links: the slides write
// $f(x) = f^{(3)}(f^{(2)}(f^{(1)}(x)))$ and call each $f^{(k)}$ a *layer*. `nn::Sequential` is
// that composition. Any function will do for a layer, and the gradient through all three is again
// the product of the three derivatives.

// %%
const auto f1 = [](const Tensor& t) { return 2.0 * t + 1.0; };
const auto f2 = [](const Tensor& t) { return tanh(t); };
const auto f3 = [](const Tensor& t) { return square(t); };
const nn::Sequential network(f1, f2, f3);
const double at_point = 0.25, h2 = std::tanh(2 * at_point + 1);
const Tensor slope = grad_of(network, tensor(at_point, float64));
fmt::print("f3'(h2) f2'(h1) f1'(x) = {:.6f}\n", 2 * h2 * (1 - h2 * h2) * 2);
fmt::print("gradient of the network = {:.6f}\n", slope.item());

// %% [markdown]
// ## Store and reuse
//
// **Predict before you run on:** start with $y_0 = 1$ and set $y_{t+1} = y_t / 2 + y_t / 2$ sixty
// times. The result is still $y_0$, so the derivative is 1. Written out, the chain rule is a sum
// over all paths from the end to the start. How many paths are there? And how many nodes does the
// backward pass visit?

// %%
const Tensor start = tensor(1.0, float64).requires_grad("y0");
Tensor y = start;
for (int t = 0; t < 60; ++t) y = y / 2.0 + y / 2.0;
const Tape tape(y);
std::vector<double> paths(tape.size(), 0.0);  // from the start to each node
paths[tape.position(start)] = 1;
for (std::size_t i = 0; i < tape.size(); ++i)
  for (const std::size_t input : tape.inputs(i)) paths[i] += paths[input];
const double dy_dstart = grad(y, {start})[0].item();
const double visited = static_cast<double>(last_pass().nodes_visited);
fmt::print("derivative {}, paths {:.0f}, nodes visited {}\n", dy_dstart, paths.back(), visited);

// %% [markdown]
// There are $2^{60}$ paths and 181 nodes: one start, and three operations in each round. Because
// the gradient of a node is stored and only handed on once, the work follows the nodes.
//
// ## The gradient is a graph too
//
// The rules of each operation are made of operations, so the backward pass can be recorded like
// anything else. Section 6.5.5 calls this symbol-to-symbol differentiation. With `create_graph`
// the result carries its own graph, and that graph can be differentiated again.

// %%
const Tensor du3_dw = grad(u3, {w}, {.create_graph = true})[0];
const Tape gradient_tape(du3_dw);
print(gradient_tape);
const double gradient_nodes = static_cast<double>(gradient_tape.size());
const double second = grad(du3_dw, {w}, {.retain_graph = true})[0].item();
const double second_by_hand = 9 * std::exp(0.6) * (2.0 / 10 + 6.0 / 100);
fmt::print("d2u3/dw2 = {:.4f}, by hand {:.4f}\n", second, second_by_hand);

// %% [markdown]
// By hand: $u_3 = u_1 e^{u_1/10}$ has the second derivative $e^{u_1/10}(2/10 + u_1/100)$ in
// $u_1$, and $u_1 = w x$ contributes the factor $x^2 = 9$.
//
// The picture shows both tapes: a dot for each line, and an arc from each line to one that uses it.
// The second tape begins as the first one does: the gradient takes up what the forward pass has
// stored. (`masked_mul` is the product of a chain rule: 0 where the incoming gradient is 0.)

// %%
const auto drawing = [](const Tape& of, const std::string& title) {
  optim::Chart chart{.options = {.title = title, .y_label = "lines apart",
                                   .width = 420, .height = 220}};
  const std::map<std::string, std::string> sign{
      {"mul", "*"}, {"masked_mul", "*"}, {"div", "/"}, {"add", "+"}};
  for (std::size_t i = 0; i < of.size(); ++i) {
    const std::string name = of.is_leaf(i) ? of.leaf_name(i) : of.name(i);
    chart.options.x_names.push_back(sign.contains(name) ? sign.at(name) : name);
    for (const std::size_t input : of.inputs(i)) {
      const auto from = static_cast<double>(input), to = static_cast<double>(i);
      const Tensor angle = linspace(std::numbers::pi, 0.0, 40, float64);  // half an ellipse
      chart.series.push_back({.x = (from + to) / 2 + (to - from) / 2 * cos(angle),
                              .y = (to - from) * sin(angle),
                              .colour = optim::colour::grey, .size = 1.5});
    }
  }
  chart.series.push_back({.y = zeros({static_cast<std::int64_t>(of.size())}),
                          .mark = optim::Mark::points, .colour = optim::colour::blue, .size = 5});
  return chart;
};
optim::save_picture("01_graph.svg", {drawing(Tape(u3), "The tape of u3"),
                                     drawing(gradient_tape, "The tape of its gradient, du3/dw")});

// %% [markdown]
// Two more views: `dot(tape)` gives Graphviz's language for a large drawing, and a `Trace` writes
// a page, by `save_html("tape.html", u3)`, that steps through both passes with all values.
//
// ## What was learnt
//
// - A graph stores each intermediate once; gradients of all of them come out of one walk.
// - A result used twice gets a sum of two contributions; paths multiply, nodes do not.
// - The gradient is computed by operations, so it has a graph and a gradient of its own.
//
// ## Exercises: fill in `01_graph_exercises.cpp`
//
// 1. Draw the graph of $J = (a + b)(b + 1)$ at $a = 1$, $b = 2$ by hand and write down the
//    gradient of every node. Then let the library check it.
// 2. The third derivative of $u_3$ with respect to $w$: three calls of `grad`.
// 3. A diamond: $p = a^2$, $q = \sin p$, $r = p^3$, $s = q r$. Sum over paths, then over nodes.
//
// Next: [one neuron, then twelve parameters](02_neuron.md).

// %% tags=["program"]
return report({{"du3/du1", table[2].item(), 2.9154, 2.9155},
               {"du3/dw", table[4].item(), 8.7462, 8.7463},
               {"vector chain rule, difference",
                max(abs(matmul(dz_dy, dy_dx) - dz_dx)).item(), 0, 1e-14},
               {"paths / 2^60", paths.back() / std::pow(2.0, 60), 1, 1},
               {"nodes visited", visited, 181, 181},
               {"nodes of the gradient's graph", gradient_nodes, 11, 11},
               {"second derivative, difference", std::abs(second - second_by_hand), 0, 1e-12}});
}
