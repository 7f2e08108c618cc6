// %% tags=["program"]
// Dropout and batch normalization by their formulas: what is scaled, learned, and helped.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 19. Disturb the network: dropout and batch norm
//
// Chapter 18 disturbed the data. One can also disturb the network itself while it trains. Dropout
// switches units off at random. Batch normalization fixes mean and deviation of every unit over the
// batch at hand. Both behave differently in training and in prediction, and that is where most
// mistakes happen.
//
// The chapter follows the MIT 6.390 notes, sections 6.8.2 and 6.8.3 and their appendix B.2. You
// need chapters 16 and 18.
//
// ## Dropout
//
// In every training step, each unit is switched off with probability $p$. In formulas, the
// activations $a^\ell = f(z^\ell)$ of layer $\ell$ become
//
// $$a^\ell = f(z^\ell) * d^\ell,$$
//
// where $*$ multiplies element by element and the mask $d^\ell$ holds a 0 with probability $p$ and
// a 1 otherwise. A unit that is off must not learn from this step either. That needs no extra code:
// the derivative of the product is $f'(z^\ell) * d^\ell$, and the tape finds it.

// %%
const Generator chance(2);
const double p = 0.3;
const Tensor z = randn({10000}, float64, chance).requires_grad("z");
const Tensor d = bernoulli(full({10000}, 1 - p, float64), chance);
const Tensor slope = grad(sum(tanh(z) * d), {z})[0];
const double slope_off = max(abs(slope - (1.0 - square(tanh(z))) * d)).item();
fmt::print("kept {:.4f} of the units; the gradient is f'(z) d to 1e-14: {}\n", mean(d).item(),
           slope_off < 1e-14);
fmt::print("units on: {}, gradients that are not 0: {}\n", count_nonzero(d).item(),
           count_nonzero(slope).item());

// %% [markdown]
// ## What to multiply in prediction
//
// In prediction all units take part, so the next layer would get more than it has learned to
// expect. The weights that follow must be scaled down, so that the average stays what it was. The
// notes say: multiply them by $p$.
//
// **Predict before you run on:** a unit is off with probability $p = 0.3$. What is the average of
// $w \cdot (a * d)$ over many masks, divided by $w \cdot a$?

// %%
const Tensor a = rand({50}, float64, chance), w = rand({50}, float64, chance);
const Tensor masks = bernoulli(full({20000, 50}, 1 - p, float64), chance);
const double factor = (mean(matmul(masks * a, w)) / dot(a, w)).item();
fmt::print("mean of w (a d) over 20,000 masks, divided by w a: {:.3f}\n", factor);

nn::Dropout layer(p, {.generator = chance});
const Tensor many = expand(a, {20000, 50});
const double inverted = (mean(matmul(layer(many), w)) / dot(a, w)).item();
layer.eval();
fmt::print("nn::Dropout: {:.3f} in training, {:.3f} in prediction\n", inverted,
           (mean(matmul(layer(many), w)) / dot(a, w)).item());

// %% [markdown]
// The factor is $1 - p$, the probability that a unit is *kept*. With $p = 0.5$, the common choice,
// nobody notices. The library, like most others today, does it the other way round: it divides by
// $1 - p$ in training, and leaves prediction alone. This is called *inverted* dropout. Both agree
// on average.
//
// ## What dropout does: a linear model
//
// For a linear model the effect can be computed. Let $X$ hold the examples in its rows and drop
// *inputs* with the inverted scaling. Each input then has the right mean and, besides, a variance
// of $x_{ij}^2\, p / (1 - p)$. With $\tilde x_i$ for example $i$ after dropout, the squared error
// is on average over the masks
//
// $$E \sum_i (\tilde x_i \cdot w - y_i)^2 = \sum_i (x_i \cdot w - y_i)^2 +
// \frac{p}{1 - p} \sum_j w_j^2 \sum_i x_{ij}^2,$$
//
// that of a ridge regression with a penalty for every weight. So dropout, too, is related to weight
// decay. Forty examples with thirty features show it, held out on 5,000 new ones: plain least
// squares, gradient descent with dropout, and the minimum of the formula by solving a linear
// system.

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
for (int step = 0; step < 3000; ++step) {
  sgd.zero_grad();
  mean(square(matmul(dropout(X, p, chance), dropped) - y)).backward();
  sgd.step();
  smaller_steps.step();
}
const auto held_out = [&](const Tensor& weights) {
  return mean(square(matmul(fresh.inputs(), weights) - fresh.targets())).item();
};
fmt::print("held-out loss: least squares {:.1f}, dropout {:.2f}, its ridge form {:.2f}\n",
           held_out(least_squares), held_out(dropped), held_out(ridge));

