// %% tags=["program"]
// Backpropagation by hand: Algorithms 3 and 4 of CS229 against the tape, and ReLU at its kink.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <iostream>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 6. Backprop by hand
//
// Backpropagation is often met as a wall of formulas. For a network with one hidden layer it is
// four short steps, and every number in them can be checked on paper. This chapter takes the steps
// unit by unit, then writes them with matrices, and lets the tape check both. It follows the CS229
// deep-learning notes, 3.3 and 3.4, with Algorithms 3 and 4, on the network of (2.4)-(2.11) there
// and (7.14)-(7.21) of the CS229 main notes.
//
// ## The network, unit by unit
//
// The input $x$ has $d$ numbers and the hidden layer $m$ units. Unit $j$ has a weight vector
// $w^{[1]}_j$ and a bias $b^{[1]}_j$, the output unit $w^{[2]}$ and $b^{[2]}$. With a target $y$,
// (3.8) computes
//
// $$z_j = {w^{[1]}_j}^\top x + b^{[1]}_j, \qquad a_j = \mathrm{ReLU}(z_j), \qquad
//   o = {w^{[2]}}^\top a + b^{[2]}, \qquad J = \tfrac12 (y - o)^2 .$$
//
// Here $d = 2$ and $m = 3$, which makes $3 \cdot 2 + 3 + 3 + 1 = 13$ parameters.

// %%
const std::vector<double> x{1, -2};
const std::vector<std::vector<double>> w1{{0.5, -0.3}, {-0.4, 0.2}, {0.8, 0.1}};
const std::vector<double> b1{0.1, 0.3, -0.2}, w2{0.5, -1, 1};
const double b2 = 0.5, y = 1;
std::vector<double> z(3), a(3);
double o = b2;
for (std::size_t j = 0; j < 3; ++j) {
  z[j] = b1[j];
  for (std::size_t l = 0; l < 2; ++l) z[j] += w1[j][l] * x[l];
  a[j] = z[j] > 0 ? z[j] : 0;
  o += w2[j] * a[j];
  fmt::print("unit {}: z = {:.4g}, a = {:.4g}\n", j + 1, z[j], a[j]);
}
fmt::print("output o = {:.4g}, loss J = {:.4g}\n", o, 0.5 * (y - o) * (y - o));

// %% [markdown]
// ## Algorithm 3: four steps backwards
//
// The loss depends on $w^{[1]}_j$ only by way of $z_j$, on $z_j$ only by way of $o$. So the chain
// rule needs $\partial J / \partial o$ and each $\partial J / \partial z_j$ once:
//
// $$\frac{\partial J}{\partial o} = o - y, \qquad
//   \frac{\partial J}{\partial z_j} = \frac{\partial J}{\partial o}\, w^{[2]}_j\, 1\{z_j \ge 0\}
//   \quad (3.9),$$
// $$\frac{\partial J}{\partial (w^{[1]}_j)_\ell} = \frac{\partial J}{\partial z_j}\, x_\ell, \quad
//   \frac{\partial J}{\partial b^{[1]}_j} = \frac{\partial J}{\partial z_j}, \quad
//   \frac{\partial J}{\partial (w^{[2]})_j} = \frac{\partial J}{\partial o}\, a_j, \quad
//   \frac{\partial J}{\partial b^{[2]}} = \frac{\partial J}{\partial o} .$$
//
// **Predict before you run on:** the second unit has $z_2 = -0.5$. Which of the 13 derivatives are
// zero?

// %%
const double dJ_do = o - y;
std::vector<double> dJ_dz(3), dJ_dw2(3);  // dJ/db1 is dJ/dz
std::vector<std::vector<double>> dJ_dw1(3, std::vector<double>(2));
int zeros_found = 0;
for (std::size_t j = 0; j < 3; ++j) {
  dJ_dz[j] = dJ_do * w2[j] * (z[j] >= 0 ? 1 : 0);
  for (std::size_t l = 0; l < 2; ++l) dJ_dw1[j][l] = dJ_dz[j] * x[l];
  dJ_dw2[j] = dJ_do * a[j];
  for (const double g : {dJ_dw1[j][0], dJ_dw1[j][1], dJ_dz[j], dJ_dw2[j]}) zeros_found += g == 0;
  fmt::print("unit {}: dJ/dz = {:5.2f}, dJ/dw1 = [{:5.2f}, {:5.2f}], dJ/dw2 = {:.2f}\n", j + 1,
             dJ_dz[j] + 0.0, dJ_dw1[j][0] + 0.0, dJ_dw1[j][1] + 0.0, dJ_dw2[j]);  // -0 + 0 is 0
}
fmt::print("dJ/db2 = dJ/do = {:.2f}; {} of the 13 derivatives are zero\n", dJ_do, zeros_found);

