// %% tags=["program"]
// A gradient costs a small multiple of the function, for any number of inputs: counted and timed.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 9. The gradient costs O(1) times the function
//
// A network with a million weights has a million partial derivatives. It sounds as if they should
// cost a million times as much as the loss itself. They cost about two or three times as much, and
// that is the reason why deep learning is possible at all. This chapter counts and times it.
//
// It follows Theorem 3.1 and its footnote in section 3 of the CS229 deep-learning notes, and the
// remark on run time in section 3.3 there (p. 13).
//
// ## Circuits
//
// The notes call a composition of $N$ elementary operations (sums, differences, products, sines and
// so on) a *differentiable circuit of size* $N$. Theorem 3.1: if it computes a function
// $f: \mathbb{R}^\ell \to \mathbb{R}$, its whole gradient $\nabla f$ takes a circuit of size
// $O(N)$, whatever $\ell$ is. The reason is chapter 0: the backward pass visits each operation
// once, and each operation's rule takes a few operations itself.
//
// To have no say in the matter ourselves we draw circuits at random. Each operation takes the last
// result and one of the fifty before it. `cost` counts the operations of the forward pass as it was
// recorded, and of a backward pass, which it runs.
//
// **Predict before you run on:** a product $c = a b$ needs two products backwards, a sine one
// cosine and one product, a sum nothing; and where a result was used twice, its gradients are
// added. About how large is the ratio of backward to forward work, and how does it grow from
// $N = 100$ to $N = 100{,}000$?

// %%
const auto circuit = [](std::int64_t size, const std::vector<Tensor>& inputs) {
  const Generator chance(9);
  std::vector<Tensor> results = inputs;
  results.reserve(results.size() + static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) {
    const std::size_t back = 1 + chance.below(std::min<std::size_t>(50, results.size()));
    const Tensor last = results.back(), earlier = results[results.size() - back];
    switch (chance.below(4)) {
      case 0: results.push_back(last + earlier); break;
      case 1: results.push_back(last - earlier); break;
      case 2: results.push_back(last * earlier); break;
      default: results.push_back(sin(last));
    }
  }
  return results.back();
};
const auto seconds = [](const std::function<void()>& task) {  // of the processor
  const std::clock_t start = std::clock();
  task();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
};

