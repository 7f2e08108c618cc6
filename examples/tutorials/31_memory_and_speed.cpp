// %% tags=["program"]
// Memory and speed: what a gradient holds and costs, counted; checkpoints, formulas, a trace.
#include <gradtape/autograd/formula.hpp>
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;
using namespace gradtape::optim;

int main() {
// %% [markdown]
// # 31. Memory and speed
//
// A gradient costs a few times as much work as its function (chapter 9). With memory it is worse:
// everything that a rule needs is held until the backward pass comes by, so a network twice as deep
// needs twice the memory. This chapter measures first, and then changes two things: what is held,
// and how often memory is walked through. It goes beyond the notes, and follows Chen et al. (2016),
// "Training deep nets with sublinear memory cost". The blocks are those of chapter 20.
//
// ## Measure before you change anything
//
// Our model has 64 residual blocks $x + W_2\, \mathrm{gelu}(W_1 x + b_1) + b_2$ of width 32, inside
// of which it is four times as wide. `cost` takes a recorded result, and has a table of the work of
// each kind of op, forward and backward. A multiply-add counts as two *flops*; *bytes* are what is
// read and written.

// %%
struct Block : nn::Module {
  nn::Linear up = child("up", nn::Linear(32, 128));
  nn::Linear down = child("down", nn::Linear(128, 32));
  Tensor operator()(const Tensor& x) const { return x + down(gelu(up(x))); }
};
seed(31);
const std::int64_t depth = 64;
const std::vector<Block> blocks = [] {
  std::vector<Block> made;
  for (std::int64_t i = 0; i < depth; ++i) made.emplace_back();
  return made;
}();
std::vector<Parameter> parameters;
for (const Block& block : blocks)
  for (const Parameter& p : block.parameters()) parameters.push_back(p);

const Tensor x = randn({128, 32});  // 128 samples
/// Blocks `first` to `last` - 1, one after the other.
const auto run = [&](Tensor h, std::int64_t first, std::int64_t last) {
  for (auto i = first; i < last; ++i) h = blocks[static_cast<std::size_t>(i)](h);
  return h;
};
const auto plain = [&] { return mean(square(run(x, 0, depth))); };
const Cost whole = cost(plain());
std::cout << whole;

// %% [markdown]
// The matrix products of `linear` are nearly all of the work, and their gradient is two further
// products: nothing to gain there. But megabytes are held for a model whose input has 16 kB.
//
// ## Forget, and compute again
//
// `checkpoint(f, x)` runs $f$ without recording it and keeps $x$ alone. When the backward pass
// arrives, it runs $f$ again, recorded this time, and walks back through that. Let $k$ blocks make
// a group, each group checkpointed. Then the tape holds $64 / k$ boundaries of $b$ bytes, and
// during the backward pass the inside of one group, $k$ blocks of $m$ bytes each:
//
// $$\text{held}(k) = \frac{64}{k}\, b + k\, m.$$
//
// **Predict before you run on:** a block holds about nine times as much as a boundary. Which group
// size, of 1, 2, 4, ... 64, needs the least memory? And what does it cost in flops?

// %%
const auto in_groups = [&](std::int64_t k) {
  Tensor h = x;
  for (std::int64_t first = 0; first < depth; first += k)
    h = checkpoint([=](const Tensor& v) { return run(v, first, first + k); }, h);
  return mean(square(h));
};
const Tensor tracked = x.requires_grad("x");
std::vector<double> sizes, boundaries, insides, sums;
double flops_ratio = 0;  // backward to forward
fmt::print("group  boundaries  inside of one     sum   backward / forward flops\n");
for (std::int64_t k = 1; k <= depth; k *= 2) {
  const Cost outer = cost(in_groups(k)), inner = cost(sum(run(tracked, 0, k)));
  sizes.push_back(static_cast<double>(k));
  boundaries.push_back(outer.peak_bytes / 1e6);
  insides.push_back(inner.peak_bytes / 1e6);
  sums.push_back(boundaries.back() + insides.back());
  flops_ratio = outer.total.ratio();
  fmt::print("{:>5}  {:>7.2f} MB  {:>10.2f} MB  {:>5.2f} MB  {:>5.2f}\n", k, boundaries.back(),
             insides.back(), sums.back(), flops_ratio);
}
const double least = *std::min_element(sums.begin(), sums.end());
fmt::print("no checkpoints: {:.2f} MB; the least is {:.0f} times less\n", whole.peak_bytes / 1e6,
           whole.peak_bytes / 1e6 / least);

// %% [markdown]
// The least is where both parts are about equal, $k = \sqrt{64\, b / m} \approx 2.7$. Then an
// eleventh of the memory does. The price is one more forward pass, 4.09 in place of 3.09: a third
// more. And the gradient? The second run of a group computes the very same numbers:

// %%
bool same_bits = true;
const std::vector<Tensor> exact = grad_of(plain, parameters);
for (const std::int64_t k : {1, 4}) {
  const std::vector<Tensor> again = grad_of([&] { return in_groups(k); }, parameters);
  for (std::size_t i = 0; i < exact.size(); ++i) same_bits &= array_equal(exact[i], again[i]);
}
fmt::print("the gradients have the same bits: {}\n", same_bits ? "yes" : "no");
save_picture("31_memory_and_speed.svg",
             {{.series = {{.name = "boundaries", .x = sizes, .y = boundaries},
                          {.name = "one inside", .x = sizes, .y = insides},
                          {.name = "both", .x = sizes, .y = sums, .colour = colour::dark}},
               .options = {.title = "MB held, by the size of a group", .x_label = "blocks a group",
                           .log_x = true, .log_y = true, .width = 460, .height = 320,
                           .legend = true}}});

// %% [markdown]
// ## Walk through memory once
//
// A processor multiplies faster than it reads. An elementwise function in nine steps, each an op,
// reads and writes the whole tensor nine times, and holds what each of them needs. As a `formula`
// (chapter 30) it is one op. The function is GELU's approximation by tanh, on a million numbers.

// %%
const auto by_ops = [](const Tensor& z) {
  return 0.5 * z * (1.0 + tanh(0.7978845608 * (z + 0.044715 * z * z * z)));
};
const auto fused = formula("gelu_tanh", [](auto z) {
  return 0.5 * z * (1.0 + tanh(0.7978845608 * (z + 0.044715 * z * z * z)));
});
const Tensor million = randn({1000, 1000}).requires_grad("million");
const auto measure = [&](const char* what, const auto& f) {
  const Cost c = cost(sum(f(million)));
  double best = 1e9;  // milliseconds, of five runs
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    (void)grad(sum(f(million)), {million});
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count());
  }
  fmt::print("{:<8} {:>2} nodes, {:>3.0f} MB of traffic, {:>2.0f} MB held, ~{:.1f} ms\n", what,
             c.total.nodes, (c.total.forward_bytes + c.total.backward_bytes) / 1e6,
             c.peak_bytes / 1e6, best);
  return c;
};
const Cost of_ops = measure("ops", by_ops), of_formula = measure("formula", fused);
const double apart = amax(abs(by_ops(million) - fused(million))).item();
fmt::print("largest difference of the values below 1e-6: {}\n", apart < 1e-6 ? "yes" : "no");

