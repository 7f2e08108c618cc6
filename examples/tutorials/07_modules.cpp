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
// pass a gradient from its output to its input. Here you write three modules, chain them as in
// MIT's figure of two blocks a layer, and compare their gradients with the tape's.
//
// It follows the MIT 6.390 notes, 6.2 and 6.5 with their study questions, (6.1)-(6.8), and
// (3.11)-(3.15) of the CS229 deep-learning notes. In MIT's notation $l = 1, \dots, L$ numbers the
// layers; a layer with $m$ inputs and $n$ outputs has weights $W$, $m \times n$, and offsets $W_0$,
// $n \times 1$. With $f$ applied element by element (6.2.1):
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
// The study questions have short answers. $\partial\mathrm{loss}/\partial a^L = 2 (a^L - y)$. The
// offset's factor is 1 where the weight's is $a^{l-1}$, so
// $\partial\mathrm{loss}/\partial w^l_0 = \partial\mathrm{loss}/\partial z^l$. For $l = L$ the
// product of the $w$ is empty; for $L = 1$ it is the single neuron of chapter 2. Here are three
// tanh layers.

// %%
const auto apart = [](const Tensor& a, const Tensor& b) { return max(abs(a - b)).item(); };
const Tensor w = tensor({0.8, -1.2, 0.5}, float64).requires_grad("w");
const Tensor w0 = tensor({0.1, 0.3, -0.2}, float64).requires_grad("w0");
const double target = 0.5;
std::vector<Tensor> act{tensor(1.5, float64)};
for (std::int64_t l = 0; l < 3; ++l) act.push_back(tanh(w[l] * act.back() + w0[l]));
const std::vector<Tensor> scalar_tape = grad(square(act[3] - target), {w, w0});
std::vector<double> dw(3), dw0(3);
double flowing = 2 * (act[3].item() - target);  // dloss/da^L
for (std::size_t l = 3; l-- > 0;) {
  const double slope = 1 - std::pow(act[l + 1].item(), 2);  // tanh' by its own value
  dw0[l] = slope * flowing;                                 // dloss/dz
  dw[l] = act[l].item() * dw0[l];                           // (6.1)
  flowing = w[static_cast<std::int64_t>(l)].item() * dw0[l];
}
const double of_scalars = apart(tensor(dw), scalar_tape[0]) + apart(tensor(dw0), scalar_tape[1]);
fmt::print("dloss/dw = [{:.6f}, {:.6f}, {:.6f}], ", dw[0], dw[1], dw[2]);
fmt::print("the tape agrees below 1e-15: {}\n", of_scalars < 1e-15 ? "yes" : "no");

// %% [markdown]
// ## A layer, and its two Jacobians
//
// Now $m = 4$ and $n = 3$. `nn::Linear(4, 3)` holds $W^\top$, which is [3, 4], and takes its inputs
// as rows; the numbers are the same.
//
// Between modules stand matrices of derivatives. MIT's notes write $\partial A / \partial Z$ for
// the matrix with $\partial A_j / \partial Z_i$ in row $i$ and column $j$: the transpose of the
// usual Jacobian, which the library's `jacobian` gives.
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
const double layer_difference = apart(by_rows, transpose(Z));
fmt::print("rows against columns, below 1e-15: {}\n", layer_difference < 1e-15 ? "yes" : "no");
const auto dA_dZ = [&](const auto& f) { return transpose(jacobian(f, reshape(Z, {3}))); };
const auto count = [](const Tensor& matrix) { return sum((matrix != 0.0).to(int64)).item(); };
const Tensor of_tanh = dA_dZ([](const Tensor& v) { return tanh(v); });
const Tensor of_softmax = dA_dZ([](const Tensor& v) { return softmax(v, 0); });
const Tensor of_mixture = dA_dZ([](const Tensor& v) {
  return concat({sigmoid(at(v, {range(0, 1)})), tanh(at(v, {range(1, to_end)}))}, 0);
});
fmt::print("dA/dZ of tanh:\n{}\nof softmax:\n{}\n", round(of_tanh, 4).str(),
           round(of_softmax, 4).str());
fmt::print("not zero: tanh {}, identity {}, one sigmoid unit and two tanh units {}, softmax {}\n",
           count(of_tanh), count(dA_dZ([](const Tensor& v) { return 1.0 * v; })), count(of_mixture),
           count(of_softmax));

