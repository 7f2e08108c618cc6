// Exercises of chapter 13: output units and saturation
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. nllm where a probability is 0.
  const auto nllm = [](const Tensor& a, const Tensor& y) {
    // hole: return -sum(y * log(a));
    return -sum(xlogy(y, a));
    // end
  };
  const Tensor sure = tensor({1.0, 0.0}, float64), unsure = tensor({0.25, 0.75}, float64);
  answers.check("1a. nllm of a right answer", 0, nllm(sure, sure).item());
  answers.check("1b. nllm of an unsure one", std::log(4.0), nllm(unsure, sure).item());

  // 2. The binary cross-entropy from z, for every z.
  const auto from_z = [](const Tensor& z, const Tensor& y) {
    // hole: return -(y * log(sigmoid(z)) + (1.0 - y) * log(1.0 - sigmoid(z)));
    return softplus(z) - y * z;
    // end
  };
  const auto value = [&](double z, double y) {
    return from_z(tensor(z, float64), tensor(y, float64)).item();
  };
  answers.check("2a. at z = -40, y = 1", 40, value(-40, 1));
  answers.check("2b. at z = 40, y = 0", 40, value(40, 0));
  answers.check("2c. at z = 800, y = 0", 800, value(800, 0));
  answers.check("2d. at z = -800, y = 0", 0, value(-800, 0));

  // 3. Steps of the squared error from z = w + b to sigmoid(z) < 0.1, for y = 0 and the rate 0.15.
  const auto steps_from = [](double z) -> double {
    // hole: return 469 + z;
    int steps = 0;
    for (; 1 / (1 + std::exp(-z)) >= 0.1; ++steps) {
      const double a = 1 / (1 + std::exp(-z));
      z -= 2 * 0.15 * a * a * (1 - a);  // w and b move by the same amount
    }
    return steps;
    // end
  };
  answers.check("3a. steps from z = 4", 469, steps_from(4));
  answers.check("3b. steps from z = 6", 1652, steps_from(6));
  return answers.status();
}
