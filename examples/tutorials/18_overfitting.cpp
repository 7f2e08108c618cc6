// %% tags=["program"]
// Twelve noisy points and 1,153 parameters: early stopping, weight decay and noise on the inputs.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 18. Against overfitting: decay, stopping, noise
//
// A network with more parameters than data can learn its training set by heart, noise included. The
// training loss then looks splendid, and the loss on new data is poor: *overfitting*. Against it
// works *regularization*. The chapter follows the MIT 6.390 notes, 6.8.1, and Goodfellow et al.,
// chapter 6 slides, Cost Functions and the part from UFLDL. You need chapters 3 and 4.
//
// ## Learning twelve points by heart
//
// The data are $y = \sin(\pi x)$ plus noise of standard deviation 0.3: twelve points for training,
// and a hundred as the *validation set*, which never gives a gradient, but which we look at while
// training. The best that any model can reach on new points is the variance of the noise, 0.09.
//
// One function trains all variants, with the precautions that are explained below. Every 20 steps
// it looks at the validation loss: `EarlyStopping` keeps the weights of the lowest one.
//
// **Predict before you run on:** the network trains for 2,000 steps without any precaution. Which
// way do the training loss and the validation loss go, and where is the latter lowest?

// %%
const Generator chance(2);
const auto sample = [&](std::int64_t n) {
  const Tensor x = 2.0 * rand({n, 1}, float64, chance) - 1.0;
  return nn::data::Dataset(x, sin(std::numbers::pi * x) + 0.3 * randn({n, 1}, float64, chance));
};
const auto train = sample(12), validation = sample(100), test = sample(2000);
const auto loss_on = [](const auto& model, const nn::data::Dataset& data) {
  return nn::mse_loss(model(data.inputs()), data.targets());
};

struct Recipe { double lambda = 0, noise = 0; bool stop = false; };
struct Fit {
  nn::Sequential model;
  std::vector<double> training, validation;  // losses, every 20 steps
  std::size_t best;                          // which of them is the lowest validation loss
};
const auto fit = [&](const Recipe& recipe) {
  const nn::LinearOptions options{.dtype = float64, .generator = Generator(2)};
  const nn::Linear layer1(1, 32, options), layer2(32, 32, options), layer3(32, 1, options);
  const nn::GaussianNoise noise(recipe.noise, {.generator = Generator(2)});
  nn::Sequential model(noise, layer1, nn::Tanh(), layer2, nn::Tanh(), layer3);
  optim::Adam adam(model.parameters(), {.lr = 0.01});
  optim::EarlyStopping stopping(model.parameters(), {.patience = 20});
  std::vector<double> on_train, on_validation;
  for (int step = 0; step <= 2000 && !(recipe.stop && stopping.should_stop()); ++step) {
    if (step % 20 == 0) {
      model.eval();  // no noise
      on_train.push_back(loss_on(model, train).item());
      on_validation.push_back(loss_on(model, validation).item());
      stopping.step(on_validation.back());
    }
    model.train();
    Tensor J = loss_on(model, train);
    for (const Parameter& W : nn::weights(model)) J = J + recipe.lambda * sum(square(W));
    adam.zero_grad();
    J.backward();
    adam.step();
  }
  if (recipe.stop) stopping.restore();
  model.eval();
  return Fit{model, on_train, on_validation, static_cast<std::size_t>(stopping.best_step() - 1)};
};

const Fit plain = fit({});
for (const std::size_t look : {std::size_t{0}, std::size_t{3}, plain.best, std::size_t{100}})
  fmt::print("step {:4}: training loss {:.2f}, validation loss {:.2f}\n", 20 * look,
             plain.training[look], plain.validation[look]);

// %% [markdown]
// The validation loss falls, then rises again: the network learns the noise of the twelve points.
//
// ## Three precautions
//
// - **Early stopping** ends training when 20 looks were no better, and returns the best weights.
// - **Noise**: before each gradient, small normal noise is added to every $x^{(i)}$. The network
//   never sees a point twice in the same place. (`nn::GaussianNoise`, our first layer, draws at
//   every call in training, `map_inputs(nn::data::gaussian_noise({.sigma = 0.1}))` at every epoch.)
// - **Weight decay** punishes large weights $W$, as ridge regression does: with the loss $L$ of one
//   example the notes minimize $J(W) = \sum_i L(NN(x^{(i)}), y^{(i)}; W) + \lambda \|W\|^2$.

// %%
const std::vector<std::pair<const char*, Fit>> fits{
    {"plain", plain}, {"early stopping", fit({.stop = true})},
    {"weight decay", fit({.lambda = 0.001})}, {"noise", fit({.noise = 0.1})}};
const Tensor line_x = linspace(-1, 1, 101, float64), looks = arange(0, 2001, 20);
std::vector<optim::Series> curves{{.name = "truth", .x = line_x,
                                   .y = sin(std::numbers::pi * line_x),
                                   .mark = optim::Mark::dashes, .colour = optim::colour::grey}};
std::vector<double> validated;
fmt::print("loss on        training validation   test\n");
for (const auto& [name, f] : fits) {
  validated.push_back(loss_on(f.model, validation).item());
  fmt::print("{:<14} {:8.2f} {:10.2f} {:6.2f}\n", name, loss_on(f.model, train).item(),
             validated.back(), loss_on(f.model, test).item());
  curves.push_back({.name = name, .x = line_x, .y = f.model(unsqueeze(line_x, 1)).detach()});
}
curves.push_back({.x = train.inputs(), .y = train.targets(), .mark = optim::Mark::points,
                  .colour = optim::colour::dark, .size = 4});
