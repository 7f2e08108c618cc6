// %% tags=["program"]
// Diffusion in one dimension: a network learns to see the noise, and noise turns into samples.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "report.hpp"

using namespace gradtape;
using namespace gradtape::optim;

int main() {
// %% [markdown]
// # 27. Diffusion in one dimension
//
// Programs that paint pictures start from pure noise and clean it up in small steps. They have
// learned a single thing: *given a noisy picture, which part of it is noise?* In one dimension the
// best answer is known, so we can measure how good a network gets, and see why it goes in steps.
//
// This chapter goes beyond the notes. It follows Ho, Jain and Abbeel (2020), "Denoising diffusion
// probabilistic models": equations (4), (11), (14), algorithms 1 and 2. It needs chapters 3 and 8.
//
// ## The data, and how it is drowned
//
// A number $x_0$ is drawn from two heaps: with probability 0.3 from $\mathcal N(-1.5,\ 0.2^2)$,
// else from $\mathcal N(1,\ 0.4^2)$. Step $t$ of $T = 100$ keeps the share $\alpha_t = 1 - \beta_t$
// of the variance and adds $\beta_t$ of fresh noise. All steps up to $t$ together are again one
// normal distribution, with $\bar\alpha_t = \alpha_1 \cdots \alpha_t$ (equation 4):
//
// $$x_t = \sqrt{\bar\alpha_t}\; x_0 + \sqrt{1 - \bar\alpha_t}\; \varepsilon, \qquad
// \varepsilon \sim \mathcal N(0, 1).$$

// %%
seed(27);
const auto draw_data = [](std::int64_t n) {
  const Tensor left = bernoulli(0.3, {n}, float64) > 0.5;
  return where(left, 0.2 * randn({n}, float64) - 1.5, 0.4 * randn({n}, float64) + 1.0);
};
const std::int64_t T = 100;
const Tensor beta = linspace(0.001, 0.1, T, float64);  // of steps 1 ... T, at places 0 ... T - 1
const Tensor alpha_bar = cumprod(1.0 - beta, 0);
for (const std::int64_t t : {1, 25, 50, 100})
  fmt::print("after step {:>3}: {:.3f} of x0 and {:.3f} of noise\n", t,
             std::sqrt(alpha_bar[t - 1].item()), std::sqrt(1 - alpha_bar[t - 1].item()));

// %% [markdown]
// ## The best answer there is
//
// The network $\varepsilon_\theta(x_t, t)$ is to say the noise $\varepsilon$ in $x_t$. It is
// trained on $\mathrm E\, (\varepsilon - \varepsilon_\theta(x_t, t))^2$ (equation 14). A squared
// error is least at the conditional mean (chapter 3), which has a remarkable form here (Tweedie's
// formula): with $p_t$ the density of $x_t$,
//
// $$\varepsilon^*(x, t) = -\sqrt{1 - \bar\alpha_t}\; \frac{\partial}{\partial x} \log p_t(x).$$
//
// The derivative is called the *score*. For our heaps $p_t$ is a sum of two normal densities, with
// means and variances by equation 4, and its score is one call of `grad_of`.

// %%
/// log p_t(x).  x, a: [n], where a is alpha_bar of the time t of each x
const auto log_density = [](const Tensor& x, const Tensor& a) {
  const auto heap = [&](double weight, double mean, double deviation) {
    const Tensor variance = deviation * deviation * a + (1.0 - a), z = x - mean * sqrt(a);
    return std::log(weight) - 0.5 * (square(z) / variance + log(2 * std::numbers::pi * variance));
  };
  return logaddexp(heap(0.3, -1.5, 0.2), heap(0.7, 1.0, 0.4));
};
const auto best_noise = [&](const Tensor& x, const Tensor& a) {
  const auto total = [&](const Tensor& v) { return sum(log_density(v, a)); };
  return -sqrt(1.0 - a) * grad_of(total, x);
};

// %% [markdown]
// ## Training (algorithm 1)
//
// Draw a time, a data point and a noise for each row; regress. The two shares tell the time.

// %%
const nn::LinearOptions doubles{.dtype = float64};
const nn::Sequential network(nn::Linear(3, 64, doubles), nn::SiLU(), nn::Linear(64, 64, doubles),
                             nn::SiLU(), nn::Linear(64, 1, doubles));
const auto learned_noise = [&](const Tensor& x, const Tensor& a) {
  return squeeze(network(stack({x, sqrt(a), sqrt(1.0 - a)}, 1)), 1);
};
struct Batch { Tensor x, a, noise; };  // [n] each: x_t, alpha_bar_t, epsilon
const auto draw_batch = [&](std::int64_t n) {
  const Tensor a = alpha_bar[randint(0, T, {n})], noise = randn({n}, float64);
  return Batch{sqrt(a) * draw_data(n) + sqrt(1.0 - a) * noise, a, noise};
};
Adam adam(network.parameters(), {.lr = 0.005});
Schedule schedule(adam, cosine_schedule(2500));
for (int step = 0; step < 2500; ++step, schedule.step()) {
  const Batch batch = draw_batch(256);
  const Tensor loss = nn::mse_loss(learned_noise(batch.x, batch.a), batch.noise);
  adam.zero_grad();
  loss.backward();
  adam.step();
}

const NoGrad no_grad;  // from here on nothing is recorded but what grad_of asks for
const Batch fresh = draw_batch(50'000);
const Tensor best = best_noise(fresh.x, fresh.a);
const double loss_learned = nn::mse_loss(learned_noise(fresh.x, fresh.a), fresh.noise).item();
const double loss_best = nn::mse_loss(best, fresh.noise).item();
const double excess = nn::mse_loss(learned_noise(fresh.x, fresh.a), best).item();
fmt::print("squared error: network {:.3f}, best answer {:.3f}, between the two {:.3f}\n",
           loss_learned, loss_best, excess);

// %% [markdown]
// The loss stops far above 0, and no network could lower it, since $x_t$ does not determine its
// noise. Only the last number is the network's own fault.
//
// ## One big step?
//
// Equation 4, solved for $x_0$, makes a guess of the data:
// $\hat x_0 = (x_t - \sqrt{1 - \bar\alpha_t}\,\varepsilon_\theta) / \sqrt{\bar\alpha_t}$. So we
// could start from pure noise at $t = 100$ and jump to $\hat x_0$ at once.
//
// **Predict before you run on:** where do these guesses land, even with the best answer
// $\varepsilon^*$ in place of the network's? In the two heaps, 30 percent on the left?

// %%
const std::int64_t count = 10'000;
const Tensor start = randn({count}, float64), data = draw_data(count);
const Tensor a_end = full({count}, alpha_bar[T - 1].item(), float64);
const Tensor guess = (start - sqrt(1.0 - a_end) * best_noise(start, a_end)) / sqrt(a_end);
fmt::print("data:     mean {:.2f}, deviation {:.2f}\n", mean(data).item(), stddev(data).item());
fmt::print("one step: mean {:.2f}, deviation {:.2f}\n", mean(guess).item(), stddev(guess).item());

// %% [markdown]
// They all land near 0.25, the mean of the data, in the valley between the heaps: asked about pure
// noise, the best answer is an average over everything that could be behind it.
//
// ## A hundred small steps (algorithm 2)
//
// So we go back a little, add fresh noise, and ask again. By equation 11 and algorithm 2, with
// $z \sim \mathcal N(0, 1)$, and $z = 0$ in the last step:
//
// $$x_{t-1} = \frac{1}{\sqrt{\alpha_t}} \left(x_t - \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\,
// \varepsilon_\theta(x_t, t)\right) + \sqrt{\beta_t}\, z.$$

// %%
const auto sample = [&](const auto& noise_of) {
  Tensor x = start;
  for (std::int64_t t = T; t >= 1; --t) {
    const double b = beta[t - 1].item(), a = alpha_bar[t - 1].item();
    x = (x - b / std::sqrt(1 - a) * noise_of(x, full({count}, a, float64))) / std::sqrt(1 - b);
    if (t > 1) x = x + std::sqrt(b) * randn({count}, float64);
  }
  return x;
};
const Tensor by_network = sample(learned_noise), by_best = sample(best_noise);
const auto distance = [](const Tensor& a, const Tensor& b) {  // of the i-th smallest, the mean
  return mean(abs(sort(a).values - sort(b).values)).item();
};
const auto left_share = [](const Tensor& x) { return mean((x < -0.6).to(float64)).item(); };
const std::vector<std::pair<const char*, Tensor>> sets{
    {"other data", draw_data(count)}, {"network", by_network}, {"best answer", by_best}};
for (const auto& [name, x] : sets)
  fmt::print("{:<11} {:.2f} in the left heap, distance to the data {:.3f}\n", name, left_share(x),
             distance(x, data));
const Tensor centres = arange(-2.55, 2.6, 0.1, float64), axis = linspace(-2.6, 2.6, 209, float64);
const Tensor inside = abs(unsqueeze(centres, 1) - by_network) < 0.05;  // [bars, count]
const Series bars{.name = "samples", .x = centres, .y = mean(inside.to(float64), 1) / 0.1,
                  .mark = Mark::bars, .colour = colour::pale_blue};
const Series density{.name = "data's density", .x = axis,
                     .y = exp(log_density(axis, ones_like(axis))), .colour = colour::orange};
save_picture("27_diffusion.svg",
    {{{bars, density}, {.title = "10,000 samples of the network", .x_label = "x0",
                        .y_label = "density", .width = 460, .height = 280, .legend = true}}});

// %% [markdown]
// The samples of the network fall into both heaps, in the right shares, and are as far from the
// data as a second draw of it. A small fault remains: a few samples between the heaps.
//
// ## What was learnt
//
// - A denoiser is a regression. Its best answer is the score, and its loss has a floor above 0.
// - One step from noise gives the mean of everything; many small steps give samples.
// - A model that generates can be measured, beside fresh data: shares, widths, a distance.
//
// ## Exercises: fill in `27_diffusion_exercises.cpp`
//
// 1. Which recursion does the variance of the noise in $x_t$ follow, step by step?
// 2. Let the data be one heap $\mathcal N(m, s^2)$. Write $\varepsilon^*(x, t)$ as a formula.
// 3. A sampler without fresh noise (Song, Meng and Ermon 2021): guess $\hat x_0$, then mix the
//    *same* noise back in by equation 4 at time $t - 1$. Write that step.
//
// Next: [an ODE with a network inside](28_neural_ode.md).

// %% tags=["program"]
return report({{"loss of the best answer", loss_best, 0.33, 0.34},
               {"samples of the network in the left heap", left_share(by_network), 0.3, 0.27},
               {"distance of the samples to data", distance(by_network, data), 0.03, 0.06}});
}
