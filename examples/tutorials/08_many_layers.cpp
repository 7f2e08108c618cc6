// %% tags=["program"]
// One network with three layers, differentiated in four notations that all say the same.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 8. Many layers, four notations
//
// Every text on backpropagation has its own letters, counts layers from its own end and puts the
// transpose somewhere else. Read one of them and the next looks like a different algorithm. This
// chapter writes four of them for one set of weights; each gives the tape's 43 numbers.
//
// The four: Algorithm 5 of the CS229 deep-learning notes (section 3.5), Algorithms 1 and 11 of the
// Goodfellow et al. chapter 6 slides, and UFLDL's backpropagation in the same slides, once unit by
// unit and once with matrices. On the way the misprints of Algorithm 5 are put right.
//
// ## The network
//
// With $r$ layers of weights, $a^{[0]} = x$, and $m_k$ units in layer $k$, (2.12) and (2.13) of the
// deep-learning notes, (7.22) and (7.23) of the main notes, are a recursion:
//
// $$z^{[k]} = W^{[k]} a^{[k-1]} + b^{[k]}, \qquad a^{[k]} = \mathrm{ReLU}(z^{[k]})
//   \quad (k < r), \qquad a^{[r]} = z^{[r]} .$$
//
// $W^{[k]}$ has $m_k$ rows and $m_{k-1}$ columns. With $d = 5$ inputs and 4, 3 and 1 units there
// are $(d + 1) m_1 + (m_1 + 1) m_2 + (m_2 + 1) m_3 = 24 + 15 + 4 = 43$ parameters.

// %%
seed(3);
nn::Sequential net(nn::Linear(5, 4, {.dtype = float64}), nn::ReLU(),
                   nn::Linear(4, 3, {.dtype = float64}), nn::ReLU(),
                   nn::Linear(3, 1, {.dtype = float64}));
const std::vector<Parameter> variables = net.parameters();
const std::vector<Tensor> theta(variables.begin(), variables.end());  // W1, b1, W2, b2, W3, b3
// An empty one first, so that W[1] is the notes' first.
const std::vector<Tensor> W{{}, theta[0], theta[2], theta[4]}, b{{}, theta[1], theta[3], theta[5]};
const Tensor x = randn({5}, float64);
const double y = 1;

std::vector<Tensor> z(1), a{x};
for (std::size_t k = 1; k <= 3; ++k) {
  z.push_back(matmul(W[k], a[k - 1]) + b[k]);
  a.push_back(k < 3 ? relu(z[k]) : z[k]);
}
const Tensor J = 0.5 * sum(square(a[3] - y));
const double recursion_difference = max(abs(a[3] - net(x))).item();
fmt::print("{}", nn::summary(net, x));
fmt::print("same as the recursion, below 1e-15: {}\n", recursion_difference < 1e-15 ? "yes" : "no");

// %% [markdown]
// ## First notation: Algorithm 5
//
// With $J = \frac12 (a^{[r]} - y)^2$ and $\delta^{[k]} = \partial J / \partial z^{[k]}$ the
// algorithm goes from the last layer to the first:
//
// $$\delta^{[r]} = z^{[r]} - y, \quad \delta^{[k]} =
//   \left({W^{[k+1]}}^\top \delta^{[k+1]}\right) \odot \mathrm{ReLU}'(z^{[k]}), \quad
//   \frac{\partial J}{\partial W^{[k]}} = \delta^{[k]} {a^{[k-1]}}^\top, \quad
//   \frac{\partial J}{\partial b^{[k]}} = \delta^{[k]} .$$

// %%
const auto largest_difference = [](const std::vector<Tensor>& one, const std::vector<Tensor>& two) {
  double largest = 0;
  for (std::size_t i = 0; i < one.size(); ++i)
    largest = std::fmax(largest, max(abs(one[i] - two[i])).item());
  return largest;
};
const std::vector<Tensor> tape5 = grad(J, theta, {.retain_graph = true});
std::vector<Tensor> delta(4), algorithm5;
delta[3] = (z[3] - y).detach();
for (std::size_t k = 2; k >= 1; --k)
  delta[k] = (matmul(transpose(W[k + 1]), delta[k + 1]) * (z[k] >= 0.0).to(float64)).detach();
