// %% tags=["program"]
// Dropout and batch normalization by their formulas: what is scaled, learned, and helped.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 19. Disturb the network: dropout and batch norm
//
// Chapter 18 disturbed the data. One can also disturb the network itself while it trains. Dropout
// switches units off at random; batch normalization fixes mean and deviation of every unit over the
// batch at hand. Both behave differently in training and in prediction: there most mistakes happen.
// It follows the MIT 6.390 notes, 6.8.2, 6.8.3 and appendix B.2. You need chapters 16 and 18.
//
// ## Dropout
//
// In every training step, each unit is switched off with probability $p$: the activations of layer
// $\ell$ become $a^\ell = f(z^\ell) * d^\ell$, where $*$ multiplies element by element and the mask
// $d^\ell$ holds a 0 with probability $p$ and a 1 otherwise. A unit that is off must not learn from
// this step; the derivative of the product, $f'(z^\ell) * d^\ell$, sees to that.
//
// In prediction all units take part, so the next layer would get more than it has learned to
// expect. The weights that follow must be scaled down. The notes say: multiply them by $p$.
//
// **Predict before you run on:** a unit is off with probability $p = 0.3$. What is the average of
// $w \cdot (a * d)$ over many masks, divided by $w \cdot a$?

// %%
const Generator chance(2);
const double p = 0.3;
const Tensor z = randn({10000}, float64, chance).requires_grad("z");
const Tensor d = bernoulli(full({10000}, 1 - p, float64), chance);
const Tensor slope = grad(sum(tanh(z) * d), {z})[0];
fmt::print("kept {:.4f} of the units; the gradient is f'(z) d to 1e-14: {}\n", mean(d).item(),
           max(abs(slope - (1.0 - square(tanh(z))) * d)).item() < 1e-14);
const Tensor a = rand({50}, float64, chance), w = rand({50}, float64, chance);
const Tensor masks = bernoulli(full({20000, 50}, 1 - p, float64), chance);
const double factor = (mean(matmul(masks * a, w)) / dot(a, w)).item();
fmt::print("mean of w (a d) over 20,000 masks, divided by w a: {:.3f}\n", factor);
const nn::Dropout layer(p, {.generator = chance});
const Tensor trained = matmul(layer(expand(a, {20000, 50})), w);
fmt::print("the same by nn::Dropout, training: {:.3f}\n", (mean(trained) / dot(a, w)).item());

// %% [markdown]
// The factor is $1 - p$, the probability that a unit is *kept*. With $p = 0.5$, the common choice,
// nobody notices. The library, like most others today, divides by $1 - p$ in training, and leaves
// prediction alone: *inverted* dropout. Both agree on average.
//
// ## What dropout does: a linear model
//
// Let $X$ hold the examples in its rows and drop *inputs* with the inverted scaling: each keeps its
// mean and gets a variance of $x_{ij}^2\, p / (1 - p)$. With $\tilde x_i$ for example $i$ after
// dropout, the squared error of a linear model is on average over the masks
//
// $$E \sum_i (\tilde x_i \cdot w - y_i)^2 = \sum_i (x_i \cdot w - y_i)^2 +
// \frac{p}{1 - p} \sum_j w_j^2 \sum_i x_{ij}^2,$$
//
// that of a ridge regression. We hold out 5,000 examples and learn from 40, of thirty features.

