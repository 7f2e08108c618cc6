// %% tags=["program"]
// Where losses come from: say how the data is drawn, and the cost follows.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 3. Where losses come from
//
// Squared error for prices, cross-entropy for classes: losses look like a menu to choose from.
// Yet each answers one question, *how likely is this data under my model?*, for one kind of data.
// Three are derived here, after the CS229 deep-learning notes, (1.1), (1.2), the Goodfellow et al.
// chapter 6 slides from "Linear Models" to "Output Units", and the MIT 6.390 notes, 6.1 and 6.4.
//
// ## The squared error
//
// For an example $(x^{(i)}, y^{(i)})$ and a model $h_\theta$, (1.1) and (1.2) define
//
// $$J^{(i)} = \tfrac12 (h_\theta(x^{(i)}) - y^{(i)})^2, \qquad J = \frac1n \sum_{i=1}^n J^{(i)}$$
//
// The slides leave out the $1/n$ and MIT the $1/2$: the gradients differ by a factor, which a
// learning rate has to make up for. For the linear model $h_\theta(x) = \theta^\top x$ the minimum
// has a formula, the *normal equations* $X^\top X \theta = X^\top y$ with the examples in the rows
// of $X$. `lstsq` solves them more carefully. At the solution the gradient is 0.

// %%
seed(3);
const Tensor x = concat({ones({40, 1}, float64), randn({40, 2}, float64)}, 1);  // x_0 = 1
const Tensor y = matmul(x, tensor({1.0, -2.0, 0.5}, float64)) + 0.3 * randn({40}, float64);
const Tensor h = matmul(x, tensor({0.5, -1.0, 1.0}, float64));
const nn::LossOptions mean_of_batch{.reduction = nn::Reduction::batch_mean};
fmt::print("1/2 sum (slides)    {:.6f}, by formula {:.6f}\n", nn::half_squared_error(h, y).item(),
           (sum(square(h - y)) / 2.0).item());
fmt::print("(1.2), 1/n of that  {:.6f}\n", nn::half_squared_error(h, y, mean_of_batch).item());
fmt::print("sum without 1/2     {:.6f} (MIT's squared loss)\n",
           nn::mse_loss(h, y, {.reduction = nn::Reduction::sum}).item());
const Tensor by_lstsq = lstsq(x, y);
const Tensor by_solve = solve(matmul(transpose(x), x), matmul(transpose(x), y));
const auto J = [&](const Tensor& theta) { return nn::half_squared_error(matmul(x, theta), y); };
const double closed_gradient = max(abs(grad_of(J, by_lstsq))).item();
fmt::print("to 1e-12: both ways equal {}, gradient 0 {}\n",
           max(abs(by_lstsq - by_solve)).item() < 1e-12, closed_gradient < 1e-12);

// %% [markdown]
// ## Why the square? Maximum likelihood
//
// Let the model state a distribution $p_\text{model}(y \mid x)$ in place of a number. A good model
// makes the data likely. The likelihood of independent examples is a product, so one takes its
// logarithm, changes the sign, and averages over the examples at hand:
//
// $$J(\theta) = -\mathbb{E}_{x, y \sim \hat p_\text{data}} \log p_\text{model}(y \mid x),$$
//
// the *negative log-likelihood*, or cross-entropy between data and model. Now choose a normal
// distribution around the prediction, $\mathcal N(y; f(x; \theta), I)$ with $y \in \mathbb{R}^2$.
// The slides claim $J = \tfrac12\, \mathbb{E}\, \|y - f\|^2 + \text{const}$. By the density's
// factor $1 / (2 \pi)$ the constant must be $\log 2 \pi$. So the squared error says: I believe in
// normal noise, of the same size everywhere. An unknown variance is a parameter like the mean.

// %%
const Tensor f = randn({100, 2}, float64), seen = f + randn({100, 2}, float64);
const nn::GaussianNllOptions with_constant{.full = true, .reduction = nn::Reduction::batch_mean};
const double nll = nn::gaussian_nll_loss(f, seen, ones_like(f), with_constant).item();
const double half_square = nn::half_squared_error(f, seen, mean_of_batch).item();
fmt::print("NLL {:.6f} - 1/2 E|y - f|^2 {:.6f} = {:.6f}; log 2 pi = {:.6f}\n", nll, half_square,
           nll - half_square, std::log(2 * std::numbers::pi));
