// Trains the model on two interleaved spirals and writes its weights to model.safetensors.
#include <iostream>
#include <utility>

#include "model.hpp"

using namespace gradtape;

/// n points of each spiral.  -> points [2 n, 2], labels [2 n]
std::pair<Tensor, Tensor> spirals(std::int64_t n) {
  const Tensor t = 1.0 + 6.0 * rand({n});
  const Tensor arm = stack({t * cos(t), t * sin(t)}, 1) / 10.0;
  return {concat({arm, -arm}), concat({zeros({n}, int64), ones({n}, int64)})};
}

/// The share of points whose class the model finds.
double accuracy(const Classifier& model, const Tensor& points, const Tensor& labels) {
  const NoGrad no_grad;
  return mean((argmax(model(points), 1) == labels).to(float32)).item<double>();
}

int main() {
  seed(1);
  const auto [points, labels] = spirals(500);
  const auto [new_points, new_labels] = spirals(500);

  Classifier model;
  optim::Adam adam(model.parameters(), {.lr = 0.005});
  const nn::data::Dataset train(points, labels);
  for (std::uint64_t epoch = 0; epoch < 100; ++epoch) {
    double sum_of_losses = 0;
    for (const auto& [x, y] :
         nn::data::batches(train, {.size = 50, .shuffle = true, .epoch = epoch})) {
      const Tensor loss = nn::cross_entropy(model(x), y);
      adam.zero_grad();
      loss.backward();
      adam.step();
      sum_of_losses += loss.item() * static_cast<double>(y.numel());
    }
    if (epoch % 20 == 19)
      std::cout << "epoch " << epoch + 1 << ": loss "
                << sum_of_losses / static_cast<double>(labels.numel()) << "\n";
  }

  const double found = accuracy(model, new_points, new_labels);
  std::cout << "accuracy on new points: " << found << "\n";
  nn::save_parameters(model, "model.safetensors");
  return found > 0.98 ? 0 : 1;
}
