// spiral_gradtape.cpp with LibTorch.
#include <torch/torch.h>

#include <iostream>

struct NetworkImpl : torch::nn::Module {
  torch::nn::Linear in{register_module("in", torch::nn::Linear(2, 32))};
  torch::nn::Linear middle{register_module("middle", torch::nn::Linear(32, 32))};
  torch::nn::Linear out{register_module("out", torch::nn::Linear(32, 3))};
  torch::Tensor forward(const torch::Tensor& x) { return out(tanh(middle(tanh(in(x))))); }
};
TORCH_MODULE(Network);

int main() {
  const auto arm = torch::arange(3).repeat_interleave(100);
  const auto radius = torch::rand({300});
  const auto angle = 5 * radius + 2.0944 * arm + 0.2 * torch::randn({300});
  const auto points = torch::stack({radius * cos(angle), radius * sin(angle)}, 1);
  Network model;
  torch::optim::AdamW adam(model->parameters(), torch::optim::AdamWOptions(0.01));
  for (int step = 0; step < 300; ++step) {
    const auto loss = torch::nn::functional::cross_entropy(model(points), arm);
    adam.zero_grad();
    loss.backward();
    adam.step();
  }
  std::cout << (model(points).argmax(1) == arm).to(torch::kFloat).mean().item<double>() << "\n";
}
