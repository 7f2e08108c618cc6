// %% tags=["program"]
// One network with three layers, differentiated in four notations that all say the same.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 8. Many layers, four notations
//
// Every text on backpropagation has its own letters, counts layers from its own end and puts the
// transpose somewhere else. This chapter writes four of them for one set of weights: Algorithm 5 of
// the CS229 deep-learning notes (section 3.5), Algorithms 1 and 11 of the Goodfellow et al. chapter
// 6 slides, and UFLDL's backpropagation in the same slides, unit by unit and with matrices.
//
// ## The network
//
// With $r$ layers, $a^{[0]} = x$, and $m_k$ units in layer $k$, (2.12) and (2.13) of the notes,
// (7.22) and (7.23) of the main notes, are a recursion:
//
// $$z^{[k]} = W^{[k]} a^{[k-1]} + b^{[k]}, \qquad a^{[k]} = \mathrm{ReLU}(z^{[k]})
//   \quad (k < r), \qquad a^{[r]} = z^{[r]} .$$
//
// With 5 inputs and 4, 3, 1 units: $(d + 1) m_1 + (m_1 + 1) m_2 + (m_2 + 1) m_3 = 43$ parameters.
//
// ## First notation: Algorithm 5
//
// With $J = \frac12 (a^{[r]} - y)^2$, $\delta^{[k]} = \partial J / \partial z^{[k]}$, backwards:
//
// $$\delta^{[r]} = z^{[r]} - y, \quad \delta^{[k]} =
//   \left({W^{[k+1]}}^\top \delta^{[k+1]}\right) \odot \mathrm{ReLU}'(z^{[k]}), \quad
//   \frac{\partial J}{\partial W^{[k]}} = \delta^{[k]} {a^{[k-1]}}^\top, \quad
//   \frac{\partial J}{\partial b^{[k]}} = \delta^{[k]} .$$
//
// The notes print it with five slips. Line 2 has $\delta^{[r]} = z^{[r]} - o$, line 4 has
// $\delta^{[k-1]}$ on its right side, line 5 has $z^{[k]}$ where $a^{[k]}$ belongs, the loop ends
// at $k = 1$ with $W^{[2]}$, and (3.16) has $\partial J / \partial a^{[k]}$ where
// $\partial J / \partial z^{[k]}$ is meant. **Predict before you run on:** $o$ is the output
// $a^{[r]}$. What gradient does line 2 give as printed?

// %%
seed(3);
const nn::LinearOptions exact{.dtype = float64};
const nn::Linear layer3(3, 1, exact), layer2(4, 3, exact), layer1(5, 4, exact);
nn::Sequential net(layer1, nn::ReLU(), layer2, nn::ReLU(), layer3);
// An empty one first, so that W[1] is the notes' first.
const std::vector<Tensor> W{{}, layer1.weight, layer2.weight, layer3.weight},
    b{{}, layer1.bias, layer2.bias, layer3.bias}, theta{W[1], b[1], W[2], b[2], W[3], b[3]};
const Tensor x = randn({5}, float64);
const double y = 1;
std::vector<Tensor> z(1), a{x};
for (std::size_t k = 1; k <= 3; ++k) {
  z.push_back(matmul(W[k], a[k - 1]) + b[k]);
  a.push_back(k < 3 ? relu(z[k]) : z[k]);
}
const Tensor J = 0.5 * sum(square(a[3] - y));
fmt::print("{}", nn::summary(net, x));
fmt::print("same as the recursion, below 1e-15: {}\n", norm(a[3] - net(x)).item() < 1e-15);
const auto apart = [](const std::vector<Tensor>& one, const std::vector<Tensor>& two) {
  double total = 0;
  for (std::size_t i = 0; i < one.size(); ++i) total += norm(one[i] - two[i]).item();
  return total;
};
const auto from_deltas = [](const std::vector<Tensor>& of_layer, const std::vector<Tensor>& in) {
  std::vector<Tensor> gradients;
  for (std::size_t k = 1; k <= 3; ++k)
    gradients.insert(gradients.end(), {outer(of_layer[k], in[k - 1]), of_layer[k]});
  return gradients;
};
const std::vector<Tensor> tape5 = grad(J, theta, {.retain_graph = true});
std::vector<Tensor> delta(4);
delta[3] = (z[3] - y).detach();
for (std::size_t k = 2; k >= 1; --k)
  delta[k] = (matmul(transpose(W[k + 1]), delta[k + 1]) * (z[k] >= 0.0).to(float64)).detach();