for (std::size_t k = 1; k <= 3; ++k) {
  algorithm5.push_back(outer(delta[k], a[k - 1]));
  algorithm5.push_back(delta[k]);
}
const double difference5 = largest_difference(algorithm5, tape5);
for (std::size_t k = 1; k <= 3; ++k)
  fmt::print("z[{0}] = {1}, delta[{0}] = {2}\n", k, round(z[k], 4).str(),
             (round(delta[k], 4) + 0.0).str());
fmt::print("Algorithm 5 against the tape, below 1e-15: {}\n", difference5 < 1e-15 ? "yes" : "no");
std::vector<optim::UnitColumn> columns{{.title = "x", .values = x}};
for (std::size_t k = 1; k <= 3; ++k)
  columns.push_back({.title = fmt::format("a[{}]", k),
                     .values = a[k],
                     .notes = round(delta[k], 3) + 0.0,
                     .note_name = "δ ="});
optim::save_network("08_many_layers.svg",
                    {.columns = columns, .title = "Activations, and the deltas below them"});

// %% [markdown]
// ## Algorithm 5 as it is printed
//
// The notes print it with five slips. Line 2 has $\delta^{[r]} = z^{[r]} - o$, line 4 has
// $\delta^{[k-1]}$ on its right side, line 5 has $z^{[k]}$ where $a^{[k]}$ belongs, the loop ends
// at $k = 1$ with $W^{[2]}$, and (3.16) defines $\delta^{[k]}$ by $\partial J / \partial a^{[k]}$
// where the algorithm means $\partial J / \partial z^{[k]}$.
//
// **Predict before you run on:** $o$ is the notes' name for the output $a^{[r]}$. What gradient
// does line 2 give as printed?

// %%
const double line2 = max(abs(z[3] - a[3])).item();
fmt::print("line 2: every gradient is at most {} in size\n", line2);
try {
  (void)matmul(transpose(W[2]), x);  // W[k+1]^T delta[k-1] for k = 1: delta[0] is as long as x
} catch (const ShapeError& error) {
  fmt::print("line 4: {}\n", error.what());
}
const double line5 = max(abs(outer(delta[2], z[1]) - tape5[2])).item();
fmt::print("line 5: with z in place of a, dJ/dW2 is off by {:.4f}\n", line5);
const Tensor by_a = grad(J, {a[1]}, {.retain_graph = true})[0];
fmt::print("(3.16): dJ/da[1] = {}, dJ/dz[1] = {}\n", round(by_a, 4).str(),
           (round(delta[1], 4) + 0.0).str());

// %% [markdown]
// ## Second notation: Algorithms 1 and 11
//
// Goodfellow et al. apply $f$ in every layer, the last one too, and add a regulariser:
// $h^{(0)} = x$, $a^{(k)} = b^{(k)} + W^{(k)} h^{(k-1)}$, $h^{(k)} = f(a^{(k)})$,
// $\hat y = h^{(l)}$ and $J = L(\hat y, y) + \lambda \Omega(\theta)$. (The slides print
// $h^{(l)} = f(a^{(k)})$, which would leave $h^{(1)}$ without a value.) Their $a$ is what CS229
// calls $z$, and $l$ is the number of layers. Backwards, one variable $g$ is overwritten again and
// again, starting with $g = \nabla_{\hat y} L$:
//
// $$g \leftarrow g \odot f'(a^{(k)}), \quad \nabla_{b^{(k)}} J = g + \lambda \nabla_{b^{(k)}}
//   \Omega, \quad \nabla_{W^{(k)}} J = g\, {h^{(k-1)}}^\top + \lambda \nabla_{W^{(k)}} \Omega,\quad
//   g \leftarrow {W^{(k)}}^\top g .$$
//
// Here $f$ is the sigmoid, with $f' = h (1 - h)$, $L$ is half the squared error, and $\Omega$ half
// the sum of squares: of the weights, or of the biases too.