const Generator draws(9);
std::vector<Tensor> inputs;
for (int i = 0; i < 3; ++i) inputs.push_back(randn({}, float64, draws).requires_grad());
std::vector<double> sizes, forward, backward, ratios, times;
std::size_t visited = 0;
for (const std::int64_t n : {100, 1'000, 10'000, 100'000}) {
  const Cost counted = cost(circuit(n, inputs));
  sizes.push_back(static_cast<double>(n));
  forward.push_back(counted.total.forward_flops);
  backward.push_back(counted.total.backward_flops);
  ratios.push_back(counted.total.ratio());
  double best = 1;
  for (int repeat = 0; repeat < 8; ++repeat)
    best = std::min(best, seconds([&] { (void)grad(circuit(n, inputs), inputs); }));
  times.push_back(best);
  visited = last_pass().nodes_visited;
  fmt::print("N = {:>6}: forward {:>6.0f}, backward {:>6.0f}, ratio {:.2f}; {:>6} nodes visited, "
             "~{:.0f} ns for an operation\n",
             n, forward.back(), backward.back(), ratios.back(), visited,
             1e9 * best / static_cast<double>(n));
}

using namespace optim;
save_picture("09_cost.svg",
    {{{{.name = "forward", .x = sizes, .y = forward},
       {.name = "backward", .x = sizes, .y = backward}},
      {.title = "Counted work", .x_label = "operations N", .y_label = "operations done",
       .log_x = true, .log_y = true, .width = 460, .height = 260}},
     {{{.name = "both", .x = sizes, .y = times}},
      {.title = "Processor time of both passes", .x_label = "operations N", .y_label = "seconds",
       .log_x = true, .log_y = true, .width = 460, .height = 260}}});

// %% [markdown]
// The ratio stays at 2 while $N$ grows a thousandfold. What an operation's rule costs depends on
// the operation alone. (The time for an operation may rise a little at the end, when the recording
// no longer fits into the fast memory of the processor; the count does not.)
//
// ## What a gradient of zero costs
//
// The theorem says $O(N)$, not $O(N + \ell)$, although $\nabla f$ has $\ell$ numbers. If a circuit
// is smaller than its number of inputs, most inputs are unused; the footnote sets their derivatives
// to zero, and does not count that. In the library it depends on whom you ask.

// %%
const Tensor used = tensor(3.0, float64).requires_grad("used");
const Tensor unused = tensor(5.0, float64).requires_grad("unused");
const auto only_first = [](const std::vector<Tensor>& in) { return square(in[0]); };
const std::vector<Tensor> both = grad_of(only_first, {used, unused});
fmt::print("grad_of: {} and {}\n", both[0].str(), both[1].str());
try {
  (void)grad(square(used), {used, unused});
} catch (const GraphError& error) {
  fmt::print("grad: {}\n", error.what());
}
const std::vector<Tensor> allowed = grad(square(used), {used, unused}, {.allow_unused = true});
square(used).backward();
fmt::print("grad with allow_unused: {} and {}\n", allowed[0].str(),
           allowed[1].defined() ? "a tensor" : "an undefined tensor");
fmt::print("backward: used.grad() is {}, unused.grad() is {}\n", used.grad().str(),
           unused.grad().defined() ? "a tensor" : "undefined");

// %% [markdown]
// `grad` refuses, since an input without influence is mostly a mistake. An undefined tensor stands
// for zero without storing zeros.
//
// ## One derivative at a time
//
// Section 3.3 of the notes looks at the other way. A network with $m$ hidden units and $d$ inputs
// has at least $m d$ parameters; one derivative by itself takes at least a forward pass, which is
// $m d$ operations; so all of them take $(m d)^2$. The library can do it that way too: in forward
// mode `jacobian` takes one parameter after the other.

// %%
const std::int64_t m = 30, d = 30;
const Tensor weights = (randn({m, d}, float64, draws) / 5.0).requires_grad("W1");
const Tensor x = randn({d}, float64, draws), to_output = randn({m}, float64, draws);
const auto loss = [&](const Tensor& W1) {
  return 0.5 * square(dot(to_output, tanh(matmul(W1, x))) - 1.0);
};

const Tensor all_at_once = grad_of(loss, weights);
const Tensor one_by_one = jacobian(loss, weights, {.mode = JacobianMode::forward});
const double modes_differ = max(abs(all_at_once - one_by_one)).item();
double reverse = 1, one_at_a_time = 1;
for (int repeat = 0; repeat < 10; ++repeat) {
  reverse = std::min(reverse, seconds([&] { (void)grad_of(loss, weights); }));
  one_at_a_time = std::min(one_at_a_time, seconds([&] {
    (void)jacobian(loss, weights, {.mode = JacobianMode::forward});
  }));
}
const Cost network = cost(loss(weights));
const double passes = static_cast<double>(m * d) * network.total.forward_flops;
const double both_passes = network.total.forward_flops + network.total.backward_flops;
fmt::print("{} derivatives, equal below 1e-13: {}\n", m * d, modes_differ < 1e-13 ? "yes" : "no");
fmt::print("counted: {} forward passes {:.0f}, forward and backward once {:.0f}: {:.0f} times\n",
           m * d, passes, both_passes, passes / both_passes);
fmt::print("timed: one at a time ~{:.1f} ms, all at once ~{:.3f} ms: ~{:.0f} times\n",
           1e3 * one_at_a_time, 1e3 * reverse, one_at_a_time / reverse);

// %% [markdown]
// The reverse pass shares what the derivatives have in common, which is nearly everything:
// $\partial J / \partial o$ and the $\partial J / \partial z_j$ of chapter 6 are computed once for
// all weights of a unit.
//
// ## What was learnt
//
// - Backward work is a constant times forward work; the constant depends on the operations, here 2.
// - The number of inputs does not enter. That is why one can train a million weights.
// - An input without influence has the derivative 0, which may be given as "nothing".
//
// ## Exercises: fill in `09_cost_exercises.cpp`
//
// 1. Most operations have a ratio of 1 or 2. Find one whose ratio is 7.
// 2. What do `grad`, `grad_of` and `backward` give for an unused input?
// 3. How many operations does the gradient of $y \leftarrow y \cdot h$, done $n$ times, take?
//
// Next: [vectorise](10_vectorise.md).

// %% tags=["program"]
return report({{"ratio at N = 100", ratios[0], 2, 3},
               {"ratio at N = 100,000", ratios[3], 2, 3},
               {"nodes visited at N = 100,000", static_cast<double>(visited), 100'003, 100'003},
               {"derivative by the unused input", both[1].item(), 0, 0},
               {"one at a time against all at once", modes_differ, 0, 1e-13},
               {"counted, one at a time over all at once", passes / both_passes, 430, 400},
               {"timed at least 5 times dearer", one_at_a_time / reverse > 5 ? 1.0 : 0.0, 1, 0.5}});
}
