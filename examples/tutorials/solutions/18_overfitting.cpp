// Exercises of chapter 18: against overfitting
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. Weights decay at 0.5, biases do not. With a loss whose gradient is 0, one step shows it.
  const nn::Linear layer(2, 1, {.weight_init = nn::init::Ones{}, .bias_init = nn::init::Ones{}});
  // hole: optim::SGD sgd({layer.weight, layer.bias}, {.lr = 0.1, .weight_decay = 0.5});
  optim::SGD sgd({layer.weight}, {.lr = 0.1, .weight_decay = 0.5});
  sgd.add_group({layer.bias}, {.lr = 0.1});
  // end
  (0.0 * (sum(layer.weight) + sum(layer.bias))).backward();
  sgd.step();
  answers.check("1a. a weight after the step", 0.95, at(layer.weight, {0, 0}).item(), 1e-6);
  answers.check("1b. the bias after the step", 1, at(layer.bias, {0}).item(), 1e-6);

  // 2. L + lambda/2 |w|^2 with lambda = 0.02.
  // hole: const double lambda_of_mit = 0.02, weight_decay = 0.04;
  const double lambda_of_mit = 0.01, weight_decay = 0.02;
  // end
  answers.check("2a. lambda in L + lambda |w|^2", 0.01, lambda_of_mit);
  answers.check("2b. weight_decay", 0.02, weight_decay);

  // 3. Noise of deviation s on the inputs of a linear model is a penalty lambda |w|^2: which?
  const auto lambda = [](double s) {
    // hole: return s;
    return s * s;
    // end
  };
  answers.check("3. lambda for s = 0.3", 0.09, lambda(0.3));
  return answers.status();
}
