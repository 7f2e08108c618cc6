// Are the model's gradients right, and is every variable registered? Run by ctest.
#include <iostream>

#include "model.hpp"

using namespace gradtape;

int main() {
  Classifier model;
  const Tensor labels = tensor({0, 1, 1, 0, 1});
  const auto loss = [&](const Tensor& x) { return nn::cross_entropy(model(x), labels); };

  const Tensor points = randn({5, 2});
  const auto forgotten = nn::unregistered(model, loss(points), {points});
  for (const auto& variable : forgotten)
    std::cout << "not registered by child(): " << variable << "\n";
  if (!forgotten.empty()) return 1;

  model.to(float64);  // finite differences need the digits
  const auto result =
      gradcheck(loss, points.to(float64), {.order = 2, .parameters = model.parameters()});
  std::cout << result << "\n";
  return result ? 0 : 1;
}
