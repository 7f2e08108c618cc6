// Exercises of chapter 17: momentum, Adadelta, Adam
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  const Tensor steepness = tensor({1.0, 100.0}, float64);
  const auto slope = [&](const Tensor& w) { return steepness * w; };

  // 1. The M-form W <- W - eta' M, M <- 0.9 M + 0.1 g, on the path of the V-form with eta = 0.01.
  // hole: const double eta_prime = 0.01;
  const double eta_prime = 0.01 / (1 - 0.9);
  // end
  Tensor by_V = ones({2}, float64), by_M = by_V, V = zeros_like(by_V), M = V;
  for (int t = 0; t < 30; ++t) {
    V = 0.9 * V + 0.01 * slope(by_V);
    by_V = by_V - V;
    M = 0.9 * M + 0.1 * slope(by_M);
    by_M = by_M - eta_prime * M;
  }
  answers.check("1. w1 after 30 steps", at(by_V, {0}).item(), at(by_M, {0}).item());

  // 2. Two groups: w2 with lr 0.01, w1 with lr 1.
  const Parameter w1(tensor(1.0, float64)), w2(tensor(1.0, float64));
  optim::SGD sgd({w2}, {.lr = 0.01});
  // hole: sgd.add_group({w1}, {.lr = 0.01});
  sgd.add_group({w1}, {.lr = 1});
  // end
  int steps = 0;
  for (double J = 1; J >= 1e-6 && steps < 1000; ++steps) {
    const Tensor loss = 0.5 * (square(w1) + 100.0 * square(w2));
    sgd.zero_grad();
    loss.backward();
    sgd.step();
    J = 0.5 * (square(w1.tensor()).item() + 100 * square(w2.tensor()).item());
  }
  answers.check("2. steps to J < 1e-6", 1, steps);

  // 3. The first step of Adam without corrections, B1 = 0.9, B2 = 0.999, for any gradient g, in
  //    units of eta.
  const auto first_step = [](double g) {
    // hole: return g;
    const double m = (1 - 0.9) * g, v = (1 - 0.999) * g * g;
    return m / std::sqrt(v);
    // end
  };
  answers.check("3a. for g = 2", 3.1622776601683795, first_step(2));
  answers.check("3b. for g = -50", -3.1622776601683795, first_step(-50));
  return answers.status();
}
