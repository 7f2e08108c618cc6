// %% tags=["program"]
// One product in place of many: units in a matrix, examples in a matrix, and where the bias goes.
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
// # 10. Vectorise
//
// A layer can be computed unit by unit and a data set example by example, but the machine is then
// busy with everything except arithmetic. Written as one product of matrices the same numbers come
// several times sooner. This chapter measures how much, and walks past one trap: the bias.
//
// It follows "Vectorization" in the CS229 main notes, (7.17)-(7.21), p. 88, and section 4 of the
// CS229 deep-learning notes, (4.1)-(4.4).
//
// ## Units in a matrix
//
// Unit $j$ of a layer computes $z_j = {w_j}^\top x + b_j$. With the $w_j$ as the rows of a matrix
// $W$ (7.17) all units are one line, $z = W x + b$ (7.19). We take 512 units of 512 inputs, on one
// thread of the processor, and the best of ten runs each.

// %%
set_num_threads(1);
const auto milliseconds = [](const std::function<void()>& task) {  // of the processor
  double best = 1e9;
  for (int repeat = 0; repeat < 10; ++repeat) {
    const std::clock_t start = std::clock();
    task();
    best = std::min(best, 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return best;
};
const Generator draws(10);
const std::int64_t units = 512;
const Tensor W = randn({units, units}, float64, draws) / 20.0, b = randn({units}, float64, draws);
const Tensor x = randn({units}, float64, draws);
const auto unit_by_unit = [&] {
  std::vector<Tensor> z;
  for (std::int64_t j = 0; j < units; ++j) z.push_back(dot(W[j], x) + b[j]);
  return stack(z);
};
const auto all_units = [&] { return matmul(W, x) + b; };
const double units_differ = max(abs(unit_by_unit() - all_units())).item();
const double loop_units = milliseconds([&] { (void)unit_by_unit(); });
const double matrix_units = milliseconds([&] { (void)all_units(); });
fmt::print("512 units: one by one ~{:.2f} ms, as a matrix ~{:.3f} ms, ~{:.0f} times faster\n",
           loop_units, matrix_units, loop_units / matrix_units);
fmt::print("the same numbers, below 1e-13: {}\n", units_differ < 1e-13 ? "yes" : "no");

// %% [markdown]
// ## Examples in a matrix
//
// The next loop to go is the one over the examples. Section 4 puts $n$ examples side by side as the
// columns of $X \in \mathbb{R}^{d \times n}$ (4.1), so that $Z = W X$ plus the bias has a column
// for each (4.2). What counts in training is the gradient of a loss, here of
// $\frac12 \sum \tanh(Z)^2$ for 64 examples and layers of three sizes.

// %%
const std::int64_t examples = 64;
const auto loss = [](const Tensor& z) { return 0.5 * sum(square(tanh(z))); };
std::vector<double> one_by_one, at_once;
double examples_differ = 0;
for (const std::int64_t size : {16, 128, 512}) {
  const Tensor weight = (randn({size, size}, float64, draws) / 20.0).requires_grad("W");
  const Tensor bias = randn({size}, float64, draws).requires_grad("b");
  const Tensor X = randn({size, examples}, float64, draws);  // in columns
  const auto column_by_column = [&] {
    Tensor total = tensor(0.0, float64);
    for (std::int64_t i = 0; i < examples; ++i)
      total += loss(matmul(weight, at(X, {ellipsis, i})) + bias);
    return grad(total, {weight, bias});
  };
  const auto all_columns = [&] {
    return grad(loss(matmul(weight, X) + unsqueeze(bias, 1)), {weight, bias});
  };
  const std::vector<Tensor> slow = column_by_column(), fast = all_columns();
  examples_differ = std::max({examples_differ, max(abs(slow[0] - fast[0])).item(),
                              max(abs(slow[1] - fast[1])).item()});
  one_by_one.push_back(milliseconds([&] { (void)column_by_column(); }));
  at_once.push_back(milliseconds([&] { (void)all_columns(); }));
  fmt::print("{:>3} units: one by one ~{:.2f} ms, at once ~{:.2f} ms, ~{:.0f} times faster\n", size,
             one_by_one.back(), at_once.back(), one_by_one.back() / at_once.back());
}
fmt::print("the same gradients, below 1e-12: {}\n", examples_differ < 1e-12 ? "yes" : "no");
optim::save_picture("10_vectorise.svg",
    {{{{.name = "one by one", .y = one_by_one, .mark = optim::Mark::bars},
       {.name = "at once", .y = at_once, .mark = optim::Mark::bars}},
      {.title = "The gradient of 64 examples", .x_label = "units of the layer",
       .y_label = "milliseconds", .log_y = true, .x_names = {"16", "128", "512"}, .width = 440,
       .height = 300}}});

// %% [markdown]
// Small layers spend most of their time between the products, in calls and bookkeeping. Large ones
// wait for their weights to come from memory; in one product a weight that has come is used for all
// 64 examples: with the BLAS's AVX-512 kernels 512 units are some 15 times faster, with old ones 5.
//
// ## The bias, and a trap
//
// $b \in \mathbb{R}^m$ has to be added to every column. The notes copy it into a matrix $\tilde b$
// with $n$ equal columns (4.3), and remark that libraries *broadcast*. But by which rule?
// gradtape's is NumPy's: shapes are compared from the last axis, where [4] does not fit [4, 3].
//
// **Predict before you run on:** $W X$ is [4, 3] for four units and three examples, and `W X + b`
// is refused. What happens with *four* examples?

// %%
const Tensor small_W = randn({4, 2}, float64, draws);
const Tensor small_b = tensor({1.0, 2.0, 3.0, 4.0}, float64);
const Tensor three = randn({2, 3}, float64, draws), four = randn({2, 4}, float64, draws);
try {
  (void)(matmul(small_W, three) + small_b);
} catch (const ShapeError& error) {
  fmt::print("three examples: {}\n", error.what());
}
const Tensor silently = matmul(small_W, four) + small_b - matmul(small_W, four);
const Tensor rightly = matmul(small_W, four) + unsqueeze(small_b, 1) - matmul(small_W, four);
fmt::print("four examples, what was added by W X + b:\n{}\n", round(silently, 4).str());
fmt::print("what was added by W X + unsqueeze(b, 1):\n{}\n", round(rightly, 4).str());
const Tensor with_copies = matmul(small_W, three) + stack({small_b, small_b, small_b}, 1);  // (4.3)
const Tensor by_unsqueeze = matmul(small_W, three) + unsqueeze(small_b, 1);
fmt::print("b copied by hand against unsqueeze: {}\n", max(abs(with_copies - by_unsqueeze)).item());

// %% [markdown]
// With as many examples as units nothing is refused, and each *example* gets the bias of a unit.
// Such a mistake trains badly and never crashes. `unsqueeze(b, 1)` makes $b$ a column, [4, 1],
// which can only be meant one way.
//
// ## Backwards
//
// What is copied forwards is summed backwards. With the deltas of all examples as the columns of
// $\Delta = \partial J / \partial Z$, the sums over examples are hidden in a product, and visible
// for $b$:
//
// $$\frac{\partial J}{\partial W} = \Delta X^\top = \sum_{i=1}^{n} \delta^{(i)}
//   {x^{(i)}}^\top, \quad
//   \frac{\partial J}{\partial b} = \sum_{i=1}^{n} \delta^{(i)} .$$

// %%
const Tensor delta = randn({4, 3}, float64, draws);
const auto layer = [&](const std::vector<Tensor>& in) {
  return matmul(in[0], three) + unsqueeze(in[1], 1);
};
const std::vector<Tensor> pulled = vjp(layer, {small_W, small_b}, delta).grads;
Tensor by_example = zeros({4, 2}, float64);
for (std::int64_t i = 0; i < 3; ++i)
  by_example += outer(at(delta, {ellipsis, i}), at(three, {ellipsis, i}));
const double backward_differs = max(abs(pulled[0] - by_example)).item() +
                                max(abs(pulled[0] - matmul(delta, transpose(three)))).item() +
                                max(abs(pulled[1] - sum(delta, 1))).item();
fmt::print("the two formulas against the tape, below 1e-14: {}\n",
           backward_differs < 1e-14 ? "yes" : "no");

// %% [markdown]
// ## Rows instead of columns
//
// The notes' last remark, (4.4): software has examples in *rows*. Everything is transposed and the
// order of products turns round, $Z = X W + b$, with the notes' $W$ now $d \times m$. gradtape,
// like PyTorch, keeps the weight as $m \times d$ and transposes it in the product:
// `linear(x, W, b)` is $X W^\top + b$. With the units in the last axis, broadcasting puts $b$ where
// it belongs by itself.

// %%
const Tensor rows = linear(transpose(three), small_W, small_b);
fmt::print("rows {} against columns {}, below 1e-14: {}\n", rows.shape().str(),
           with_copies.shape().str(), max(abs(rows - transpose(with_copies))).item() < 1e-14);

// %% [markdown]
// ## What was learnt
//
// - One large product beats many small ones: fewer calls, and each weight is fetched once.
// - Broadcasting compares shapes from the last axis: beside columns the bias must be a column.
// - With examples in rows, as all libraries have them, the bias fits by itself.
//
// ## Exercises: fill in `10_vectorise_exercises.cpp`
//
// 1. Make $\tilde b$ for $n$ columns without a loop, by a product.
// 2. Write $\partial J / \partial b$ for examples in rows.
// 3. Write the two-layer network of chapter 6 for examples in rows.
// 4. Write its $\delta^{[1]}$ for all rows at once.
//
// Next: [activations, drawn](11_activations.md).

// %% tags=["program"]
return report({{"examples one by one against a matrix", examples_differ, 0, 1e-12},
               {"gradients against the formulas", backward_differs, 0, 1e-14},
               {"units at least 3 times faster", loop_units / matrix_units > 3 ? 1.0 : 0.0, 1, 0.5},
               {"16 units, examples at least 3 times faster",
                one_by_one[0] / at_once[0] > 3 ? 1.0 : 0.0, 1, 0.5}});
}