// %% [markdown]
// The three parameters of the second unit, since its slope is 0, and its weight in the output,
// since its activation is 0. A ReLU unit that is off neither speaks nor learns.
//
// ## The same with matrices
//
// The weight vectors become the rows of a matrix, $W^{[1]} \in \mathbb{R}^{m \times d}$ (2.7), and
// $W^{[2]} = {w^{[2]}}^\top$. Then the whole layer is one line, (2.9)-(2.11):
//
// $$z = W^{[1]} x + b^{[1]}, \qquad a = \mathrm{ReLU}(z), \qquad o = W^{[2]} a + b^{[2]} .$$

// %%
const Tensor X = tensor(x), W1 = tensor(w1).requires_grad("W1"),
             B1 = tensor(b1).requires_grad("b1"), W2 = tensor(w2, {1, 3}).requires_grad("W2"),
             B2 = tensor({b2}, float64).requires_grad("b2");
const Tensor Z = matmul(W1, X) + B1, A = relu(Z), O = matmul(W2, A) + B2;
const Tensor J = 0.5 * sum(square(tensor({y}, float64) - O));
const Tensor by_unit = stack({dot(W1[0], X), dot(W1[1], X), dot(W1[2], X)}) + B1;
fmt::print("unit by unit the same, below 1e-15: {}\n", max(abs(Z - by_unit)).item() < 1e-15);

// %% [markdown]
// The notes call the two derivatives that everything else is made of
// $\delta^{[2]} = \partial J / \partial o$ and $\delta^{[1]} = \partial J / \partial z$ (3.10).
// Algorithm 4, with $\odot$ for the product element by element:
//
// $$\delta^{[2]} = o - y, \qquad \delta^{[1]} = {W^{[2]}}^\top \delta^{[2]} \odot 1\{z \ge 0\},$$
// $$\frac{\partial J}{\partial W^{[2]}} = \delta^{[2]} a^\top, \quad
//   \frac{\partial J}{\partial b^{[2]}} = \delta^{[2]}, \quad
//   \frac{\partial J}{\partial W^{[1]}} = \delta^{[1]} x^\top, \quad
//   \frac{\partial J}{\partial b^{[1]}} = \delta^{[1]} .$$
//
// `outer(u, v)` is $u v^\top$. `grad` takes any results, not only leaves: the deltas as well.

// %%
const Tensor delta2 = (O - y).detach();
const Tensor delta1 = (matmul(transpose(W2), delta2) * (Z >= 0.0).to(float64)).detach();
const std::vector<Tensor> algorithm4{delta2, delta1,           outer(delta1, X),
                                     delta1, outer(delta2, A), delta2};
const std::vector<Tensor> from_tape = grad(J, {O, Z, W1, B1, W2, B2});
const std::vector<Tensor> algorithm3{tensor({dJ_do}, float64), tensor(dJ_dz),
                                     tensor(dJ_dw1),           tensor(dJ_dz),
                                     tensor(dJ_dw2, {1, 3}),   tensor({dJ_do}, float64)};
const std::vector<const char*> called{"dJ/do", "dJ/dz", "dJ/dW1", "dJ/db1", "dJ/dW2", "dJ/db2"};
double difference3 = 0, difference4 = 0;
for (std::size_t i = 0; i < from_tape.size(); ++i) {
  difference3 += sum(abs(algorithm3[i] - from_tape[i])).item();
  difference4 += sum(abs(algorithm4[i] - from_tape[i])).item();
  fmt::print("{:<7} {:<6} {}\n", called[i], from_tape[i].shape().str(),
             (flatten(from_tape[i]) + 0.0).str());
}
fmt::print("the tape against Algorithm 3, below 1e-15: {}; against Algorithm 4, equal: {}\n",
           difference3 < 1e-15 ? "yes" : "no", difference4 == 0 ? "yes" : "no");