// %%
const Tensor truth = 0.5 * randn({30}, float64, chance);
const auto sample = [&](std::int64_t n) {
  const Tensor rows = randn({n, 30}, float64, chance);
  return nn::data::Dataset(rows, matmul(rows, truth) + 2.0 * randn({n}, float64, chance));
};
const auto forty = sample(40), fresh = sample(5000);
const Tensor X = forty.inputs(), y = forty.targets(), XtX = matmul(transpose(X), X);
const Tensor least_squares = lstsq(X, y);
const Tensor ridge = solve(XtX + p / (1 - p) * diag(diag(XtX)), matmul(transpose(X), y));
const Parameter dropped(zeros({30}, float64));
optim::SGD sgd({dropped}, {.lr = 0.05});
optim::Schedule smaller_steps(sgd, optim::robbins_monro(100, 0.75));
for (int step = 0; step < 3000; ++step, smaller_steps.step()) {
  sgd.zero_grad();
  mean(square(matmul(dropout(X, p, chance), dropped) - y)).backward();
  sgd.step();
}
const auto held_out = [&](const Tensor& weights) {
  return mean(square(matmul(fresh.inputs(), weights) - fresh.targets())).item();
};
fmt::print("held-out loss: least squares {:.1f}, dropout {:.2f}, its ridge form {:.2f}\n",
           held_out(least_squares), held_out(dropped), held_out(ridge));

// %% [markdown]
// The noise alone makes 4. Least squares fits forty noisy numbers with thirty weights, and pays.
//
// ## Batch normalization
//
// Batch normalization is a module between $W^\ell$ and $f^\ell$. It takes the pre-activations $Z$
// of a batch of $K$ examples. For unit $i$ let $\mu_i$ be the mean of $Z_{ij}$ over the examples
// $j$ and $\sigma_i$ the standard deviation, divided by $K$ under the root. Appendix B.2 has
//
// $$\bar Z_{ij} = (Z_{ij} - \mu_i) / (\sigma_i + \epsilon), \qquad
// \hat Z_{ij} = G_i \bar Z_{ij} + B_i,$$
//
// with a learned scale $G_i$ and shift $B_i$. Every $\bar Z_{ij}$ depends on *all* examples of the
// batch. At $\epsilon = 0$ and with $\delta_{jk} = 1$ for $j = k$, else 0, B.2 finds backwards
//
// $$\frac{\partial L}{\partial Z_{ij}} = \sum_k \frac{\partial L}{\partial \hat Z_{ik}}\, G_i\,
// \frac{1}{K \sigma_i} \left(K \delta_{jk} - 1 - \bar Z_{ij} \bar Z_{ik}\right),$$
//
// and sums over the batch for $G_i$ and $B_i$. Our examples stand in rows: we sum over axis 0.

// %%
const Tensor Z = (2.0 * randn({8, 3}, float64, chance) + 1.0).requires_grad("Z");
const Tensor G = tensor({0.5, 1.0, 2.0}, float64).requires_grad("G");
const Tensor B = tensor({0.0, 1.0, -1.0}, float64).requires_grad("B");
const Tensor dL = randn({8, 3}, float64, chance);  // dL/dZ hat, from the layers behind
const Tensor Z_hat = batch_norm(Z, {.weight = G, .bias = B, .eps = 0}).y;
const std::vector<Tensor> by_tape = grad(sum(Z_hat * dL), {Z, G, B});
const Tensor sigma = stddev(Z, 0, {.correction = 0}), Z_bar = (Z - mean(Z, 0)) / sigma;
const double forward_off = max(abs(Z_hat - (G * Z_bar + B))).item();
const Tensor dG = sum(dL * Z_bar, 0), dB = sum(dL, 0);
const Tensor dZ = G / (8.0 * sigma) * (8.0 * dL - dB - Z_bar * dG);  // K = 8
const double backward_off =
    (norm(by_tape[0] - dZ) + norm(by_tape[1] - dG) + norm(by_tape[2] - dB)).item();
fmt::print("B.2 and batch_norm agree to 1e-14: forward {}, backward {}\n", forward_off < 1e-14,
           backward_off < 1e-14);
const Tensor eps_off = batch_norm(Z, {.weight = G, .bias = B, .eps = 1e-5}).y -
                       (G * (Z - mean(Z, 0)) / (sigma + 1e-5) + B);
fmt::print("sigma + eps or sqrt(sigma^2 + eps), eps = 1e-5: {:.0e}\n", max(abs(eps_off)).item());