fmt::print("Algorithm 5 is the tape: {}\n", apart(from_deltas(delta, a), tape5) < 1e-15);
std::vector<optim::UnitColumn> columns{{.title = "x", .values = x}};
for (std::size_t k = 1; k <= 3; ++k) {
  const Tensor rounded = round(delta[k], 4) + 0.0;
  fmt::print("z[{0}] = {1}, delta[{0}] = {2}\n", k, round(z[k], 4).str(), rounded.str());
  columns.push_back({.title = fmt::format("a[{}]", k), .values = a[k],
                     .notes = round(rounded, 3), .note_name = "δ ="});
}
optim::save_network("08_many_layers.svg",
                    {.columns = columns, .title = "Activations, and the deltas below them"});
fmt::print("line 2: every gradient is at most {} in size\n", max(abs(z[3] - a[3])).item());
fmt::print("line 4: {} times {} is refused\n", transpose(W[2]).shape().str(), x.shape().str());
fmt::print("line 5: with z in place of a, dJ/dW2 is off by {:.4f}\n",
           max(abs(outer(delta[2], z[1]) - tape5[2])).item());
fmt::print("(3.16): dJ/da[1] = {}, dJ/dz[1] = {}\n", round(grad(J, {a[1]})[0], 4).str(),
           (round(delta[1], 4) + 0.0).str());

// %% [markdown]
// ## Second notation: Algorithms 1 and 11
//
// Goodfellow et al. apply $f$ in every layer, the last one too, and add a regulariser:
// $h^{(0)} = x$, $a^{(k)} = b^{(k)} + W^{(k)} h^{(k-1)}$, $h^{(k)} = f(a^{(k)})$ (the slides print
// $h^{(l)}$), $\hat y = h^{(l)}$ and $J = L(\hat y, y) + \lambda \Omega(\theta)$. Their $a$ is the
// $z$ of CS229. Backwards, one variable is overwritten, from $g = \nabla_{\hat y} L$ on:
//
// $$g \leftarrow g \odot f'(a^{(k)}), \quad \nabla_{b^{(k)}} J = g + \lambda \nabla_{b^{(k)}}
//   \Omega, \quad \nabla_{W^{(k)}} J = g\, {h^{(k-1)}}^\top + \lambda \nabla_{W^{(k)}} \Omega,\quad
//   g \leftarrow {W^{(k)}}^\top g .$$
//
// Here $f$ is the sigmoid, $f' = h (1 - h)$, $L$ half the squared error, and $\Omega$ half the sum
// of squares: of the weights, or of the biases too.
//
// ## Third and fourth notation: UFLDL
//
// UFLDL counts the input as layer 1, so that $W^{(l)}$ leads from layer $l$ to layer $l + 1$, and
// the output is layer $n_l$, here 4. Layer $l$ has $s_l$ units. In elements, without a regulariser:
//
// $$\delta_i^{(n_l)} = -(y_i - a_i^{(n_l)})\, f'(z_i^{(n_l)}), \quad \delta_i^{(l)} =
//   \left(\sum_{j=1}^{s_{l+1}} W_{ji}^{(l)} \delta_j^{(l+1)}\right)\, f'(z_i^{(l)}), \quad
//   \frac{\partial J}{\partial W_{ij}^{(l)}} = a_j^{(l)} \delta_i^{(l+1)}, \quad
//   \frac{\partial J}{\partial b_i^{(l)}} = \delta_i^{(l+1)} .$$
//
// With matrices, (1) and (2) of the slides, these are
// $\nabla_{W^{(l)}} J = \delta^{(l+1)} (a^{(l)})^\top$, $\nabla_{b^{(l)}} J = \delta^{(l+1)}$, with
// $\delta^{(l)} = ((W^{(l)})^\top \delta^{(l+1)}) \bullet f'(z^{(l)})$, where $\bullet$ is $\odot$.

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
  return 0.5 * (sum(square(of[1])) + sum(square(of[2])) + sum(square(of[3])));
};
const Tensor J_weights = L + 0.1 * penalty(W), J_both = J_weights + 0.1 * penalty(b);
const double difference11 =
    apart(algorithm11(0.1, 0), grad(J_weights, theta, {.retain_graph = true})) +
    apart(algorithm11(0.1, 0.1), grad(J_both, theta, {.retain_graph = true}));