const Tensor drawn = 2.0 + 0.5 * randn({500}, float64);
const Parameter believed(tensor({0.0, 0.0}, float64), "mean and log variance");
const optim::LBFGSOptions to_the_end{
    .tolerance_grad = 1e-12, .tolerance_change = 0, .line_search = optim::LineSearch::strong_wolfe};
optim::LBFGS lbfgs({believed}, to_the_end);
for (int step = 0; step < 5; ++step)
  (void)lbfgs.step([&] {
    const std::vector<Tensor> b = unbind(believed);
    return nn::gaussian_nll_loss(b[0], drawn, exp(b[1]));
  });
const double learned_variance = std::exp(believed.tensor()[1].item());
fmt::print("learned: mean {:.4f}, variance {:.4f}; of the draws: mean {:.4f}, variance {:.4f}\n",
           believed.tensor()[0].item(), learned_variance, mean(drawn).item(),
           mean(square(drawn - mean(drawn))).item());

// %% [markdown]
// ## Yes or no, and counts: the exponential family
//
// The slides' general form holds normal, Bernoulli and Poisson variables alike (they print $b(u)$
// for $b(y)$): $p(y; \eta) = b(y) \exp\left(\eta^\top T(y) - a(\eta)\right)$. $\eta$ is what the
// network computes, $T(y)$ is just $y$ here, and $a$ makes the probabilities sum to 1. So the cost
// of one example is $a(\eta) - \eta y$, up to a constant, and its slope is $a'(\eta) - y$: the mean
// of the model minus what was seen.
//
// - A yes or no, $y \in \{0, 1\}$: $a(\eta) = \log(1 + e^\eta)$, with
//   $a'(\eta) = \sigma(\eta) = 1 / (1 + e^{-\eta})$.
// - A count, $y = 0, 1, 2, \dots$: $a(\eta) = e^\eta$ and $b(y) = 1 / y!$.
//
// *Logistic regression* (the MIT notes say linear logistic classifier) is $\eta = \theta^\top x$
// with the Bernoulli cost. At its minimum the slopes of all examples cancel:
// $\sum_i (\sigma(\theta^\top x^{(i)}) - y^{(i)})\, x^{(i)} = 0$.

// %%
const Tensor eta = linspace(-3.0, 3.0, 7, float64);
const Tensor bit = tensor({0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0}, float64);
const Tensor count = tensor({0.0, 1.0, 0.0, 2.0, 1.0, 5.0, 20.0}, float64);
const auto a_bernoulli = [](const Tensor& e) { return log(1.0 + exp(e)); };
const Tensor bernoulli_off = mean(a_bernoulli(eta) - eta * bit) - nn::bce_with_logits(eta, bit);
const Tensor poisson_off = mean(exp(eta) - eta * count) - nn::poisson_nll_loss(eta, count);
const Tensor a_slope = grad_of([&](const Tensor& e) { return sum(a_bernoulli(e)); }, eta);
const Tensor counts = arange(0.0, 40.0, 1.0, float64);  // with eta = 1: b(y) exp(y - e) for each y
fmt::print("to 1e-14: bce_with_logits {}, poisson_nll_loss {}, a' = sigma {}\n",
           abs(bernoulli_off).item() < 1e-14, abs(poisson_off).item() < 1e-14,
           max(abs(a_slope - sigmoid(eta))).item() < 1e-14);
fmt::print("Poisson probabilities sum to {:.6f}\n",
           sum(exp(counts - std::exp(1.0) - lgamma(counts + 1.0))).item());
const Tensor score = matmul(x, tensor({0.2, 1.5, -1.0}, float64)) + randn({40}, float64);
const Tensor label = (score > 0.0).to(float64);
const Parameter weights(zeros({3}, float64), "theta");
optim::LBFGS logistic({weights}, to_the_end);
for (int step = 0; step < 5; ++step)
  (void)logistic.step([&] { return nn::bce_with_logits(matmul(x, weights), label); });