// %%
std::vector<Tensor> h{x}, pre(1);
for (std::size_t k = 1; k <= 3; ++k) {
  pre.push_back(b[k] + matmul(W[k], h[k - 1]));
  h.push_back(sigmoid(pre[k]));
}
const Tensor L = 0.5 * sum(square(h[3] - y));
const auto algorithm11 = [&](double of_weights, double of_biases) {
  const NoGrad no_grad;
  std::vector<Tensor> result(6);
  Tensor g = h[3] - y;
  for (std::size_t k = 3; k >= 1; --k) {
    g = g * h[k] * (1.0 - h[k]);
    result[2 * k - 1] = g + of_biases * b[k];
    result[2 * k - 2] = outer(g, h[k - 1]) + of_weights * W[k];
    g = matmul(transpose(W[k]), g);
  }
  return result;
};
const auto penalty = [](const std::vector<Tensor>& of) {
  Tensor omega = tensor(0.0, float64);
  for (std::size_t k = 1; k <= 3; ++k) omega += 0.5 * sum(square(of[k]));
  return omega;
};
const double lambda = 0.1;
const Tensor J_weights = L + lambda * penalty(W), J_both = J_weights + lambda * penalty(b);
const std::vector<Tensor> tape_both = grad(J_both, theta, {.retain_graph = true});
const std::vector<Tensor> tape_weights = grad(J_weights, theta, {.retain_graph = true});
const double difference11 = std::fmax(largest_difference(algorithm11(lambda, 0), tape_weights),
                                      largest_difference(algorithm11(lambda, lambda), tape_both));
fmt::print("Algorithm 11 against the tape, below 1e-15: {}\n", difference11 < 1e-15 ? "yes" : "no");
const double bias_term = max(abs(tape_both[1] - tape_weights[1] - lambda * b[1])).item();
fmt::print("Omega on biases adds lambda b, below 1e-15: {}\n", bias_term < 1e-15 ? "yes" : "no");

// %% [markdown]
// ## Third and fourth notation: UFLDL
//
// UFLDL counts the input as layer 1, so that $W^{(l)}$ leads from layer $l$ to layer $l + 1$, and
// the output is layer $n_l$, here 4. Layer $l$ has $s_l$ units. In elements, without a regulariser:
//
// $$\delta_i^{(n_l)} = -(y_i - a_i^{(n_l)})\, f'(z_i^{(n_l)}), \quad
//   \delta_i^{(l)} = \left(\sum_{j=1}^{s_{l+1}} W_{ji}^{(l)} \delta_j^{(l+1)}\right)\,
//   f'(z_i^{(l)}),$$
// $$\frac{\partial J}{\partial W_{ij}^{(l)}} = a_j^{(l)} \delta_i^{(l+1)}, \qquad
//   \frac{\partial J}{\partial b_i^{(l)}} = \delta_i^{(l+1)} .$$
//
// With matrices, (1) and (2) of the slides, these are
// $\nabla_{W^{(l)}} J = \delta^{(l+1)} (a^{(l)})^\top$ and $\nabla_{b^{(l)}} J = \delta^{(l+1)}$,
// where $\delta^{(l)} = \left((W^{(l)})^\top \delta^{(l+1)}\right) \bullet f'(z^{(l)})$ and
// $\bullet$ is $\odot$.

// %%
const std::vector<std::int64_t> s{0, 5, 4, 3, 1};  // units of layers 1 to 4
std::vector<std::vector<double>> by_element(5);
for (std::size_t l = 4; l >= 2; --l)
  for (std::int64_t i = 0; i < s[l]; ++i) {
    const double act = h[l - 1][i].item();  // a_i of layer l
    double arriving = l == 4 ? -(y - act) : 0;
    for (std::int64_t j = 0; l < 4 && j < s[l + 1]; ++j)
      arriving += W[l][j][i].item() * by_element[l + 1][static_cast<std::size_t>(j)];
    by_element[l].push_back(arriving * act * (1 - act));
  }