fmt::print("Algorithm 11 against the tape, below 1e-15: {}\n", difference11 < 1e-15 ? "yes" : "no");
std::vector<Tensor> by_element(4), by_matrix(4);  // delta^(k + 1) at place k
for (std::size_t k = 3; k >= 1; --k) {
  const Tensor slope = (h[k] * (1.0 - h[k])).detach();
  const Tensor arriving = k == 3 ? -(y - h[3]) : matmul(transpose(W[k + 1]), by_matrix[k + 1]);
  by_matrix[k] = (arriving * slope).detach();
  std::vector<double> elements;
  for (std::int64_t i = 0; i < h[k].numel(); ++i) {
    double total = k == 3 ? -(y - h[3][i].item()) : 0;
    for (std::int64_t j = 0; k < 3 && j < h[k + 1].numel(); ++j)
      total += W[k + 1][j][i].item() * by_element[k + 1][j].item();
    elements.push_back(total * slope[i].item());
  }
  by_element[k] = tensor(elements);
}
const std::vector<Tensor> tape_ufldl = grad(L, theta, {.retain_graph = true});
const std::vector<Tensor> tape_deltas = grad(L, {pre[1], pre[2], pre[3]});
const double ufldl_apart = apart(from_deltas(by_element, h), tape_ufldl) +
                           apart(from_deltas(by_matrix, h), tape_ufldl) +
                           apart(tape_deltas, {by_matrix[1], by_matrix[2], by_matrix[3]});
fmt::print("both against the tape, below 1e-15: {}\n", ufldl_apart < 1e-15 ? "yes" : "no");

// %% [markdown]
// | notation | weights into layer $k$ | handed back | its shape |
// |---|---|---|---|
// | CS229, Algorithm 5 | $W^{[k]}$ | $\delta^{[k]}$, by $z^{[k]}$ | $m_k$ |
// | Goodfellow, 1 and 11 | $W^{(k)}$ | $g$, by $h^{(k)}$, then by $a^{(k)}$ | that of layer $k$ |
// | UFLDL, elements | $W^{(k-1)}$, input = layer 1 | $\delta^{(k)}_i$, by $z^{(k)}_i$ | a number |
// | UFLDL, matrices | $W^{(k-1)}$, input = layer 1 | $\delta^{(k)}$, by $z^{(k)}$ | $s_k$ |
//
// ## What was learnt
//
// - A delta is the derivative by a layer's pre-activations; $W^\top \delta \odot f'$ hands it down.
// - A gradient of weights is a delta times what came in, $\delta a^\top$; decay adds $\lambda W$.
// - Formulas in print have slips. A shape finds some of them, a number finds the rest.
//
// ## Exercises: fill in `08_many_layers_exercises.cpp`
//
// 1. Algorithm 5 as printed is there, as an op. Repair it until `gradcheck` passes.
// 2. How many parameters has a 784-256-256-10 network?
// 3. Which derivatives change if $\Omega$ takes in the biases, and by how much at $b = 0.3$?
//
// Next: [what a gradient costs](09_cost.md).

// %% tags=["program"]
return report({{"Algorithm 11 against the tape", difference11, 0, 1e-14},
               {"UFLDL against the tape", ufldl_apart, 0, 1e-14}});
}
