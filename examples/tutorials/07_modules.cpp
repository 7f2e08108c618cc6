// %% tags=["program"]
// Modules with forward, backward and weight gradient: MIT 6.390's back-propagation, checked.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 7. Modules: forward, backward, weight gradient
//
// A network is a chain of modules. Each knows only itself: how to compute its output, and how to
// pass a gradient from its output to its input. Here you write three, chain them, and compare their
// gradients with the tape's. The chapter follows the MIT 6.390 notes, 6.2 and 6.5, (6.1)-(6.8), and
// (3.11)-(3.15) of the CS229 deep-learning notes. In MIT's notation a layer with $m$ inputs and $n$
// outputs has weights $W$, $m \times n$, and offsets $W_0$, $n \times 1$ (6.2.1):
//
// $$Z = W^\top X + W_0, \qquad A = f(Z) .$$
//
// ## One number a layer
//
// First let $m = n = 1$ (6.5.1): $z^l = w^l a^{l-1} + w^l_0$ and $a^l = f(z^l)$, with $a^0 = x$ and
// the squared loss $(a^L - y)^2$. The chain rule, from the loss backwards, gives (6.1)-(6.3):
//
// $$\frac{\partial \mathrm{loss}}{\partial w^l} = a^{l-1}
//   \frac{\partial \mathrm{loss}}{\partial z^l}, \qquad
//   \frac{\partial \mathrm{loss}}{\partial z^l} = f'(z^l)\, w^{l+1} \cdots f'(z^{L-1})\,
//   w^L\, f'(z^L)\, \frac{\partial \mathrm{loss}}{\partial a^L} .$$
//
// The study questions: $\partial\mathrm{loss}/\partial a^L = 2 (a^L - y)$, and
// $\partial\mathrm{loss}/\partial w^l_0 = \partial\mathrm{loss}/\partial z^l$. For $l = L$ the
// product of the $w$ is empty; $L = 1$ is the neuron of chapter 2. Here are three tanh layers.

// %%
const auto apart = [](const Tensor& a, const Tensor& b) { return max(abs(a - b)).item(); };
const Tensor w = tensor({0.8, -1.2, 0.5}, float64).requires_grad("w");
const Tensor w0 = tensor({0.1, 0.3, -0.2}, float64).requires_grad("w0");
std::vector<Tensor> act{tensor(1.5, float64)};
for (std::int64_t l = 0; l < 3; ++l) act.push_back(tanh(w[l] * act.back() + w0[l]));
const std::vector<Tensor> scalar_tape = grad(square(act[3] - 0.5), {w, w0});  // y = 0.5
std::vector<double> dw(3), dw0(3);
double flowing = 2 * (act[3].item() - 0.5);  // dloss/da^L
for (std::size_t l = 3; l-- > 0;) {
  dw0[l] = flowing * (1 - std::pow(act[l + 1].item(), 2));  // dloss/dz
  dw[l] = act[l].item() * dw0[l];                           // (6.1)
  flowing = w.values<double>()[l] * dw0[l];
}
const double of_scalars = apart(tensor(dw), scalar_tape[0]) + apart(tensor(dw0), scalar_tape[1]);
fmt::print("dloss/dw = [{:.6f}], by the tape too: {}\n", fmt::join(dw, ", "), of_scalars < 1e-15);

// %% [markdown]
// ## A layer, and its two Jacobians
//
// Now $m = 4$ and $n = 3$. `nn::Linear(4, 3)` holds $W^\top$, [3, 4], and takes its inputs as rows.
//
// Between modules stand matrices of derivatives. MIT writes $\partial A / \partial Z$ for that with
// $\partial A_j / \partial Z_i$ in row $i$, column $j$: the transpose of `jacobian`'s. The linear
// half has $\partial Z / \partial X = W$. As $\partial Z_k / \partial W_{ij}$ is $X_i$ for $k = j$
// and else 0 (exercise 1), the sum over $k$ in (6.7) has one term, (6.8):
// $\partial \mathrm{loss} / \partial W_{ij} = X_i\, \partial \mathrm{loss} / \partial Z_j$.
//
// **Predict before you run on:** how many of the nine entries of $\partial A / \partial Z$ are not
// zero for tanh, for the identity, and for softmax, $A_j = e^{Z_j} / \sum_i e^{Z_i}$?

