// Exercises of chapter 12: why a nonlinearity, and what it learns
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

#ifndef GRADTAPE_EXAMPLE_DATA  // the folder examples/data of the library
#define GRADTAPE_EXAMPLE_DATA "examples/data"
#endif

int main() {
  Answers answers;

  // 1. The bias of two linear layers as one.
  seed(1);
  const nn::Linear first(4, 6, {.dtype = float64}), second(6, 2, {.dtype = float64});
  const auto bias_of_both = [](const nn::Linear& one, const nn::Linear& two) -> Tensor {
    // hole: return one.bias[0] * two.bias;
    return matmul(two.weight, one.bias) + two.bias;
    // end
  };
  const Tensor at_zero = second(first(zeros({4}, float64)));
  const Tensor yours = bias_of_both(first, second);
  answers.check("1. b~, its first element", at_zero[0].item(), yours[0].item());

  // 2. The number of principal components that hold 99.9 % of the variance of phi: [n, features].
  const auto components = [](const Tensor& phi) {
    // hole: return phi.size(1);
    const Tensor spread = square(svdvals(phi - mean(phi, 0)));  // descending
    const Tensor share = cumsum(spread, 0) / sum(spread);
    return 1 + sum((share < 0.999).to(int64)).item<std::int64_t>();
    // end
  };
  const Tensor x = unsqueeze(linspace(-1, 1, 200, float64), 1);
  const nn::Linear hidden(1, 20, {.dtype = float64}), output(20, 1, {.dtype = float64});
  std::vector<Parameter> parameters = hidden.parameters();
  for (const Parameter& p : output.parameters()) parameters.push_back(p);
  optim::Adam adam(parameters, {.lr = 0.01});
  for (int step = 0; step < 1000; ++step) {
    const Tensor loss = nn::mse_loss(output(tanh(hidden(x))), sin(3.0 * x));
    adam.zero_grad();
    loss.backward();
    adam.step();
  }
  const auto yours_of_20 = static_cast<double>(components(tanh(hidden(x))));
  answers.check("2. components of 20 features", 4, yours_of_20);

  // 3. Odd or even, from the features of a network that learned the ten digits.
  const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/digits.csv.gz");
  const nn::data::Dataset digits{slice(table, 1, 0, 64) / 16.0, select(table, 1, 64).to(int64)};
  const auto [train, test] = nn::data::split_every(digits, 5);
  const nn::Linear pixels(64, 32), classes(32, 10);
  parameters = pixels.parameters();
  for (const Parameter& p : classes.parameters()) parameters.push_back(p);
  optim::Adam by_adam(parameters, {.lr = 0.01});
  for (std::uint64_t epoch = 0; epoch < 8; ++epoch)
    for (const auto& [images, labels] :
         nn::data::batches(train, {.size = 32, .shuffle = true, .seed = 1, .epoch = epoch})) {
      const Tensor loss = nn::cross_entropy(classes(relu(pixels(images))), labels);
      by_adam.zero_grad();
      loss.backward();
      by_adam.step();
    }
  const NoGrad no_grad;
  const auto features = [&pixels](const Tensor& images) {
    return concat({relu(pixels(images)), ones({images.size(0), 1})}, 1);
  };
  const auto odd = [](const Tensor& labels) { return (labels % 2).to(float32); };
  const auto last_layer = [&](const Tensor& images, const Tensor& labels) -> Tensor {
    // hole: return zeros({features(images).size(1)}) * sum(odd(labels));
    return lstsq(features(images), odd(labels));
    // end
  };
  const Tensor guess = matmul(features(test.inputs()), last_layer(train.inputs(), train.targets()));
  const double right = nn::metric::accuracy(guess > 0.5, test.targets() % 2);
  answers.check("3. odd or even right of held-out digits", 0.95, right, 0.03);
  return answers.status();
}
