// A user's program: fits y = 2a - 3b + 1 with one linear layer.
#include <cstdio>
#include <gradtape/gradtape.hpp>

using namespace gradtape;

struct Model : nn::Module {
  nn::Linear line = child("line", nn::Linear(2, 1));
  Tensor operator()(const Tensor& x) const { return line(x); }
};

int main() {
  const Tensor x = tensor({{0.0f, 0.0f}, {0.0f, 1.0f}, {1.0f, 0.0f}, {1.0f, 1.0f}});
  const Tensor y = tensor({{1.0f}, {-2.0f}, {3.0f}, {0.0f}});
  Model model;
  optim::Adam adam(model.parameters(), {.lr = 0.1});
  float last = 0;
  for (int step = 0; step < 500; ++step) {
    Tensor loss = nn::mse_loss(model(x), y);
    adam.zero_grad();
    loss.backward();
    adam.step();
    last = loss.item<float>();
  }
  std::printf("loss %g\n", last);
  return last < 1e-3f ? 0 : 1;
}
