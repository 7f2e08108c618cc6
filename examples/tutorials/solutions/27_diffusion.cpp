// Exercises of chapter 27: diffusion in one dimension
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  const std::int64_t T = 100;
  const Tensor beta = linspace(0.001, 0.1, T, float64);
  const Tensor alpha_bar = cumprod(1.0 - beta, 0);

  // 1. The variance of the noise in x_t, step by step.
  double variance = 0;
  for (std::int64_t t = 1; t <= 50; ++t) {
    const double b = beta[t - 1].item();
    // hole: variance += b;
    variance = (1 - b) * variance + b;
    // end
  }
  answers.check("1. variance of the noise after 50 steps", 1 - alpha_bar[49].item(), variance);

  // 2. The best answer for one heap N(m, s^2), where a is alpha_bar of the time.
  const double m = 1.0, s = 0.4;
  const auto best_noise = [&](double x, double a) {
    // hole: return 0 * (x + a + m + s);
    return std::sqrt(1 - a) * (x - std::sqrt(a) * m) / (a * s * s + 1 - a);
    // end
  };
  const double a = alpha_bar[49].item();
  const auto log_density = [&](const Tensor& x) {
    return -0.5 * square(x - std::sqrt(a) * m) / (a * s * s + 1 - a);
  };
  const double score = grad_of(log_density, tensor(0.7, float64)).item();
  answers.check("2. the best answer at x = 0.7, t = 50", -std::sqrt(1 - a) * score,
                best_noise(0.7, a));

  // 3. A step from a (of time t) to a_before (of time t - 1) without fresh noise.
  const auto step = [](double x, double noise, double a, double a_before) {
    const double guess = (x - std::sqrt(1 - a) * noise) / std::sqrt(a);
    // hole: return guess * (a_before - a_before) + x + noise * 0;
    return std::sqrt(a_before) * guess + std::sqrt(1 - a_before) * noise;
    // end
  };
  const double x0 = 0.3, noise = -1.2, before = alpha_bar[48].item();
  answers.check("3. x_49 of x_50, for data 0.3 and noise -1.2",
                std::sqrt(before) * x0 + std::sqrt(1 - before) * noise,
                step(std::sqrt(a) * x0 + std::sqrt(1 - a) * noise, noise, a, before));
  return answers.status();
}