// %% [markdown]
// The noise alone makes 4. Least squares fits forty noisy numbers with thirty weights and pays for
// it.
//
// ## Batch normalization
//
// Batch normalization is a module between $W^\ell$ and $f^\ell$. It takes the pre-activations $Z$
// of a batch of $K$ examples. For unit $i$ let $\mu_i$ be the mean of $Z_{ij}$ over the examples
// $j$ and $\sigma_i$ the standard deviation, divided by $K$ under the root. Appendix B.2 has
//
// $$\bar Z_{ij} = \frac{Z_{ij} - \mu_i}{\sigma_i + \epsilon}, \qquad
// \hat Z_{ij} = G_i \bar Z_{ij} + B_i,$$
//
// with a scale $G_i$ and a shift $B_i$ that are learned, so that the layer can undo the
// normalization where that is better. Every $\bar Z_{ij}$ depends on *all* examples of the batch,
// through $\mu_i$ and $\sigma_i$. For the backward pass B.2 finds, at $\epsilon = 0$ and with
// $\delta_{jk} = 1$ for $j = k$ and 0 otherwise,
//
// $$\frac{\partial L}{\partial Z_{ij}} = \sum_k \frac{\partial L}{\partial \hat Z_{ik}}\, G_i\,
// \frac{1}{K \sigma_i} \left(K \delta_{jk} - 1 - \bar Z_{ij} \bar Z_{ik}\right),$$
//
// and sums over the batch for $G_i$ and $B_i$. Our examples stand in rows, so the formulas sum over
// axis 0. We compare them with the op `batch_norm` and its gradient.

// %%
const std::int64_t K = 8;
const Tensor Z = (2.0 * randn({K, 3}, float64, chance) + 1.0).requires_grad("Z");
const Tensor G = tensor({0.5, 1.0, 2.0}, float64).requires_grad("G");
const Tensor B = tensor({0.0, 1.0, -1.0}, float64).requires_grad("B");
const Tensor dL = randn({K, 3}, float64, chance);  // dL/dZ hat, from the layers behind
const Tensor Z_hat = batch_norm(Z, {.weight = G, .bias = B, .eps = 0}).y;
const std::vector<Tensor> by_tape = grad(sum(Z_hat * dL), {Z, G, B});

const Tensor sigma = stddev(Z, 0, {.correction = 0}), Z_bar = (Z - mean(Z, 0)) / sigma;
const double forward_off = max(abs(Z_hat - (G * Z_bar + B))).item();
const Tensor dG = sum(dL * Z_bar, 0), dB = sum(dL, 0);
const Tensor dZ = G / (K * sigma) * (double(K) * dL - dB - Z_bar * dG);
const std::vector<Tensor> by_hand{dZ, dG, dB};
double backward_off = 0;
for (std::size_t i = 0; i < 3; ++i) backward_off += norm(by_tape[i] - by_hand[i]).item();
fmt::print("B.2 and batch_norm agree to 1e-14: forward {}, backward {}\n", forward_off < 1e-14,
           backward_off < 1e-14);
const Tensor with_eps = batch_norm(Z, {.weight = G, .bias = B, .eps = 1e-5}).y;
const Tensor b2_with_eps = G * (Z - mean(Z, 0)) / (sigma + 1e-5) + B;
fmt::print("sigma + eps against sqrt(sigma^2 + eps), eps = 1e-5: {:.0e}\n",
           max(abs(with_eps - b2_with_eps)).item());

