// House prices by one neuron and by the four-feature network of the CS229 notes, side by side.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

using namespace gradtape;

/// The single neuron of the CS229 lecture notes, section 7.2: a price of max(w x + b, 0), a line
/// that does not go below zero.  x: [n, 1] -> [n]
struct Neuron : nn::Module {
  nn::Linear line = child("line", nn::Linear(1, 1));
  Tensor operator()(const Tensor& x) const { return relu(flatten(line(x))); }
};

/// The same section: four features, three hidden units that may each use all of them, a price.
/// x: [n, 4] -> [n]
struct Network : nn::Module {
  nn::Linear hidden = child("hidden", nn::Linear(4, 3));
  nn::Linear price = child("price", nn::Linear(3, 1));
  Tensor operator()(const Tensor& x) const { return flatten(price(relu(hidden(x)))); }
};

/// The share of the variance of the target that the prediction explains.
double r_squared(const Tensor& prediction, const Tensor& target) {
  const Tensor unexplained = mean(square(prediction - target));
  return 1 - unexplained.item<double>() / var(target, {}, {.correction = 0}).item<double>();
}

/// Trains on all samples at once; returns R^2 on the test samples.
template <class Model>
double fit(Model model, const nn::data::Dataset& train, const nn::data::Dataset& test) {
  optim::Adam adam(model.parameters(), {.lr = 0.05});
  for (int step = 0; step < 2000; ++step) {
    const Tensor loss = nn::mse_loss(model(train.inputs()), train.targets());
    adam.zero_grad();
    loss.backward();
    adam.step();
  }
  const NoGrad no_grad;
  return r_squared(model(test.inputs()), test.targets());
}

int main() {
  // Columns: CRIM ZN INDUS CHAS NOX RM AGE DIS RAD TAX PTRATIO LSTAT, and MEDV, the median price of
  // a home in 1000 dollars. They stand in for the features of the notes: rooms for the size, pupils
  // per teacher for the school, distance to work for the walk, the poor's share for the wealth.
  const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/boston_without_b.csv.gz", {.header = true});
  const Tensor features = index_select(table, 1, tensor({5, 10, 7, 11}));
  auto [train, test] = nn::data::split_every({features, select(table, 1, 12)}, 5);
  const auto standardiser = nn::data::Standardiser::fit(train);
  train = standardiser.apply(train);
  test = standardiser.apply(test);

  const auto only_rooms = [](const nn::data::Dataset& all) {
    return nn::data::Dataset(slice(all.inputs(), 1, 0, 1), all.targets());
  };
  seed(1);
  const double neuron = fit(Neuron(), only_rooms(train), only_rooms(test));
  const double network = fit(Network(), train, test);
  fmt::print("{} houses held out of {}; share of their prices' variance explained (R^2):\n",
             test.size(), table.size(0));
  fmt::print("  one neuron, rooms only          {:.3f}\n", neuron);
  fmt::print("  four features, 3 hidden units   {:.3f}\n", network);
  return network > neuron && network > 0.7 ? 0 : 1;
}
