// %% tags=["program"]
// Your own tape in a hundred lines: values, closures, and why each node is visited once.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <iostream>
#include <memory>
#include <unordered_set>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 0. Your own tape in a hundred lines
//
// Training a network means asking, for millions of numbers at once: *if this number grew a little,
// how would the loss change?* Reverse-mode differentiation answers for all of them in one sweep.
// This chapter builds such an engine for single numbers, watches it fail, repairs it, and then
// meets the library's, which does the same for arrays. It follows section 3.1 of the CS229
// deep-learning notes and the computational graphs of Goodfellow, Bengio and Courville, section
// 6.5. You need C++ and the chain rule, nothing else.
//
// ## A number that remembers
//
// Take $f(w, x) = \tanh(w x) + x$. To differentiate it by machine, every intermediate result
// becomes a *node*: its value, the nodes it was computed from, and a function that knows the
// derivative of one single operation. Its *gradient* is the derivative of the final result by it.

// %%
struct Node {
  double value = 0;
  double gradient = 0;                         // of the final result with respect to this node
  std::vector<std::shared_ptr<Node>> inputs;   // what it was computed from
  std::function<void(const Node&)> push_back;  // adds to the gradients of the inputs
};
using Value = std::shared_ptr<Node>;
const auto leaf = [](double value) { return std::make_shared<Node>(Node{value, 0, {}, {}}); };

// %% [markdown]
// ## One rule an operation
//
// For $c = a b$ the chain rule reads $\bar a = \bar c\, b$ and $\bar b = \bar c\, a$, where a bar
// marks the gradient of a node. (The literature calls $\bar c$ the *cotangent* of $c$.) The
// closure **adds**, since $a$ may be used elsewhere too, and the contributions sum up.

// %%
const auto mul = [](const Value& a, const Value& b) {
  return std::make_shared<Node>(Node{a->value * b->value, 0, {a, b}, [a, b](const Node& c) {
                                       a->gradient += c.gradient * b->value;
                                       b->gradient += c.gradient * a->value;
                                     }});
};
const auto add = [](const Value& a, const Value& b) {
  return std::make_shared<Node>(Node{a->value + b->value, 0, {a, b}, [a, b](const Node& c) {
                                       a->gradient += c.gradient;
                                       b->gradient += c.gradient;
                                     }});
};
const auto tanh_of = [](const Value& a) {
  return std::make_shared<Node>(Node{std::tanh(a->value), 0, {a}, [a](const Node& c) {
                                       a->gradient += c.gradient * (1 - c.value * c.value);
                                     }});
};

// %% [markdown]
// ## Backwards, first attempt
//
// The result's gradient with respect to itself is 1. From there the obvious way is recursion: each
// node hands its gradient on, then visits each input.

// %%
long visits = 0;
std::function<void(const Value&)> recurse = [&](const Value& node) {
  ++visits;
  if (node->push_back) node->push_back(*node);
  for (const Value& input : node->inputs) recurse(input);
};

const Value w = leaf(0.5), x = leaf(2.0);
const Value f = add(tanh_of(mul(w, x)), x);
f->gradient = 1;
recurse(f);
const double tanh_slope = 1 - std::pow(std::tanh(1.0), 2);
fmt::print("df/dw = {:.6f}, by hand {:.6f}\n", w->gradient, 2 * tanh_slope);
fmt::print("df/dx = {:.6f}, by hand {:.6f}\n", x->gradient, 0.5 * tanh_slope + 1);

// %% [markdown]
// Right, so far. Now a function in which a result is used twice. **Predict before you run on:** for
// $y = a^2$ and $z = y + y$ the derivative at $a = 3$ is $4 a = 12$. What will the recursion say?
// And how many visits does it take when such a doubling is repeated twenty times?

// %%
const Value a = leaf(3.0), y = mul(a, a), z = add(y, y);
z->gradient = 1;
visits = 0;
recurse(z);
fmt::print("recursion: dz/da = {} in {} visits\n", a->gradient, visits);
const double by_recursion = a->gradient;

