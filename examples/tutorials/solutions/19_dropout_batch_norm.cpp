// Exercises of chapter 19: dropout and batch norm
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  const Generator chance(3);
  const Tensor a = rand({40}, float64, chance), w = rand({40}, float64, chance);

  // 1. Prediction after training with masks that are 0 with probability p = 0.2.
  const double p = 0.2;
  // hole: const double prediction = (p * dot(w, a)).item();
  const double prediction = ((1 - p) * dot(w, a)).item();
  // end
  const Tensor masks = bernoulli(full({50000, 40}, 1 - p, float64), chance);
  answers.check("1. mean of w (a d)", mean(matmul(masks * a, w)).item(), prediction, 1e-2);

  // 2. Inverted dropout of x with probability p.
  const auto inverted = [&](const Tensor& x) {
    const Tensor mask = bernoulli(full(x.shape(), 1 - p, float64), chance);
    // hole: return x * mask;
    return x * mask / (1 - p);
    // end
  };
  const Tensor many = ones({100000}, float64);
  answers.check("2. the mean stays", 1, mean(inverted(many)).item(), 1e-2);

  // 3. The change of batch norm's output when 5 is added to Z.
  const auto normalize = [](const Tensor& Z) { return batch_norm(Z, {.eps = 0}).y; };
  const Tensor Z = randn({16, 4}, float64, chance);
  // hole: const double change = 5;
  const double change = 0;
  // end
  answers.check("3. the change", max(abs(normalize(Z + 5.0) - normalize(Z))).item(), change);

  // 4. Batch norm after ReLU: mean and variance of each unit, G = 1, B = 0.
  const Tensor after = normalize(relu(Z));
  // hole: const double mean_after = 0.5, variance_after = 0.5;
  const double mean_after = 0, variance_after = 1;
  // end
  answers.check("4a. mean", at(mean(after, 0), {0}).item(), mean_after);
  answers.check("4b. variance", at(var(after, 0, {.correction = 0}), {0}).item(), variance_after);
  return answers.status();
}
