// %% tags=["program"]
// Twelve noisy points and 1,153 parameters: early stopping, weight decay and noise on the inputs.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 18. Against overfitting: decay, stopping, noise
//
// A network with more parameters than data can learn its training set by heart, noise included. The
// training loss then looks splendid, and the loss on new data is poor. This is *overfitting*, and
// what works against it is called *regularization*. Three old methods do, and they are related to
// each other.
//
// The chapter follows the MIT 6.390 notes, section 6.8.1, and Goodfellow et al., chapter 6 slides,
// Cost Functions and the part from UFLDL. You need chapters 3 and 4.
//
// ## Learning twelve points by heart
//
// The data are $y = \sin(\pi x)$ plus noise of standard deviation 0.3. Twelve points are for
// training. Another hundred form the *validation set*: it never gives a gradient, but we look at it
// while training. The best that any model can reach on new points is the variance of the noise,
// 0.09.

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

// %% [markdown]
// One function trains all variants. `lambda` is the strength of weight decay and `noise` the
// deviation of the noise on the inputs; both are explained below and 0 at first. Every 20 steps it
// looks at the validation loss. `EarlyStopping` keeps the weights of the lowest one, and says stop
// when there was no better one among the last `patience` looks.

// %%
struct Recipe { double lambda = 0, noise = 0; bool stop = false; };
struct Fit {
  nn::Sequential model;
  std::vector<double> training, validation;  // losses, every 20 steps
  int best;                                  // the step of the lowest validation loss
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
  return Fit{model, on_train, on_validation, 20 * static_cast<int>(stopping.best_step() - 1)};
};

// %% [markdown]
// **Predict before you run on:** the network trains for 2,000 steps without any precaution. Which
// way do the training loss and the validation loss go, and where is the validation loss lowest:
// early, in the middle, at the end?

// %%
const Fit plain = fit({});
for (const int step : {0, 60, plain.best, 500, 1000, 2000})
  fmt::print("step {:4}: training loss {:.2f}, validation loss {:.2f}\n", step,
             plain.training[step / 20], plain.validation[step / 20]);

// %% [markdown]
// The training loss keeps falling. The validation loss falls at first, then rises again: from there
// on the network learns the noise of these twelve points. The gap between the two shows
// overfitting.
//
// ## Three precautions
//
// - **Early stopping** ends training where the validation loss no longer falls, and returns the
//   weights of the best moment.
// - **Noise**: before each gradient, small normal noise is added to every $x^{(i)}$. The network
//   never sees a point twice in the same place, so it cannot fit it to the last digit.
// - **Weight decay** punishes large weights $W$, as ridge regression does. With the loss $L$ of one
//   example and a number $\lambda$, the notes minimize
//
// $$J(W) = \sum_{i=1}^n L(NN(x^{(i)}), y^{(i)}; W) + \lambda \|W\|^2.$$

// %%
const Fit stopped = fit({.stop = true}), decayed = fit({.lambda = 0.001}),
          noisy = fit({.noise = 0.1});
const auto show = [&](const char* name, const Fit& f) {
  fmt::print("{:<14} {:8.2f} {:10.2f} {:6.2f}\n", name, loss_on(f.model, train).item(),
             loss_on(f.model, validation).item(), loss_on(f.model, test).item());
};
fmt::print("loss on        training validation   test\n");
show("plain", plain);
show("early stopping", stopped);
show("weight decay", decayed);
show("noise", noisy);

// %% [markdown]
// All three give up some training loss and win on new points. The seeds were chosen so that plain
// training overfits clearly; with others the order changes, and too strong a precaution does harm.
// The last column matters: those 2,000 points took no part in anything. The validation set did. It
// chose the moment to stop, so it is no longer impartial, as the MIT notes warn in their margin.

// %%
const Tensor line_x = linspace(-1, 1, 101, float64), looks = arange(0, 2001, 20);
const auto curve_of = [&](const char* name, const Fit& f) {
  return optim::Series{.name = name, .x = line_x, .y = f.model(unsqueeze(line_x, 1)).detach()};
};
const optim::Series truth{.name = "truth", .x = line_x, .y = sin(std::numbers::pi * line_x),
                          .mark = optim::Mark::dashes, .colour = optim::colour::grey};
const optim::Series dots{.x = train.inputs(), .y = train.targets(), .mark = optim::Mark::points,
                         .colour = optim::colour::dark, .size = 4};
optim::save_picture(
    "18_overfitting.svg",
    {{.series = {truth, curve_of("plain", plain), curve_of("stopped", stopped),
                 curve_of("decay", decayed), dots},
      .options = {.title = "Twelve points, three fits", .width = 520, .legend = true}},
     {.series = {{.name = "training", .x = looks, .y = plain.training},
                 {.name = "validation", .x = looks, .y = plain.validation}},
      .options = {.title = "Losses without precaution", .x_label = "step", .log_y = true,
                  .width = 520, .legend = true}}});

// %% [markdown]
// ## Weight decay, written three ways
//
// The gradient of the penalty is $2 \lambda W$, so with step size $\eta$ and the gradient $g$ of
// the loss
//
// $$W_t = W_{t-1} - \eta\, (g + 2 \lambda W_{t-1}) = W_{t-1} (1 - 2 \lambda \eta) - \eta\, g.$$
//
// First the weights shrink by a constant factor, then comes an ordinary step: hence the name. So
// there are three programs for it: the penalty in the loss, the factor by hand, and the option
// `weight_decay` of the optimizer, which adds its value times the weight to the gradient and thus
// must be $2 \lambda$.

