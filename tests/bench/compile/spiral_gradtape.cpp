// Two hidden layers learn three arms of a spiral: the program whose compilation is measured.
#include <gradtape/gradtape.hpp>
#include <iostream>

using namespace gradtape;

struct Network : nn::Module {
  nn::Linear in = child("in", nn::Linear(2, 32));
  nn::Linear middle = child("middle", nn::Linear(32, 32));
  nn::Linear out = child("out", nn::Linear(32, 3));
  Tensor operator()(const Tensor& x) const { return out(tanh(middle(tanh(in(x))))); }
};

int main() {
  const Tensor arm = repeat_interleave(arange(3), 100);
  const Tensor radius = rand({300});
  const Tensor angle = 5.0 * radius + 2.0944 * arm.to(float32) + 0.2 * randn({300});
  const Tensor points = stack({radius * cos(angle), radius * sin(angle)}, 1);
  Network model;
  optim::AdamW adam(model.parameters(), {.lr = 0.01});
  for (int step = 0; step < 300; ++step) {
    const Tensor loss = nn::cross_entropy(model(points), arm);
    adam.zero_grad();
    loss.backward();
    adam.step();
  }
  const Tensor right = argmax(model(points), 1) == arm;
  std::cout << mean(right.to(float32)).item<double>() << "\n";
}