// %% [markdown]
// Where each $A_j$ depends on its own $Z_j$ alone the matrix is diagonal, with $f'(Z_j)$ on the
// diagonal, and multiplying by it is an elementwise product. For the identity it is the identity
// matrix. Units of one layer may even have different activations (a margin note of 6.2.2), and the
// matrix stays diagonal. Softmax mixes all units.
//
// The linear half has $\partial Z / \partial X = W$. By the weights, $Z$ has a derivative with
// three indices: $\partial Z_k / \partial W_{ij}$ is $X_i$ where $k = j$ and 0 elsewhere, so that
// the sum over $k$ in (6.7) has one term, (6.8):
// $\partial \mathrm{loss} / \partial W_{ij} = X_i\, \partial \mathrm{loss} / \partial Z_j$.

// %%
const auto pre = [&](const std::vector<Tensor>& in) { return matmul(transpose(in[0]), in[1]); };
const std::vector<Tensor> by_both = jacobian(pre, {W1.detach(), X});
const Tensor dZ_dX = transpose(reshape(by_both[1], {3, 4}));
const Tensor dZ_dW = reshape(by_both[0], {3, 4, 3});  // [k, i, j]
const Tensor formula_dW = einsum("kj,i->kij", {eye(3, 3, float64), reshape(X, {4})});
const double misplaced = apart(dZ_dX, W1) + apart(dZ_dW, formula_dW);
fmt::print("dZ/dX {} and dZ/dW {} differ from the formulas by {}\n", dZ_dX.shape().str(),
           dZ_dW.shape().str(), misplaced);

// %% [markdown]
// ## Three methods
//
// Section 6.5.4 asks each module for `forward`, $u \to v$; `backward`,
// $u, v, \partial L / \partial v \to \partial L / \partial u$; and `weight_grad`,
// $u, \partial L / \partial v \to \partial L / \partial W$, if it has weights. No Jacobian is ever
// built: each `backward` is a product with one, written in the cheapest way.

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

// %% [markdown]
// The network: 4 inputs, 3 tanh units, 3 softmax outputs. For a one-hot column $y$ the loss is
// $-\sum_j y_j \log A_j$ (called nllm, 6.4), so $\partial \mathrm{loss}/\partial A_j = -y_j / A_j$.
// The tape computes the same network; `grad` gives the gradients of intermediate results as well.

// %%
const Tensor W2 = randn({3, 3}, float64, draws).requires_grad("W2");
const Tensor W02 = randn({3, 1}, float64, draws).requires_grad("W02");
const Tensor y = tensor({{0.0}, {1.0}, {0.0}}, float64);
const LinearModule linear1{W1.detach(), W01.detach()}, linear2{W2.detach(), W02.detach()};
const TanhModule f1;
const SoftmaxModule f2;
const Tensor z1 = linear1.forward(X), a1 = f1.forward(z1);
const Tensor z2 = linear2.forward(a1), a2 = f2.forward(z2);
const Tensor da2 = -y / a2, dz2 = f2.backward(z2, a2, da2);
const Tensor da1 = linear2.backward(a1, z2, dz2), dz1 = f1.backward(z1, a1, da1);
std::vector<Tensor> by_modules{dz1, da1, dz2, da2};
for (const Tensor& g : linear2.weight_grad(a1, dz2)) by_modules.push_back(g);
for (const Tensor& g : linear1.weight_grad(X, dz1)) by_modules.push_back(g);
const Tensor Z1 = matmul(transpose(W1), X) + W01, A1 = tanh(Z1);
const Tensor Z2 = matmul(transpose(W2), A1) + W02, A2 = softmax(Z2, 0);
const std::vector<Tensor> computed{Z1, A1, Z2, A2};
const std::vector<Tensor> by_tape = grad(-sum(y * log(A2)), {Z1, A1, Z2, A2, W2, W02, W1, W01});
double module_difference = 0;
for (std::size_t i = 0; i < 8; ++i) module_difference += apart(by_modules[i], by_tape[i]);
for (std::size_t i = 0; i < 4; ++i)
  fmt::print("{0} = {1:<29} dloss/d{0} = {2}\n", std::vector{"Z1", "A1", "Z2", "A2"}[i],
             round(reshape(computed[i], {3}), 4).str(),
             (round(reshape(by_modules[i], {3}), 4) + 0.0).str());
fmt::print("modules against the tape, below 1e-14: {}\n", module_difference < 1e-14 ? "yes" : "no");
const auto block = [](const char* title, const Tensor& value, const Tensor& gradient) {
  return optim::UnitColumn{.title = title, .values = value, .notes = gradient};
};
const Tensor every = ones({3, 3}) > 0.0, own = eye(3) > 0.0;  // which edges there are
optim::save_network("07_modules.svg", {{{.title = "x", .values = X}, block("Z1", z1, dz1),
    block("A1", a1, da1), block("Z2", z2, dz2), block("A2", a2, da2)},
    {ones({3, 4}) > 0.0, own, every, every}, "Values in the units, gradients below"});