const Tensor balance = matmul(sigmoid(matmul(x, weights)) - label, x);
fmt::print("sum of (sigma - y) x below 1e-6: {}\n", max(abs(balance)).item() < 1e-6);

// %% [markdown]
// ## How low can it get?
//
// **Predict before you run on:** a die with three faces falls with probabilities
// $q = (0.5, 0.3, 0.2)$. The model has three numbers $z$ and states
// $p = \operatorname{softmax}(z)$, that is $p_k = e^{z_k} / \sum_j e^{z_j}$. What is the lowest
// value of $-\mathbb{E} \log p_k$ that any $z$ reaches? Is it 0?

// %%
const Tensor q = tensor({0.5, 0.3, 0.2}, float64);
const auto die_cost = [&](const Tensor& z) { return nn::cross_entropy(z, q); };
const double lowest = die_cost(log(q)).item(), entropy = -sum(q * log(q)).item();
fmt::print("uniform {:.4f}, confident {:.4f}, p = q {:.4f}; entropy of q {:.4f}\n",
           die_cost(zeros({3}, float64)).item(), die_cost(tensor({5.0, 0.0, 0.0}, float64)).item(),
           lowest, entropy);

// %% [markdown]
// The lowest cost is the *entropy* of the data, $-\sum_k q_k \log q_k$, which need not be 0.
//
// ## Three pairs of a loss and an output
//
// MIT 6.4 matches losses with last activations. The linear output with the squared loss was above.
// The other two, by formula, from the output, and from the *logits* $z$ before the activation:

// %%
const Tensor z = tensor({{2.0, -1.0, 0.5}, {0.0, 1.0, 3.0}}, float64), classes = tensor({0, 2});
const Tensor g = sigmoid(eta), A = softmax(z, 1);
fmt::print("nll   {:.6f}: bce_loss {:.6f}, bce_with_logits {:.6f}\n",
           -mean(bit * log(g) + (1.0 - bit) * log(1.0 - g)).item(), nn::bce_loss(g, bit).item(),
           nn::bce_with_logits(eta, bit).item());
fmt::print("nllm  {:.6f}: nll_loss {:.6f}, cross_entropy {:.6f}\n",
           -(log(A[0][0]) + log(A[1][2])).item() / 2,
           nn::nll_loss(log_softmax(z, 1), classes).item(), nn::cross_entropy(z, classes).item());
try {
  (void)nn::nll_loss(A, classes);
} catch (const ValueError& error) {
  const std::string why = error.what();
  fmt::print("{}\n{}\n", why.substr(0, why.find(';')), why.substr(why.find(';') + 2));
}
const Tensor s = linspace(-4.0, 4.0, 81, float64);
const Tensor others = stack({s, zeros_like(s), zeros_like(s)}, 1);
const Tensor three = -select(log_softmax(others, 1), 1, 0);
optim::save_picture("03_losses.svg",
    {{{{.name = "1/2 (h - y)^2", .x = s, .y = square(s) / 2.0},
       {.name = "yes or no", .x = s, .y = softplus(-s)},
       {.name = "one of three", .x = s, .y = three}},
      {.title = "Three costs", .x_label = "h - y, or the logit of what is true",
       .y_label = "cost of one example", .width = 420, .height = 300, .y_limits = {0, 5},
       .legend = true}}});

// %% [markdown]
// Prefer the losses that take logits (chapter 13). The picture's last has two other logits of 0.
//
// ## What was learnt
//
// - State $p(y \mid x)$, and $-\log p$ is the cost; the squared error is that of normal noise.
// - In an exponential family the slope by $\eta$ is the model's mean minus what was seen.
// - The lowest cross-entropy is the entropy of the data, not 0.
//
// ## Exercises: fill in `03_losses_exercises.cpp`
//
// 1. Laplace noise has the density $\tfrac12 e^{-|y - f|}$. Derive the cost; which loss is it?
// 2. You have probabilities, their logarithms, or logits: which function gives nllm for each?
//
// Next: [downhill](04_downhill.md).

// %% tags=["program"]
return report({{"normal equations, gradient", closed_gradient, 0, 1e-12},
               {"lowest - entropy", std::abs(lowest - entropy), 0, 1e-14}});
}