// %% [markdown]
// A twelfth of the traffic, a ninth of the memory, and several times as fast, although the formula
// counts even a few more flops. The traffic is what was saved.
//
// ## Look inside
//
// For one model in detail there is `Trace`. It writes a page that steps through both passes op by
// op, with the time of each, its cost, and histograms of values and gradients. Open `31_trace.html`
// in a browser after this.

// %%
Trace noted;
const Tensor traced = mean(square(run(x, 0, 2)));
noted.save_html("31_trace.html", traced);
fmt::print("31_trace.html shows {} nodes\n", Tape(traced).size());

// %% [markdown]
// What else helps, in the order in which to try it: batches in place of loops (chapter 10); float32
// in place of float64; `NoGrad` where no gradient is wanted; a build with `gradtape::native`.
//
// ## What was learnt
//
// - Memory is what a gradient costs most: it grows with depth, and `cost` says how much.
// - Checkpoints trade a third more work for most of the memory, and change no bit of the result.
// - Elementwise steps are bound by memory traffic. Make them one op.
//
// ## Exercises: fill in `31_memory_and_speed_exercises.cpp`
//
// 1. Derive the best $k$ from $\text{held}(k) = \frac Lk b + k m$.
// 2. How many flops has the forward pass of a linear layer with bias, $n$ samples, `in`, `out`?
// 3. A tracked tensor that is no parameter must be among the inputs: checkpoint $\tanh(x w)$.
// 4. Write $x\, \sigma(x)$ as a formula. How many nodes does it put on the tape?
//
// Next: [from PyTorch and back](32_pytorch.md).

// %% tags=["program"]
return report({{"MB held without checkpoints", whole.peak_bytes / 1e6, 9.47, 10},
               {"MB held with the best groups", least, 0.85, 0.9},
               {"backward / forward flops, plain", whole.total.ratio(), 2.09, 2.2},
               {"the same with checkpoints", flops_ratio, 3.09, 3.2},
               {"formula / ops, held", of_formula.peak_bytes / of_ops.peak_bytes, 0.11, 0.13}});
}
