// Exercises of chapter 4: downhill
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  const Generator generator(4);

  // 1. n = 120 examples.
  const double n = 120;
  double K_of_batch_descent = 0, K_of_sgd = 0;
  const auto steps_in_an_epoch = [&](double K) {
    // hole: return n - K;
    return std::ceil(n / K);
    // end
  };
  // hole: K_of_batch_descent = K_of_sgd = 0;
  K_of_batch_descent = n;
  K_of_sgd = 1;
  // end
  answers.check("1a. K of batch gradient descent", 120, K_of_batch_descent);
  answers.check("1b. K of SGD", 1, K_of_sgd);
  answers.check("1c. steps in an epoch, K = 50", 3, steps_in_an_epoch(50));

  // 2. One epoch of Mini-Batch-SGD: shuffle, then ceil(n / K) batches; the last may be smaller.
  const Tensor x = randn({120, 3}, float64, generator);
  const Tensor y = matmul(x, tensor({1.0, -1.0, 2.0}, float64));
  const std::int64_t K = 50;
  std::vector<Tensor> picked;  // the numbers of the examples, batch by batch
  // hole: picked = {arange(K)};
  const Tensor order = randperm(120);
  for (std::int64_t i = 0; i < 120; i += K)
    picked.push_back(slice(order, 0, i, i + K));
  // end
  answers.check("2a. batches", 3, static_cast<double>(picked.size()));
  const bool each_once = array_equal(sort(concat(picked)).values, arange(120));
  answers.check("2b. each example once", 1, each_once ? 1 : 0);
  Tensor theta = zeros({3}, float64);
  for (int epoch = 0; epoch < 100; ++epoch)
    for (const Tensor& j : picked) {
      const Tensor inputs = index_select(x, 0, j), targets = index_select(y, 0, j);
      const auto cost = [&](const Tensor& t) { return mean(square(matmul(inputs, t) - targets)); };
      theta = theta - 0.1 * grad_of(cost, theta);
    }
  answers.check("2c. what they teach", 2, theta[2].item(), 1e-6);
  return answers.status();
}