std::vector<Tensor> by_matrix(5), elements, matrices;
by_matrix[4] = (-(y - h[3]) * h[3] * (1.0 - h[3])).detach();
for (std::size_t l = 3; l >= 2; --l)
  by_matrix[l] = (matmul(transpose(W[l]), by_matrix[l + 1]) * h[l - 1] * (1.0 - h[l - 1])).detach();
for (std::size_t l = 1; l <= 3; ++l) {
  const Tensor column = tensor(by_element[l + 1]);
  elements.insert(elements.end(), {outer(column, h[l - 1]), column});
  matrices.insert(matrices.end(), {outer(by_matrix[l + 1], h[l - 1]), by_matrix[l + 1]});
}
const std::vector<Tensor> tape_ufldl = grad(L, theta, {.retain_graph = true});
const std::vector<Tensor> tape_deltas = grad(L, {pre[1], pre[2], pre[3]});
const double difference_elements = largest_difference(elements, tape_ufldl);
const double difference_matrices = largest_difference(matrices, tape_ufldl);
const double difference_deltas =
    largest_difference(tape_deltas, {by_matrix[2], by_matrix[3], by_matrix[4]});
const double worst =
    std::fmax(difference_deltas, std::fmax(difference_elements, difference_matrices));
fmt::print("both against the tape, below 1e-15: {}\n", worst < 1e-15 ? "yes" : "no");

// %% [markdown]
// The four side by side:
//
// | notation | weights into layer $k$ | handed back | its shape |
// |---|---|---|---|
// | CS229, Algorithm 5 | $W^{[k]}$ | $\delta^{[k]}$, by $z^{[k]}$ | $m_k$ |
// | Goodfellow, 1 and 11 | $W^{(k)}$ | $g$, by $h^{(k)}$, then by $a^{(k)}$ | that of layer $k$ |
// | UFLDL, elements | $W^{(k-1)}$, input = layer 1 | $\delta^{(k)}_i$, by $z^{(k)}_i$ | a number |
// | UFLDL, matrices | $W^{(k-1)}$, input = layer 1 | $\delta^{(k)}$, by $z^{(k)}$ | $s_k$ |
// | MIT (chapter 7) | $W^k$, transposed | $\partial\mathrm{loss}/\partial Z^k$ | $n^k \times 1$ |
//
// ## What was learnt
//
// - A delta is the derivative by a layer's pre-activations; $W^\top \delta \odot f'$ hands it down.
// - A gradient of weights is a delta times what came in, $\delta a^\top$; decay adds $\lambda W$.
// - Formulas in print have slips. A shape finds some of them, a number finds the rest.
//
// ## Exercises
//
// `08_many_layers_exercises.cpp` has a hole for each.
//
// 1. Algorithm 5 as printed is there, as an op. Repair it until `gradcheck` passes.
// 2. How many parameters has a 784-256-256-10 network?
// 3. Which derivatives change if $\Omega$ takes in the biases, and by how much at $b = 0.3$?
//
// Next: [what a gradient costs](09_cost.md).

// %% tags=["program"]
return report({{"parameters", static_cast<double>(net.parameter_count()), 43, 43},
               {"recursion against nn::Sequential", recursion_difference, 0, 1e-14},
               {"Algorithm 5 against the tape", difference5, 0, 1e-14},
               {"line 2 as printed", line2, 0, 0},
               {"line 5 as printed, off by", line5, 0.18, 0.01},
               {"Algorithm 11 against the tape", difference11, 0, 1e-14},
               {"UFLDL's elements against the tape", difference_elements, 0, 1e-14},
               {"UFLDL's matrices against the tape", difference_matrices, 0, 1e-14},
               {"deltas against the tape", difference_deltas, 0, 1e-14}});
}
