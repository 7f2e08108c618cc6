// %% tags=["program"]
// A variational autoencoder: a gradient through a random number, and digits nobody has written.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 26. A variational autoencoder
//
// From two random numbers this network makes an image of a digit that nobody has written. To train
// it, a gradient has to pass through the drawing of a random number, which seems to have none. The
// *reparametrisation* (Kingma and Welling 2014, "Auto-encoding variational Bayes", section 2.4)
// makes it possible, here and in diffusion (chapter 27). The losses are those from likelihoods (MIT
// 6.390 notes, 6.4; chapter 3).
//
// ## A gradient through chance
//
// Let $z$ be drawn from the normal distribution with mean $\mu$ and standard deviation $\sigma$,
// and $f$ a function. We want
//
// $$\frac{\partial}{\partial \mu} \, \mathbb E_{z \sim N(\mu, \sigma^2)} f(z). \tag{1}$$
//
// For $f(z) = z^2$ the expectation is $\mu^2 + \sigma^2$, so (1) is $2 \mu$ and the derivative by
// $\sigma$ is $2 \sigma$. Two estimators use samples only. The *score function* differentiates the
// density $q$: $f(z)\, \partial \log q(z) / \partial \mu = f(z)\, (z - \mu) / \sigma^2$. The
// *reparametrised* one writes
//
// $$z = \mu + \sigma \varepsilon, \qquad \varepsilon \sim N(0, 1). \tag{2}$$
//
// Now $z$ is an ordinary function of $\mu$ and $\sigma$ that a tape differentiates: the estimator
// is $f'(z)$ for $\mu$ and $f'(z)\, \varepsilon$ for $\sigma$. Both are right on average.
//
// **Predict before you run on:** which scatters less for $\mu = 1.5$, $\sigma = 0.5$, by how much?

// %%
seed(1);
const std::int64_t samples = 10000;
const Tensor mu = tensor(1.5, float64).requires_grad("mu");
const Tensor sigma = tensor(0.5, float64).requires_grad("sigma");
const Tensor epsilon = randn({samples}, float64), z = mu + sigma * epsilon;
const std::vector<Tensor> by_tape = grad(mean(square(z)), {mu, sigma});
const Tensor drawn = z.detach(), reparametrised = 2.0 * drawn;
const Tensor score = square(drawn) * (drawn - 1.5) / 0.25;  // one estimate for each sample
const double times_wider = stddev(score).item() / stddev(reparametrised).item();
fmt::print("by mu: exact 3, by the tape {:.3f}, by the score function {:.3f}\n", by_tape[0].item(),
           mean(score).item());
fmt::print("by sigma: exact 1, by the tape {:.3f}\n", by_tape[1].item());
fmt::print("one sample scatters by {:.2f} reparametrised, by {:.2f} with the score: {:.1f} times\n",
           stddev(reparametrised).item(), stddev(score).item(), times_wider);

// %% [markdown]
// A scatter 7 times as large needs 50 times as many samples. With (2), one for each image will do.
//
// ## The bound
//
// A *code* $z$ of two numbers is drawn from $N(0, I)$, and a decoder network makes of it the
// probability of ink at each of the 64 pixels. How probable an image $x$ is,
// $p(x) = \int p(x \mid z)\, p(z)\, dz$, cannot be computed. So a second network, the encoder,
// guesses which codes it may have come from: $q(z \mid x) = N(\mu(x), \sigma(x)^2)$. Then
//
// $$-\log p(x) \;\le\;
//   \underbrace{\mathbb E_{q}\left[-\log p(x \mid z)\right]}_{\text{what decoding loses}} +
//   \underbrace{\mathrm{KL}\left(q(z \mid x) \,\|\, N(0, I)\right)}_{\text{what the code tells}},
//   \tag{3}$$
//
// $$\mathrm{KL} = \tfrac12 \sum_j \left( \mu_j^2 + \sigma_j^2 - \log \sigma_j^2 - 1 \right).
//   \tag{4}$$
//
// The right side is the loss (its negative is the *evidence lower bound*). The first part wants
// codes that tell images apart, the second wants all codes to look like noise. (4) is exact for
// normal distributions; the mean of $\log q(z) - \log p(z)$ over samples says the same:

// %%
const auto divergence = [](const Tensor& mean_code, const Tensor& log_variance) {
  return 0.5 * sum(square(mean_code) + exp(log_variance) - log_variance - 1.0);
};
const Tensor log_q = -0.5 * square(epsilon) - std::log(0.5), log_p = -0.5 * square(drawn);
const double by_samples = mean(log_q - log_p).item();
const double by_formula = divergence(tensor(1.5, float64), tensor(std::log(0.25), float64)).item();
fmt::print("KL of N(1.5, 0.25): by (4) {:.3f}, by {} samples {:.3f}\n", by_formula, samples,
           by_samples);

// %% [markdown]
// ## Digits in the plane
//
// The encoder gives $\mu$ and $\log \sigma^2$, so that $\sigma$ is positive whatever it says. With
// the noise fixed, the loss is an ordinary function and differences can check its gradient. In
// training each batch gets new noise.

// %%
const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/digits.csv.gz", {.dtype = float64});
const auto [train, test] = nn::data::split_every({slice(table, 1, 0, 64) / 16.0,
                                                  select(table, 1, 64).to(int64)}, 5);
