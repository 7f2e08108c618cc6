// Exercises of chapter 3: where losses come from
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  const Generator generator(3);

  // 1. -log(1/2 exp(-|y - f|)), without the constant, averaged over the examples.
  const Tensor f = randn({50}, float64, generator), y = f + randn({50}, float64, generator);
  const auto laplace_cost = [](const Tensor& prediction, const Tensor& target) -> Tensor {
    // hole: return nn::mse_loss(prediction, target);
    return nn::l1_loss(prediction, target);
    // end
  };
  const double laplace = -mean(log(0.5 * exp(-abs(y - f)))).item();
  double constant = 0;
  // hole: constant = 0;
  constant = std::log(2.0);
  // end
  answers.check("1. -E log p of Laplace noise", laplace, laplace_cost(f, y).item() + constant);

  // 2. nllm of the same three examples, from what is given.
  const Tensor logits = randn({3, 4}, float64, generator), classes = tensor({1, 3, 0});
  const Tensor probabilities = softmax(logits, 1), logs = log_softmax(logits, 1);
  const double truth = nn::cross_entropy(logits, classes).item();
  const auto from_logits = [&] {
    // hole: return nn::mse_loss(logits, logits);
    return nn::cross_entropy(logits, classes);
    // end
  };
  const auto from_logs = [&] {
    // hole: return nn::mse_loss(logs, logs);
    return nn::nll_loss(logs, classes);
    // end
  };
  const auto from_probabilities = [&] {
    // hole: return nn::mse_loss(probabilities, probabilities);
    return nn::nll_loss(log(probabilities), classes);
    // end
  };
  answers.check("2a. from logits", truth, from_logits().item());
  answers.check("2b. from logarithms", truth, from_logs().item());
  answers.check("2c. from probabilities", truth, from_probabilities().item());
  return answers.status();
}
