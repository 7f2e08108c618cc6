// Exercises of chapter 18: against overfitting
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. The slides' step of size 0.1 with lambda = 0.5: weights decay, biases do not.
  const nn::Linear layer(2, 1, {.dtype = float64, .generator = Generator(4)});
  const Tensor x = randn({20, 2}, float64, Generator(5)), y = randn({20, 1}, float64, Generator(6));
  const auto error = [&] {
    return nn::half_squared_error(layer(x), y, {.reduction = nn::Reduction::batch_mean});
  };
  const auto slopes = grad_of(error, {layer.weight, layer.bias});
  const Tensor W = layer.weight - 0.1 * (slopes[0] + 0.5 * layer.weight.tensor());
  const Tensor b = layer.bias - 0.1 * slopes[1];
  // hole: optim::SGD sgd({layer.weight, layer.bias}, {.lr = 0.1, .weight_decay = 0.5});
  optim::SGD sgd(nn::weights(layer), {.lr = 0.1, .weight_decay = 0.5});
  sgd.add_group(nn::biases(layer), {.lr = 0.1});
  // end
  error().backward();
  sgd.step();
  answers.check("1a. a weight after the step", at(W, {0, 0}).item(),
                at(layer.weight, {0, 0}).item());
  answers.check("1b. the bias after the step", at(b, {0}).item(), at(layer.bias, {0}).item());

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