// %%
const Generator draws(7);
const Tensor X = randn({4, 1}, float64, draws);
const Tensor W1 = randn({4, 3}, float64, draws).requires_grad("W1");
const Tensor W01 = randn({3, 1}, float64, draws).requires_grad("W01");
const Tensor Z = (matmul(transpose(W1), X) + W01).detach();
const Tensor by_rows = linear(transpose(X), transpose(W1), reshape(W01, {3}));  // as nn::Linear
fmt::print("rows against columns, below 1e-15: {}\n", apart(by_rows, transpose(Z)) < 1e-15);
const auto dA_dZ = [&](const auto& f) { return transpose(jacobian(f, reshape(Z, {3}))); };
const Tensor of_tanh = dA_dZ([](const Tensor& v) { return tanh(v); });
const Tensor of_softmax = dA_dZ([](const Tensor& v) { return softmax(v, 0); });
const auto mixture = [](const Tensor& v) {
  return concat({sigmoid(v[range(0, 1)]), tanh(v[range(1, 3)])}, 0);
};
fmt::print("dA/dZ of tanh:\n{}\nof softmax:\n{}\n", round(of_tanh, 4).str(),
           round(of_softmax, 4).str());
fmt::print("not zero: tanh {}, identity {}, one sigmoid unit and two tanh units {}, softmax {}\n",
           count_nonzero(of_tanh).item(),
           count_nonzero(dA_dZ([](const Tensor& v) { return 1.0 * v; })).item(),
           count_nonzero(dA_dZ(mixture)).item(), count_nonzero(of_softmax).item());
const Tensor dZ_dX =
    transpose(jacobian([&](const Tensor& v) { return matmul(transpose(W1), v); }, flatten(X)));
fmt::print("dZ/dX is W: {}\n", array_equal(dZ_dX, W1));

// %% [markdown]
// Where each $A_j$ depends on its own $Z_j$ alone, even by different activations (a margin note of
// 6.2.2), the matrix is diagonal, and multiplying by it an elementwise product. Softmax mixes all.
//
// ## Three methods
//
// Section 6.5.4 asks each module for `forward`, $u \to v$; `backward`,
// $u, v, \partial L / \partial v \to \partial L / \partial u$; and `weight_grad`,
// $u, \partial L / \partial v \to \partial L / \partial W$, if it has weights. The network has 4
// inputs, 3 tanh units and 3 softmax outputs. For a one-hot column $y$ the loss is
// $-\sum_j y_j \log A_j$ (nllm, 6.4), so $\partial \mathrm{loss}/\partial A_j = -y_j / A_j$.

// %%
struct LinearModule {
  Tensor W, W0;
  Tensor forward(const Tensor& u) const { return matmul(transpose(W), u) + W0; }
  Tensor backward(const Tensor&, const Tensor&, const Tensor& dv) const { return matmul(W, dv); }
  std::vector<Tensor> weight_grad(const Tensor& u, const Tensor& dv) const {
    return {matmul(u, transpose(dv)), dv};  // (6.4), and the offsets'
  }
};
struct TanhModule {
  Tensor forward(const Tensor& u) const { return tanh(u); }
  Tensor backward(const Tensor&, const Tensor& v, const Tensor& dv) const {
    return (1.0 - square(v)) * dv;
  }
};
struct SoftmaxModule {
  Tensor forward(const Tensor& u) const { return softmax(u, 0); }
  Tensor backward(const Tensor&, const Tensor& v, const Tensor& dv) const {
    return v * (dv - sum(v * dv));  // (diag(v) - v v^T) dv
  }
};
const Tensor W2 = randn({3, 3}, float64, draws).requires_grad("W2");
const Tensor W02 = randn({3, 1}, float64, draws).requires_grad("W02");
const Tensor y = tensor({{0.0}, {1.0}, {0.0}}, float64);
const LinearModule linear1{W1, W01}, linear2{W2, W02};
const TanhModule f1;
const SoftmaxModule f2;
const Tensor z1 = linear1.forward(X), a1 = f1.forward(z1);
const Tensor z2 = linear2.forward(a1), a2 = f2.forward(z2);
const Tensor da2 = -y / a2, dz2 = f2.backward(z2, a2, da2);
const Tensor da1 = linear2.backward(a1, z2, dz2), dz1 = f1.backward(z1, a1, da1);
std::vector<Tensor> by_modules{dz1, da1, dz2, da2};
for (const Tensor& g : linear2.weight_grad(a1, dz2)) by_modules.push_back(g);
for (const Tensor& g : linear1.weight_grad(X, dz1)) by_modules.push_back(g);
const std::vector<Tensor> values{z1, a1, z2, a2};
const std::vector<Tensor> by_tape = grad(-sum(y * log(a2)), {z1, a1, z2, a2, W2, W02, W1, W01});
double module_difference = 0;
for (std::size_t i = 0; i < 8; ++i) module_difference += apart(by_modules[i], by_tape[i]);
const Tensor every = ones({3, 3}) > 0.0, own = eye(3) > 0.0;  // which edges there are
std::vector<optim::UnitColumn> columns{{.title = "x", .values = X}};
for (const char* name : {"Z1", "A1", "Z2", "A2"}) {
  const Tensor value = values[columns.size() - 1], gradient = by_modules[columns.size() - 1];
  fmt::print("{0} = {1:<29} dloss/d{0} = {2}\n", name, round(flatten(value), 4).str(),
             (round(flatten(gradient), 4) + 0.0).str());
  columns.push_back({.title = name, .values = value, .notes = gradient});
}
fmt::print("modules against the tape, below 1e-14: {}\n", module_difference < 1e-14 ? "yes" : "no");
optim::save_network("07_modules.svg", {columns, {ones({3, 4}) > 0.0, own, every, every},
                                       "Values in the units, gradients below"});