struct Vae : nn::Module {
  nn::Linear encoder = child("encoder", nn::Linear(64, 64, {.dtype = float64}));
  nn::Linear mean_code = child("mean_code", nn::Linear(64, 2, {.dtype = float64}));
  nn::Linear log_variance = child("log_variance", nn::Linear(64, 2, {.dtype = float64}));
  nn::Linear decoder = child("decoder", nn::Linear(2, 64, {.dtype = float64}));
  nn::Linear pixels = child("pixels", nn::Linear(64, 64, {.dtype = float64}));
  Tensor decode(const Tensor& codes) const { return pixels(relu(decoder(codes))); }  // logits
};
seed(1);
const Vae vae;
// The two parts of (3), means over images. noise: [n, 2]
const auto parts = [&](const Tensor& images, const Tensor& noise) {
  const Tensor hidden = relu(vae.encoder(images));
  const Tensor mean_code = vae.mean_code(hidden), log_variance = vae.log_variance(hidden);
  const Tensor code = mean_code + exp(0.5 * log_variance) * noise;  // (2)
  const Tensor lost =
      nn::bce_with_logits(vae.decode(code), images, {.reduction = nn::Reduction::batch_mean});
  return std::vector<Tensor>{lost, divergence(mean_code, log_variance) / double(images.size(0))};
};
const Tensor few = slice(test.inputs(), 0, 0, 3) * 0.9 + 0.05, fixed_noise = randn({3, 2}, float64);
const auto bound_of = [&](const Tensor& images) {
  const std::vector<Tensor> both = parts(images, fixed_noise);
  return both[0] + both[1];
};
const GradcheckResult verdict = gradcheck(bound_of, few);
fmt::print("gradient of the bound, for fixed noise: {}\n", verdict ? "right" : verdict.message);

optim::Adam adam(vae.parameters(), {.lr = 3e-3});
const auto on = [&](const nn::data::Dataset& data) {
  const NoGrad no_grad;
  const Generator own(3);
  return parts(data.inputs(), randn({data.size(), 2}, float64, own));
};
std::vector<double> totals, divergences;
for (std::uint64_t epoch = 0; epoch <= 60; ++epoch) {
  const std::vector<Tensor> now = on(test);
  totals.push_back((now[0] + now[1]).item());
  divergences.push_back(now[1].item());
  if (epoch % 20 == 0)
    fmt::print("epoch {:2}: {:.2f} nats = {:.2f} lost in decoding + {:.2f} told by the code\n",
               epoch, totals.back(), now[0].item(), now[1].item());
  for (const auto& [images, labels] :
       nn::data::batches(train, {.size = 32, .shuffle = true, .epoch = epoch})) {
    const std::vector<Tensor> both = parts(images, randn({images.size(0), 2}, float64));
    adam.zero_grad();
    (both[0] + both[1]).backward();
    adam.step();
  }
}

// %% [markdown]
// The code tells about 2.2 nats: as much as naming one of nine kinds of image, and nobody has shown
// it a label. The picture shows the codes $\mu(x)$ of the held-out digits, six kinds of them
// coloured, and below what the decoder makes of codes on a grid over the same plane.

// %%
const NoGrad no_grad;
const Tensor codes = vae.mean_code(relu(vae.encoder(test.inputs())));
const optim::Limits limits{-2.5, 2.5};
const Tensor grid_codes = optim::grid(limits, limits, 9, 9).to(float64);
const Tensor decoded = reshape(sigmoid(vae.decode(grid_codes)), {-1, 8, 8});
const Tensor framed = pad(decoded, {1, 1, 1, 1});  // a white border around each
std::vector<optim::Series> by_digit{
    optim::points(codes, {.name = "others", .colour = "#c3ccd4", .size = 4})};
for (const std::int64_t digit : {0, 1, 2, 4, 6, 7})
  by_digit.push_back(optim::points(codes[test.targets() == digit],
                                   {.name = fmt::format("{}", digit), .size = 4}));
optim::save_picture("26_vae.svg",
    {{by_digit, {.title = "Codes of held-out digits", .width = 480, .height = 480,
                 .x_limits = limits, .y_limits = limits, .legend = true}},
     {{}, {.title = "What the decoder makes of the plane", .width = 480, .equal_units = true,
           .axes = false}, optim::image(optim::mosaic(framed, 9))}});
const Tensor itself = eye(test.size()) > 0.5;
const Tensor nearest = argmin(masked_fill(cdist(codes, codes), itself, 1e9), 1);
const double same = 100 * mean((test.targets()[nearest] == test.targets()).to(float64)).item();
fmt::print("the nearest other code is of the same digit for {:.0f} % (by chance 10)\n", same);

// %% [markdown]
// ## What was learnt
//
// - Write a random number as a function of its parameters and of noise, and a gradient passes.
// - The loss bounds $-\log p(x)$: what decoding loses plus what the code tells.
// - With the noise fixed, the whole is an ordinary function, which `gradcheck` can check.
//
// ## Exercises: fill in `26_vae_exercises.cpp`
//
// 1. Reparametrise the exponential distribution with rate $\lambda$ from a uniform number.
// 2. $\mathrm{KL}(N(\mu, \sigma^2) \,\|\, N(m, s^2))$ in one dimension: the formula.
// 3. Which $\mu$, $\sigma$ make (4) least? Find them by its gradient.
//
// Next: [diffusion](27_diffusion.md).

// %% tags=["program"]
return report({{"score scatters more, times", times_wider, 7.5, 6.5},
               {"KL, samples minus formula", std::abs(by_samples - by_formula), 0, 0.05},
               {"held-out nats", totals.back(), 25.2, 25.6},
               {"told by the code", divergences.back(), 2.19, 1.9},
               {"percent with a neighbour of its digit", same, 64, 50}});
}