// %% [markdown]
// The last line is a matter of convention. B.2 adds $\epsilon$ to the deviation; the library, like
// the original paper, adds it to the variance.
//
// ## Four sigmoid layers
//
// Chapter 16 showed what four layers of sigmoids do to a gradient. Here they are to read digits, 8
// by 8 pixels each, with plain stochastic gradient descent and five passes over 1,437 images.

// %%
const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/digits.csv.gz");
const Tensor pixels = slice(table, 1, 0, 64).to(float64) / 16.0, digit = select(table, 1, 64);
const auto digits = nn::data::split_every({pixels, digit.to(int64)}, 5);
struct Run { double accuracy; std::vector<double> losses; };
const auto run = [&](bool normalize) {
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
  std::vector<double> losses;
  for (std::uint64_t epoch = 0; epoch < 5; ++epoch)
    for (const auto& [images, labels] : nn::data::batches(
             digits.train, {.size = 32, .shuffle = true, .seed = 1, .epoch = epoch})) {
      const Tensor loss = nn::cross_entropy(net(images), labels);
      descent.zero_grad();
      loss.backward();
      descent.step();
      losses.push_back(loss.item());
    }
  net.eval();
  return Run{nn::metric::accuracy(net(digits.test.inputs()), digits.test.targets()), losses};
};
const Run without = run(false), normalized = run(true);
fmt::print("held-out accuracy: {:.2f} without, {:.2f} with batch norm\n", without.accuracy,
           normalized.accuracy);

// %% [markdown]
// Without normalization the network stays at the level of guessing, one in ten. With it, the same
// network with the same weights at first learns. In prediction there may be no batch, so `eval()`
// makes the layer use running averages of $\mu$ and $\sigma^2$ from training. Forgetting `eval()`
// is the classic mistake, with dropout as with batch norm: predictions then depend on chance, or on
// their neighbours in the batch.

// %%
const auto bars = [&](const char* name, const Tensor& weights) {
  return optim::Series{.name = name, .y = slice(weights, 0, 0, 10), .mark = optim::Mark::bars};
};
const auto smooth = [](const char* name, const std::vector<double>& losses) {
  return optim::Series{.name = name, .y = losses, .smoothing = 0.9};
};
optim::save_picture(
    "19_dropout_batch_norm.svg",
    {{{bars("truth", truth), bars("least squares", least_squares), bars("dropout", dropped)},
      {.title = "Ten of the thirty weights", .width = 520, .legend = true}},
     {{smooth("without", without.losses), smooth("batch norm", normalized.losses)},
      {.title = "Training loss", .x_label = "step", .width = 520, .legend = true}}});

// %% [markdown]
// ## What was learnt
//
// - Dropout multiplies by a random mask. Prediction is scaled by the share kept, $1 - p$.
// - For a linear model dropout is ridge regression, with a penalty for each weight by its input.
// - Batch norm gives every unit a fixed mean and deviation; gradients pass through both.
//
// ## Exercises
//
// `19_dropout_batch_norm_exercises.cpp` has a hole for each; fill it in and run it.
//
// 1. A network was trained with plain masks and $p = 0.2$. Write its prediction.
// 2. Write inverted dropout: the mask and the scale.
// 3. A bias before batch norm is useless. By how much does adding 5 to all $Z_{ij}$ change
//    $\hat Z$?
// 4. Batch norm may stand after the activation too. What are mean and variance of its output there?
//
// Next: [from modules to architectures](20_architectures.md).

// %% tags=["program"]
return report({{"share of units kept", mean(d).item(), 0.7, 0.71},
               {"masked gradient", slope_off, 0, 1e-14},
               {"factor in prediction", factor, 0.7, 0.71},
               {"held out, least squares", held_out(least_squares), 14.9, 16},
               {"held out, dropout", held_out(dropped), 6.7, 7},
               {"held out, its ridge form", held_out(ridge), 6.7, 7},
               {"batch norm forward", forward_off, 0, 1e-14},
               {"batch norm backward", backward_off, 0, 1e-14},
               {"accuracy without batch norm", without.accuracy, 0.07, 0.2},
               {"accuracy with batch norm", normalized.accuracy, 0.92, 0.9}});
}
