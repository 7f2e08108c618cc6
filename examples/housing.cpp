// House prices: the neuron and the network of the CS229 notes, a linear model and a larger network.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "check.hpp"
#include "folds.hpp"
#include "report.hpp"

using namespace gradtape;

/// The single neuron of the CS229 lecture notes, section 7.2: a price of max(w x + b, 0), a line
/// that does not go below zero. Where it is zero for all houses it has no gradient and never
/// learns; a bias of 1 at first keeps it from there.  x: [n, 1] -> [n]
struct Neuron : nn::Module {
  nn::Linear line = child("line", nn::Linear(1, 1, {.bias_init = nn::init::Constant{1}}));
  Tensor operator()(const Tensor& x) const { return relu(flatten(line(x))); }
};

/// The same section: features, hidden units that may each use all of them, a price. The notes have
/// four features and three units.  x: [n, features] -> [n]
struct Network : nn::Module {
  Network(std::int64_t features, std::int64_t units)
      : hidden(child("hidden", nn::Linear(features, units))),
        price(child("price", nn::Linear(units, 1))) {}
  const nn::Linear hidden, price;
  Tensor operator()(const Tensor& x) const { return flatten(price(relu(hidden(x)))); }
};

/// Trains the models that `make` returns on all samples at once.
template <class Make> auto trained(const Make& make) {
  return [=](const nn::data::Dataset& train) {
    const auto standardiser = nn::data::Standardiser::fit(train);
    const Tensor x = standardiser.apply(train.inputs());
    const auto model = make();
    optim::Adam adam(model.parameters(), {.lr = 0.1});
    for (int step = 0; step < 500; ++step) {
      const Tensor loss = nn::mse_loss(model(x), train.targets());
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
    return [=](const Tensor& features) { return model(standardiser.apply(features)); };
  };
}

int main() {
  // Columns: CRIM ZN INDUS CHAS NOX RM AGE DIS RAD TAX PTRATIO LSTAT, and MEDV, the median price of
  // a home in 1000 dollars. They stand in for the features of the notes: rooms for the size, pupils
  // per teacher for the school, distance to work for the walk, the poor's share for the wealth.
  const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/boston_without_b.csv.gz", {.header = true});
  const auto houses = [&](const Tensor& columns) {
    return nn::data::Dataset(index_select(table, 1, columns), select(table, 1, 12));
  };
  const auto rooms = houses(tensor({5})), four = houses(tensor({5, 10, 7, 11})),
             all = houses(arange(12));
  Network notes_network(4, 3);
  if (!gradients_are_right(notes_network, randn({8, 4}), notes_network)) return 1;

  fmt::print("{} houses; share of the variance of their prices explained, held out (R^2):\n",
             all.size());
  const double neuron = held_out_r_squared(rooms, trained([] { return Neuron(); }));
  fmt::print("  one neuron, rooms only             {:.3f}\n", neuron);
  const double notes = held_out_r_squared(four, trained([] { return Network(4, 3); }));
  fmt::print("  four features, 3 hidden units      {:.3f}\n", notes);
  const double linear = held_out_r_squared(all, fit_linear);
  fmt::print("  twelve features, linear model      {:.3f}\n", linear);
  const double network = held_out_r_squared(all, trained([] { return Network(12, 32); }));
  fmt::print("  twelve features, 32 hidden units   {:.3f}\n", network);
  return report({{"held-out R^2, neuron", neuron, 0.484, 0.46},
                 {"held-out R^2, network of the notes", notes, 0.775, 0.75},
                 {"held-out R^2, linear", linear, 0.716, 0.70},
                 {"held-out R^2, network", network, 0.85, 0.83}});
}
