// The XOR network of Goodfellow et al., section 6.1: its known solution by hand, then learned.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

using namespace gradtape;

/// f(x) = w^T max(0, W^T x + c) + b.  x: [n, 2] -> [n]
struct Xor : nn::Module {
  nn::Linear hidden = child("hidden", nn::Linear(2, 2));
  nn::Linear output = child("output", nn::Linear(2, 1));

  Tensor operator()(const Tensor& x) const { return flatten(output(relu(hidden(x)))); }
};

bool shows_xor(const Tensor& prediction, const Tensor& target) {
  const auto p = prediction.data<float>();
  fmt::print("  f(0,0) = {:.3f}   f(0,1) = {:.3f}   f(1,0) = {:.3f}   f(1,1) = {:.3f}\n", p[0],
             p[1], p[2], p[3]);
  return allclose(prediction, target, 0, 0.05);
}

int main() {
  const Tensor x = tensor({{0.0, 0.0}, {0.0, 1.0}, {1.0, 0.0}, {1.0, 1.0}});
  const Tensor target = tensor({0.0, 1.0, 1.0, 0.0});

  // Equations 6.4 to 6.6. W is symmetric, so that W^T, which Linear keeps, is the same.
  Xor known;
  known.hidden.weight.set(tensor({{1.0, 1.0}, {1.0, 1.0}}));
  known.hidden.bias.set(tensor({0.0, -1.0}));
  known.output.weight.set(tensor({{1.0, -2.0}}));
  known.output.bias.set(tensor({0.0}));
  fmt::print("known solution, mean squared error {}\n",
             nn::mse_loss(known(x), target).item<double>());
  if (!shows_xor(known(x), target) || !array_equal(known(x), target)) return 1;

  // With only two hidden units, gradient descent gets stuck from many starting points: a unit that
  // is off for all four inputs has no gradient. So try some.
  for (std::uint64_t start = 1; start <= 50; ++start) {
    seed(start);
    Xor model;
    optim::Adam adam(model.parameters(), {.lr = 0.03});
    double loss = 1;
    int step = 0;
    while (loss > 1e-6 && ++step <= 2000) {
      const Tensor error = nn::mse_loss(model(x), target);
      adam.zero_grad();
      error.backward();
      adam.step();
      loss = error.item<double>();
    }
    if (loss > 1e-6) continue;
    fmt::print("learned from start {} in {} steps, mean squared error {:.1e}\n", start, step, loss);
    return shows_xor(model(x), target) ? 0 : 1;
  }
  fmt::print("no start led to a solution\n");
  return 1;
}
