// Diabetes progression from ten measurements: a network that must not overfit, and a linear model.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "check.hpp"
#include "folds.hpp"
#include "report.hpp"

using namespace gradtape;

/// measurements: [n, 10] -> progression [n], both standardised
struct Network : nn::Module {
  nn::Linear hidden = child("hidden", nn::Linear(10, 16));
  nn::Linear head = child("head", nn::Linear(16, 1));
  Tensor operator()(const Tensor& x) const { return flatten(head(tanh(hidden(x)))); }
};

/// The network, held back by weight decay of the given strength.
auto fit_network(double weight_decay) {
  return [=](const nn::data::Dataset& train) {
    const auto inputs = nn::data::Standardiser::fit(train);
    const auto targets = nn::data::Standardiser::fit(train.targets());
    const nn::data::Dataset data(inputs.apply(train.inputs()), targets.apply(train.targets()));
    const Network model;
    optim::AdamW adam(model.parameters(), {.lr = 0.01, .weight_decay = weight_decay});
    for (std::uint64_t epoch = 0; epoch < 100; ++epoch)
      for (const auto& [x, y] :
           nn::data::batches(data, {.size = 32, .shuffle = true, .epoch = epoch})) {
        const Tensor loss = nn::mse_loss(model(x), y);
        adam.zero_grad();
        loss.backward();
        adam.step();
      }
    return [=](const Tensor& x) { return targets.invert(model(inputs.apply(x))); };
  };
}

int main() {
  const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/diabetes.csv.gz", {.header = true});
  const nn::data::Dataset patients(slice(table, 1, 0, 10), select(table, 1, 10));
  Network model;
  if (!gradients_are_right(model, randn({8, 10}), model)) return 1;

  fmt::print("{} patients; share of the variance of their progress explained, held out (R^2):\n",
             patients.size());
  const double linear = held_out_r_squared(patients, fit_linear);
  fmt::print("  linear model                    {:.3f}\n", linear);
  double network = 0;
  for (const double weight_decay : {0.0, 0.01, 0.1, 0.3}) {
    network = held_out_r_squared(patients, fit_network(weight_decay));
    fmt::print("  network, weight decay {:<4}      {:.3f}\n", weight_decay, network);
  }
  return report({{"held-out R^2, linear", linear, 0.501, 0.49},
                 {"held-out R^2, network", network, 0.500, linear - 0.03}});
}