Value doubled = leaf(1.0);
for (int i = 0; i < 20; ++i) doubled = add(doubled, doubled);
visits = 0;
recurse(doubled);
fmt::print("twenty doublings: {} visits for 21 nodes\n", visits);
const double recursive_visits = static_cast<double>(visits);

// %% [markdown]
// The value is wrong because $y$ was visited twice, and the second time it handed on what it had
// already handed on. And the visits are the *paths* through the graph, which double with every use.
//
// ## Each node once, and only when it is complete
//
// A node may hand on its gradient only after everything that uses it has done so. Any order in
// which each node stands after its inputs will do, walked from the end: a *topological order*.
// Every node is visited once, so the work is proportional to the number of operations. That is the
// whole backpropagation theorem for circuits, and chapter 9 measures it.

// %%
const auto backward = [&visits](const Value& result) {
  std::vector<Value> order;
  std::unordered_set<const Node*> seen;
  const std::function<void(const Value&)> place = [&](const Value& node) {
    if (!seen.insert(node.get()).second) return;
    for (const Value& input : node->inputs) place(input);
    order.push_back(node);  // after all of its inputs
  };
  place(result);
  for (const Value& node : order) node->gradient = 0;
  result->gradient = 1;
  visits = 0;
  for (auto node = order.rbegin(); node != order.rend(); ++node) {
    ++visits;
    if ((*node)->push_back) (*node)->push_back(**node);
  }
};

backward(z);
fmt::print("in order: dz/da = {} in {} visits\n", a->gradient, visits);
backward(doubled);
fmt::print("twenty doublings: {} visits for 21 nodes\n", visits);
const double ordered_visits = static_cast<double>(visits);

// %% [markdown]
// ## The library's
//
// gradtape does the same with arrays in place of numbers. A *leaf* is made by `requires_grad`,
// every op that touches it is recorded, and `grad` walks the record once, from the end.

// %%
const Tensor weight = tensor(0.5, float64).requires_grad("w");
const Tensor input = tensor(2.0, float64).requires_grad("x");
const std::vector<Tensor> gradients = grad(tanh(weight * input) + input, {weight, input});
fmt::print("df/dw = {:.6f}, df/dx = {:.6f}\n", gradients[0].item(), gradients[1].item());
backward(f);
const double difference = std::abs(gradients[0].item() - w->gradient) +
                          std::abs(gradients[1].item() - x->gradient);

// %% [markdown]
// ## A slip, and who finds it
//
// The rule of an op is written by hand, so it can be wrong. Here is a tanh whose closure has a
// sign wrong. Training would just never work. `gradcheck` compares it with finite differences and
// says what it thinks happened.

// %%
const auto careless_tanh = [](const Tensor& t) {
  const Tensor value = tanh(t.detach());
  return record("careless_tanh", value, {t},
                {[value](const Tensor& g) { return g * (square(value) - 1.0); }});
};
const GradcheckResult verdict = gradcheck(careless_tanh, tensor({0.5, 1.5}, float64));
std::cout << verdict << "\n";

// %% [markdown]
// ## What was learnt
//
// - A gradient needs one local rule for each operation, and the rules add into their inputs.
// - Each node is visited once, after all its users; recursion over paths is wrong and exponential.
// - Rules are written by people. Compare them with differences before you trust them.
//
// ## Exercises: fill in `00_own_tape_exercises.cpp`
//
// 1. Write the closure of $c = a / b$.
// 2. How many visits would recursion need for $n$ doublings? Give the formula.
// 3. Repair `careless_tanh`.
//
// Next: [a graph that remembers](01_graph.md).

// %% tags=["program"]
return report({{"dz/da by recursion", by_recursion, 24, 24},
               {"visits of twenty doublings, by recursion", recursive_visits, 2097151, 2097151},
               {"visits of twenty doublings, in order", ordered_visits, 21, 21},
               {"difference to the library", difference, 0, 1e-15}});
}
