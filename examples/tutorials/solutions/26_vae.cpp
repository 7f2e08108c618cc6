// Exercises of chapter 26: a variational autoencoder
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  seed(1);

  // 1. A number with density rate e^(-rate z) from one that is uniform on (0, 1).
  const Tensor uniform = 1.0 - rand({1000}, float64);
  const Tensor rate = tensor(2.0, float64).requires_grad("rate");
  const auto exponential = [&]() -> Tensor {
    // hole: return uniform + 0.0 * rate;
    return -log(uniform) / rate;
    // end
  };
  const Tensor mean_of_it = mean(exponential());
  answers.check("1a. mean of the sample", mean(-log(uniform)).item() / 2, mean_of_it.item());
  answers.check("1b. its derivative by the rate", -mean(-log(uniform)).item() / 4,
                grad(mean_of_it, {rate})[0].item());

  // 2. The divergence of N(mu, sigma^2) from N(m, s^2).
  const auto divergence = [](double mu, double sigma, double m, double s) -> double {
    // hole: return mu + sigma + m + s;
    return std::log(s / sigma) + (sigma * sigma + (mu - m) * (mu - m)) / (2 * s * s) - 0.5;
    // end
  };
  const double by_4 = 0.5 * (1.5 * 1.5 + 0.25 - std::log(0.25) - 1);
  answers.check("2a. from N(0, 1), as by (4)", by_4, divergence(1.5, 0.5, 0, 1));
  answers.check("2b. from itself", 0, divergence(1.5, 0.5, 1.5, 0.5));

  // 3. The mu and log sigma^2 at which (4) is least.
  const auto kl = [](const std::vector<Tensor>& p) {
    return 0.5 * (square(p[0]) + exp(p[1]) - p[1] - 1.0);
  };
  double mu = 1, log_variance = 1;
  // hole: mu = 1, log_variance = 1;
  mu = 0, log_variance = 0;
  // end
  const auto slopes = grad_of(kl, {tensor(mu, float64), tensor(log_variance, float64)});
  answers.check("3a. slope by mu there", 0, slopes[0].item());
  answers.check("3b. slope by log sigma^2 there", 0, slopes[1].item());
  return answers.status();
}