// %% [markdown]
// Values go down the table, gradients come up. Note $\partial \mathrm{loss} / \partial Z^2$: it is
// $A^2 - y$, all of softmax and logarithm has cancelled (chapter 13 uses that). With a ready-made
// `nn::Sequential` the same is had by calling its layers in turn, `h = net[i](h)`, and asking
// `grad` for each `h`.
//
// For the library any function is such a module: `vjp(f, u, dv)` is its backward and weight
// gradient in one. The CS229 notes have $W$ the other way round, $z = W u + b$. With
// $\delta = \partial J / \partial z$ they give $\partial J / \partial u = W^\top \delta$,
// $\partial J / \partial W = \delta u^\top$ and $\partial J / \partial b = \delta$, (3.12)-(3.14),
// and for $a = \sigma(z)$, (3.15),
// $\partial J / \partial z = \partial J / \partial a \odot \sigma'(z)$.

// %%
const auto affine = [](const std::vector<Tensor>& in) { return matmul(in[0], in[1]) + in[2]; };
const std::vector<Tensor> pulled = vjp(affine, {transpose(linear1.W), X, linear1.W0}, dz1).grads;
const std::vector<Tensor> formulas{matmul(dz1, transpose(X)), matmul(linear1.W, dz1), dz1};
double vjp_difference = apart(vjp([](const Tensor& v) { return tanh(v); }, z1, da1), dz1);
for (std::size_t i = 0; i < 3; ++i) vjp_difference += apart(pulled[i], formulas[i]);
fmt::print("(3.12)-(3.15) against vjp, below 1e-15: {}\n", vjp_difference < 1e-15 ? "yes" : "no");

// %% [markdown]
// ## Why backwards
//
// Section 6.5.2 writes the gradient as one product (6.6), here for two layers,
//
// $$\frac{\partial \mathrm{loss}}{\partial Z^1} = \frac{\partial A^1}{\partial Z^1}\; W^2\;
//   \frac{\partial A^2}{\partial Z^2}\; \frac{\partial \mathrm{loss}}{\partial A^2},$$
//
// and a margin note asks which order of multiplication is cheaper. The library counts: a
// multiply-add is two operations. Let every layer have 100 units.

// %%
const Tensor wide = randn({100, 100}, float64, draws).requires_grad("W2");
const auto numbers = [&] { return randn({100}, float64, draws).requires_grad(); };
const Tensor slope1 = numbers(), slope2 = numbers(), at_loss = numbers();
const Tensor from_right = slope1 * matmul(wide, slope2 * at_loss);
const Tensor from_left = matmul(matmul(matmul(diag(slope1), wide), diag(slope2)), at_loss);
const double right_flops = cost(from_right, ones({100}, float64)).total.forward_flops;
const double left_flops = cost(from_left, ones({100}, float64)).total.forward_flops;
fmt::print("right to left {:.0f} operations, left to right {:.0f}\n", right_flops, left_flops);

// %% [markdown]
// From the right there is always a vector, and a step costs as much as its forward step; from the
// left there is a matrix, and a step costs a hundred times as much.
//
// ## What was learnt
//
// - Forward, backward, weight gradient: a chain of modules with these three is a network.
// - Elementwise activations have a diagonal Jacobian, softmax a full one; neither is ever formed.
// - Gradients run from the loss to the input because vector times matrix is cheap.
//
// ## Exercises
//
// `07_modules_exercises.cpp` has a hole for each.
//
// 1. Write entry $(k, i, j)$ of $\partial Z / \partial W$.
// 2. Write the backward of a ReLU module.
// 3. Write the backward of a maxout module, $v_i = \max(u_{2i}, u_{2i+1})$.
// 4. Give the shapes of the terms of (6.6) for $n^1 = 5$ and $n^2 = 2$.
//
// Next: [many layers, four notations](08_many_layers.md).

// %% tags=["program"]
return report({{"one number a layer, against the tape", of_scalars, 0, 1e-15},
               {"nn::Linear against W^T X + W0", layer_difference, 0, 1e-15},
               {"dZ/dX and dZ/dW against the formulas", misplaced, 0, 0},
               {"modules against the tape", module_difference, 0, 1e-14},
               {"vjp against (3.12)-(3.15)", vjp_difference, 0, 1e-14},
               {"operations from right to left", right_flops, 20200, 20200},
               {"operations from left to right", left_flops, 4020200, 4000000}});
}