const auto affine = [](const std::vector<Tensor>& in) { return matmul(in[0], in[1]) + in[2]; };
const std::vector<Tensor> pulled = vjp(affine, {transpose(W1), X, W01}, dz1).grads;
const std::vector<Tensor> formulas{matmul(dz1, transpose(X)), matmul(W1, dz1), dz1};
double vjp_difference = apart(vjp([](const Tensor& v) { return tanh(v); }, z1, da1), dz1);
for (std::size_t i = 0; i < 3; ++i) vjp_difference += apart(pulled[i], formulas[i]);
fmt::print("(3.12)-(3.15) against vjp, below 1e-15: {}\n", vjp_difference < 1e-15 ? "yes" : "no");

// %% [markdown]
// Values go down the table, gradients come up; $\partial \mathrm{loss} / \partial Z^2$ is $A^2 - y$
// (chapter 13). With an `nn::Sequential`, call its layers in turn and ask `grad` for each result.
// For the library any function is such a module: `vjp(f, u, dv)` is its backward and weight
// gradient in one. The CS229 notes have $W$ the other way round, $z = W u + b$. With
// $\delta = \partial J / \partial z$ they give $\partial J / \partial u = W^\top \delta$,
// $\partial J / \partial W = \delta u^\top$, $\partial J / \partial b = \delta$, (3.12)-(3.14). For
// $a = \sigma(z)$, (3.15), $\partial J / \partial z = \partial J / \partial a \odot \sigma'(z)$.
//
// ## Why backwards
//
// Section 6.5.2 writes the gradient as one product (6.6), here for two layers,
//
// $$\frac{\partial \mathrm{loss}}{\partial Z^1} = \frac{\partial A^1}{\partial Z^1}\; W^2\;
//   \frac{\partial A^2}{\partial Z^2}\; \frac{\partial \mathrm{loss}}{\partial A^2},$$
//
// and a margin note asks which order is cheaper. From the right there is always a vector, from the
// left a matrix: with 100 units a layer, 20,200 operations against 4,020,200 (exercise 4).
//
// ## What was learnt
//
// - Forward, backward, weight gradient: a chain of modules with these three is a network.
// - Elementwise activations have a diagonal Jacobian, softmax a full one; neither is ever formed.
// - Gradients run from the loss to the input because matrix times vector is cheap.
//
// ## Exercises: fill in `07_modules_exercises.cpp`
//
// 1. Write entry $(k, i, j)$ of $\partial Z / \partial W$.
// 2. Write the backward of a ReLU module.
// 3. Write the backward of a maxout module, $v_i = \max(u_{2i}, u_{2i+1})$.
// 4. Give the shapes of the terms of (6.6) for $n^1 = 5$, $n^2 = 2$, and the operations for 100.
//
// Next: [many layers, four notations](08_many_layers.md).

// %% tags=["program"]
return report({{"modules against the tape", module_difference, 0, 1e-14},
               {"vjp against (3.12)-(3.15)", vjp_difference, 0, 1e-14}});
}