// %% [markdown]
// (B.2 adds $\epsilon$ to the deviation; the library, like the original paper, to the variance.)
// Now four layers of sigmoids, of which chapter 16 showed what they do to a gradient, are to read
// digits, with plain stochastic gradient descent and five passes over 1,437 images.

// %%
const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/digits.csv.gz");
const Tensor pixels = slice(table, 1, 0, 64).to(float64) / 16.0, digit = select(table, 1, 64);
const auto digits = nn::data::split_every({pixels, digit.to(int64)}, 5);
std::vector<double> accuracy;
std::vector<optim::Series> curves;
for (const bool normalize : {false, true}) {
  nn::Sequential net;
  std::int64_t inputs = 64;
  const nn::LinearOptions options{.dtype = float64, .generator = Generator(1)};
  for (int layers = 0; layers < 4; ++layers, inputs = 32) {
    net.add(nn::Linear(inputs, 32, options));
    if (normalize) net.add(nn::BatchNorm1d(32, {.dtype = float64}));
    net.add(nn::Sigmoid());
  }
  net.add(nn::Linear(32, 10, options));
  optim::SGD descent(net.parameters(), {.lr = 0.1});
  optim::Series losses{.name = normalize ? "batch norm" : "without", .smoothing = 0.9};
  for (std::uint64_t epoch = 0; epoch < 5; ++epoch)
    for (const auto& [images, labels] : nn::data::batches(
             digits.train, {.size = 32, .shuffle = true, .seed = 1, .epoch = epoch})) {
      const Tensor loss = nn::cross_entropy(net(images), labels);
      descent.zero_grad();
      loss.backward();
      descent.step();
      losses.y.push_back(loss.item());
    }
  net.eval();
  accuracy.push_back(nn::metric::accuracy(net(digits.test.inputs()), digits.test.targets()));
  curves.push_back(losses);
}
fmt::print("held-out accuracy: {:.2f} without, {:.2f} with batch norm\n", accuracy[0], accuracy[1]);
const auto bars = [&](const char* name, const Tensor& weights) {
  return optim::Series{.name = name, .y = slice(weights, 0, 0, 10), .mark = optim::Mark::bars};
};
optim::save_picture("19_dropout_batch_norm.svg",
    {{{bars("truth", truth), bars("least squares", least_squares), bars("dropout", dropped)},
      {.title = "Ten of the thirty weights", .width = 520, .legend = true}},
     {curves, {.title = "Training loss", .x_label = "step", .width = 520, .legend = true}}});

// %% [markdown]
// Without normalization the network stays at guessing. In prediction there may be no batch, so
// `eval()` makes the layer use running averages of $\mu$ and $\sigma^2$ from training. Forgetting
// it is the classic mistake, with dropout too: predictions then depend on chance or on neighbours.
//
// ## What was learnt
//
// - Dropout multiplies by a random mask. Prediction is scaled by the share kept, $1 - p$.
// - For a linear model dropout is ridge regression, with a penalty for each weight by its input.
// - Batch norm gives every unit a fixed mean and deviation; gradients pass through both.
//
// ## Exercises: fill in `19_dropout_batch_norm_exercises.cpp`
//
// 1. A network was trained with plain masks and $p = 0.2$. Write its prediction.
// 2. Write inverted dropout: the mask and the scale.
// 3. A bias before batch norm is useless: how much does adding 5 to all $Z_{ij}$ change $\hat Z$?
// 4. Batch norm may stand after the activation too. What are mean and variance of its output there?
//
// Next: [from modules to architectures](20_architectures.md).

// %% tags=["program"]
return report({{"held out, least squares", held_out(least_squares), 14.9, 16},
               {"held out, dropout", held_out(dropped), 6.7, 7},
               {"accuracy without batch norm", accuracy[0], 0.07, 0.2},
               {"accuracy with batch norm", accuracy[1], 0.92, 0.9}});
}
