// All three libraries at work: the loss of a layer falls under Adam, and its gradient is right.
#include <gradtape/gradtape.hpp>
#include <iostream>
using namespace gradtape;

int main() {
  nn::Linear line(2, 1);
  const Tensor x = tensor({{0.0f, 1.0f}, {1.0f, 0.0f}}), y = tensor({{1.0f}, {-1.0f}});
  optim::Adam adam(line.parameters(), {.lr = 0.1});
  const double before = nn::mse_loss(line(x), y).item();
  for (int step = 0; step < 50; ++step) {
    adam.zero_grad();
    nn::mse_loss(line(x), y).backward();
    adam.step();
  }
  const double after = nn::mse_loss(line(x), y).item();
  const bool right(gradcheck([](const Tensor& z) { return sum(matmul(z, exp(z))); },
                             tensor({{0.5, -1.0}, {0.25, 2.0}}, float64)));
  std::cout << "gradtape " << build_info().version << ": loss " << before << " -> " << after
            << (right ? ", gradients right" : ", gradients wrong") << "\n";
  return after < before && right ? 0 : 1;
}