const optim::UnitColumn input{.title = "x", .values = X},
    hidden{.title = "z and δ[1]", .values = Z, .notes = delta1, .note_name = "δ ="},
    output{.title = "o and δ[2]", .values = O, .notes = delta2, .note_name = "δ ="};
optim::save_network("06_backprop.svg", {.columns = {input, hidden, output},
                                        .weights = {W1.detach(), W2.detach()},
                                        .title = "Weights on the edges, deltas below the units"});

// %% [markdown]
// Algorithm 4 is equal to the last bit: the tape does the very same multiplications.
//
// ## The slope at exactly zero
//
// There is one point where notes and library part. ReLU has a kink at $z = 0$, where any slope from
// 0 to 1 can be defended. The notes write $1\{z \ge 0\}$, which says 1; `relu` says 0, as PyTorch
// does. Random weights never hit the kink, but weights chosen by hand do: in the XOR network of
// chapter 5 three of the eight pre-activations are exactly 0. Here is $\partial J / \partial c$ for
// its hidden biases $c$, with the targets moved up by 0.1, by five ways to write $\max(z, 0)$.

// %%
const Tensor points = tensor({{0, 0}, {0, 1}, {1, 0}, {1, 1}}).to(float64);
const Tensor targets = tensor({0, 1, 1, 0}).to(float64) + 0.1;
const Tensor c = tensor({0.0, -1.0}, float64), to_output = tensor({1.0, -2.0}, float64);
const auto slope_of_c = [&](const auto& activation) {
  const auto loss = [&](const Tensor& biases) {
    const Tensor h = activation(matmul(points, ones({2, 2}, float64)) + biases);
    return mean(square(matmul(h, to_output) - targets));
  };
  return grad_of(loss, c);
};
const Tensor of_relu = slope_of_c([](const Tensor& t) { return relu(t); });
const Tensor of_notes = slope_of_c([](const Tensor& t) { return where(t >= 0.0, t, 0.0); });
std::cout << "relu(z)                slope 0 at 0:   " << of_relu << "\n"
          << "where(z > 0, z, 0)     slope 0 at 0:   "
          << slope_of_c([](const Tensor& t) { return where(t > 0.0, t, 0.0); }) << "\n"
          << "maximum(z, 0)          slope 1/2 at 0: "
          << slope_of_c([](const Tensor& t) { return maximum(t, 0.0); }) << "\n"
          << "clamp(z, 0, infinity)  slope 1 at 0:   "
          << slope_of_c([](const Tensor& t) { return clamp(t, 0.0, INFINITY); }) << "\n"
          << "where(z >= 0, z, 0)    slope 1 at 0:   " << of_notes << "\n";
const auto at_kink = gradcheck([](const Tensor& t) { return relu(t); }, zeros({1}, float64));
fmt::print("gradcheck of relu at 0: {}, cause: {}\n", name(at_kink.verdict), name(at_kink.cause));

// %% [markdown]
// Algorithm 4 as printed gives the last line. None of these is wrong: moving $c$ up and moving it
// down really have different slopes there. A comparison with finite differences says so too.
//
// ## What was learnt
//
// - There are two deltas, and every parameter's derivative is a delta times what came in.
// - With matrices the sums and loops become $W^\top \delta$ and $\delta x^\top$.
// - At a kink the slope is a convention: `relu` has 0, the notes and `where(z >= 0, z, 0)` 1.
//
// ## Exercises: fill in `06_backprop_by_hand_exercises.cpp`
//
// 1. Write $\delta^{[1]}$ for a tanh layer in place of ReLU, and let `test_op` test it.
// 2. Plant a sign mistake in $\delta^{[1]}$: which cause does `gradcheck` name?
// 3. Forget the transpose in $\delta^{[1]} x^\top$, for $m = d$: which cause now?
// 4. What is $\partial J / \partial x$, the derivative by the input?
//
// Next: [modules: forward, backward, weight gradient](07_modules.md).

// %% tags=["program"]
return report({{"derivatives that are zero", static_cast<double>(zeros_found), 4, 4},
               {"dJ/dc by relu", norm(of_relu - tensor({-0.15, 0.1}, float64)).item(), 0, 1e-12},
               {"by the notes", norm(of_notes - tensor({-0.2, 0.3}, float64)).item(), 0, 1e-12}});
}