optim::save_picture("18_overfitting.svg",
    {{curves, {.title = "Twelve points, four fits", .width = 520, .legend = true}},
     {{{.name = "training", .x = looks, .y = plain.training},
       {.name = "validation", .x = looks, .y = plain.validation}},
      {.title = "Losses without precaution", .x_label = "step", .log_y = true, .width = 520,
       .legend = true}}});

// %% [markdown]
// All three give up some training loss and win on new points. (The seeds were chosen so that plain
// training overfits clearly.) The last column matters: those 2,000 points took no part in anything.
// The validation set chose the moment to stop, so it is no longer impartial, as the MIT notes warn.
//
// ## Weight decay, written three ways
//
// With step size $\eta$, the gradient $g$ of the loss and that of the penalty, $2 \lambda W$,
//
// $$W_t = W_{t-1} - \eta\, (g + 2 \lambda W_{t-1}) = W_{t-1} (1 - 2 \lambda \eta) - \eta\, g.$$
//
// The weights shrink by a constant factor, hence the name. So there are three programs for it: the
// penalty in the loss, the factor by hand, and the optimizer's option `weight_decay`, which adds
// its value times the weight to the gradient and thus must be $2 \lambda$.

// %%
const double lambda = 0.3, eta = 0.05;
const Tensor x5 = randn({20, 5}, float64, chance), y5 = randn({20}, float64, chance);
const auto loss5 = [=](const Tensor& w) { return mean(square(matmul(x5, w) - y5)); };
const auto penalised = [=](const Tensor& w) { return loss5(w) + lambda * sum(square(w)); };
Tensor by_loss = ones({5}, float64), by_factor = by_loss;
const Parameter by_option(by_loss);
optim::SGD decaying({by_option}, {.lr = eta, .weight_decay = 2 * lambda});
for (int step = 0; step < 50; ++step) {
  by_loss = by_loss - eta * grad_of(penalised, by_loss);
  by_factor = (1 - 2 * lambda * eta) * by_factor - eta * grad_of(loss5, by_factor);
  decaying.zero_grad();
  loss5(by_option).backward();
  decaying.step();
}
fmt::print("the three ways agree to 1e-14: {}\n",
           (norm(by_loss - by_factor) + norm(by_loss - by_option)).item() < 1e-14);

// %% [markdown]
// The slides have two more conventions. Their cost, for $m$ examples and a network $h_{W,b}$, is
//
// $$J = \frac1m \sum_i \tfrac12 \|h_{W,b}(x^{(i)}) - y^{(i)}\|^2
// + \frac\lambda2 \sum_{l,i,j} (W^{(l)}_{ji})^2 .$$
//
// The penalty has $\lambda / 2$, so `weight_decay` is $\lambda$ itself. And the biases are left
// alone: they make nothing steep. A step of size $\alpha$ changes $W^{(l)}$ by
// $-\alpha\, (\frac1m \sum_i \partial J_i / \partial W^{(l)} + \lambda W^{(l)})$, and $b^{(l)}$ by
// the mean gradient alone: two groups, `nn::weights(model)` and `nn::biases(model)` (exercise 1).
//
// ## Noise is weight decay
//
// Bishop showed that noise on the inputs acts like a penalty. For a linear model and noise
// $\epsilon$ of standard deviation $s$ in every input it is exact, on average over the noise:
// $E\, (w \cdot (x + \epsilon) - y)^2 = (w \cdot x - y)^2 + s^2 \|w\|^2$.

// %%
const double s = 0.3;
const Tensor w5 = ones({5}, float64), disturbed = x5 + s * randn({5000, 20, 5}, float64, chance);
const double with_noise = mean(square(matmul(disturbed, w5) - y5)).item();
const double with_penalty = loss5(w5).item() + s * s * sum(square(w5)).item();
fmt::print("loss {:.3f}; with noise, mean of 5000: {:.3f}; with penalty: {:.3f}\n",
           loss5(w5).item(), with_noise, with_penalty);

// %% [markdown]
// ## What was learnt
//
// - A training loss says nothing about new data; a validation set does, until you choose by it.
// - Stopping, decay and noise keep the function smooth; for linear models, noise *is* a decay.
// - Look at the convention of a $\lambda$: or half of it, sum or mean, with or without biases.
//
// ## Exercises: fill in `18_overfitting_exercises.cpp`
//
// 1. Give an optimizer two groups, so that it takes the slides' step.
// 2. A paper has $L + \frac\lambda2 \|w\|^2$, $\lambda = 0.02$. MIT's $\lambda$? `weight_decay`?
// 3. For a linear model, which $\lambda$ does noise of deviation 0.3 on the inputs amount to?
//
// Next: [disturb the network](19_dropout_batch_norm.md).

// %% tags=["program"]
return report({{"validation loss, plain", validated[0], 0.20, 0.25},
               {"validation loss, stopped", validated[1], 0.14, 0.15},
               {"noise against penalty", std::abs(with_noise - with_penalty), 0, 0.03}});
}