// %%
const double lambda = 0.3, eta = 0.05;
const Tensor x5 = randn({20, 5}, float64, chance), y5 = randn({20}, float64, chance);
const auto loss5 = [=](const Tensor& w) { return mean(square(matmul(x5, w) - y5)); };
Tensor by_loss = ones({5}, float64), by_factor = by_loss;
const Parameter by_option(by_loss);
optim::SGD decaying({by_option}, {.lr = eta, .weight_decay = 2 * lambda});
for (int step = 0; step < 50; ++step) {
  const auto penalised = [&](const Tensor& w) { return loss5(w) + lambda * sum(square(w)); };
  by_loss = by_loss - eta * grad_of(penalised, by_loss);
  by_factor = (1 - 2 * lambda * eta) * by_factor - eta * grad_of(loss5, by_factor);
  decaying.zero_grad();
  loss5(by_option).backward();
  decaying.step();
}
const double ways_off = norm(by_loss - by_factor).item() + norm(by_loss - by_option).item();
fmt::print("the three ways agree to 1e-14: {}\n", ways_off < 1e-14);

// %% [markdown]
// ## Weights only, and half of lambda
//
// The slides have two more conventions. Their cost, for $m$ examples and a network $h_{W,b}$ with
// weights $W^{(l)}$ and biases $b^{(l)}$, is
//
// $$J(W, b) = \frac1m \sum_{i=1}^m \tfrac12 \|h_{W,b}(x^{(i)}) - y^{(i)}\|^2 +
// \frac{\lambda}{2} \sum_{l,i,j} \left(W^{(l)}_{ji}\right)^2.$$
//
// The penalty has $\lambda / 2$, so its gradient is $\lambda W$ and `weight_decay` is $\lambda$
// itself. And the biases are left alone: they do not make a function steep. In the library, that is
// two groups of parameters. A step of size $\alpha = 0.1$ changes $W^{(l)}$ by $-\alpha\, (\frac1m
// \sum_i \partial J_i / \partial W^{(l)} + \lambda W^{(l)})$, where $J_i$ is the error of example
// $i$, and $b^{(l)}$ by the mean gradient alone. One layer is enough to see it.

// %%
const nn::Linear layer(1, 1, {.dtype = float64, .generator = Generator(4)});
const auto error = [&] {
  return nn::half_squared_error(layer(train.inputs()), train.targets(),
                                {.reduction = nn::Reduction::batch_mean});
};
const auto slopes = grad_of(error, {layer.weight, layer.bias});
const Tensor new_W = layer.weight - 0.1 * (slopes[0] + 0.01 * layer.weight.tensor());
const Tensor new_b = layer.bias - 0.1 * slopes[1];
optim::SGD groups(nn::weights(layer), {.lr = 0.1, .weight_decay = 0.01});
groups.add_group(nn::biases(layer), {.lr = 0.1});
error().backward();
groups.step();
const double groups_off = norm(layer.weight - new_W).item() + norm(layer.bias - new_b).item();
fmt::print("the slides' step and SGD with two groups agree to 1e-15: {}\n", groups_off < 1e-15);

// %% [markdown]
// ## Noise is weight decay
//
// Bishop showed that noise on the inputs acts like a penalty. For a linear model $w \cdot x$ and
// noise $\epsilon$ of standard deviation $s$ in every input it is exact, on average over the noise:
//
// $$E\, (w \cdot (x + \epsilon) - y)^2 = (w \cdot x - y)^2 + s^2 \|w\|^2.$$

// %%
const double s = 0.3;
const Tensor w5 = ones({5}, float64), disturbed = x5 + s * randn({5000, 20, 5}, float64, chance);
const double with_noise = mean(square(matmul(disturbed, w5) - y5)).item();
const double with_penalty = loss5(w5).item() + s * s * sum(square(w5)).item();
fmt::print("loss {:.3f}; with noise, mean of 5000: {:.3f}; with penalty: {:.3f}\n",
           loss5(w5).item(), with_noise, with_penalty);

// %% [markdown]
// Noise must be new in every epoch, or it is only other data. `nn::GaussianNoise`, the first layer
// of our networks, draws at every call while training. For batches of a data set,
// `train.map_inputs(nn::data::gaussian_noise({.sigma = 0.1}))` draws anew for every epoch.
//
// ## What was learnt
//
// - A training loss alone says nothing about new data; a validation set does, until you choose by
//   it.
// - Stopping, decay and noise keep the function smooth; for linear models, noise *is* a decay.
// - Look at the convention before you copy a $\lambda$: $\lambda$ or $\lambda / 2$, sum or mean,
//   with or without biases.
//
// ## Exercises
//
// `18_overfitting_exercises.cpp` has a hole for each; fill it in and run it.
//
// 1. Give an optimizer two groups, so that the weights decay and the biases do not.
// 2. A paper minimizes $L + \frac{\lambda}{2} \|w\|^2$ with $\lambda = 0.02$. Which $\lambda$ of
//    the MIT notes is that, and which `weight_decay`?
// 3. For a linear model, which $\lambda$ does noise of deviation 0.3 on the inputs amount to?
//
// Next: [disturb the network](19_dropout_batch_norm.md).

// %% tags=["program"]
return report({{"validation loss, plain", loss_on(plain.model, validation).item(), 0.20, 0.25},
               {"validation loss, stopped", loss_on(stopped.model, validation).item(), 0.14, 0.15},
               {"validation loss, decay", loss_on(decayed.model, validation).item(), 0.14, 0.17},
               {"validation loss, noise", loss_on(noisy.model, validation).item(), 0.15, 0.18},
               {"three ways of decay", ways_off, 0, 1e-14},
               {"the slides' step", groups_off, 0, 1e-15},
               {"noise against penalty", std::abs(with_noise - with_penalty), 0, 0.03}});
}
