// Three cultivars of wine from 13 analyses, with and without standardised features.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "check.hpp"
#include "folds.hpp"
#include "report.hpp"

using namespace gradtape;

/// analyses: [n, 13] -> logits [n, 3]
struct Classifier : nn::Module {
  nn::Linear hidden = child("hidden", nn::Linear(13, 16));
  nn::Linear head = child("head", nn::Linear(16, 3));
  Tensor operator()(const Tensor& x) const { return head(relu(hidden(x))); }
};

/// Leaves the features as they are: proline counts by the thousand, hue by the tenth.
struct AsMeasured {
  static AsMeasured fit(const nn::data::Dataset&) { return {}; }
  template <class Data> Data apply(const Data& data) const { return data; }
};

/// Ten epochs of small batches, which is enough for features on a common scale.
template <class Preparation> auto fit(const nn::data::Dataset& train) {
  const auto preparation = Preparation::fit(train);
  const auto data = preparation.apply(train);
  const Classifier model;
  optim::Adam adam(model.parameters(), {.lr = 0.01});
  for (std::uint64_t epoch = 0; epoch < 10; ++epoch)
    for (const auto& [x, cultivar] :
         nn::data::batches(data, {.size = 16, .shuffle = true, .epoch = epoch})) {
      const Tensor loss = nn::cross_entropy(model(x), cultivar);
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
  return [=](const Tensor& x) { return argmax(model(preparation.apply(x)), 1); };
}

/// The share of wines that models which have not seen them get right, over five seeds.
template <class Preparation> double held_out_accuracy(const nn::data::Dataset& wines) {
  constexpr int seeds = 5;
  double right = 0;
  for (int s = 1; s <= seeds; ++s) {
    seed(static_cast<std::uint64_t>(s));
    const Tensor predicted = held_out_predictions(wines, fit<Preparation>);
    right += nn::metric::accuracy(predicted, wines.targets()) / seeds;
  }
  return right;
}

int main() {
  const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/wine.csv.gz", {.header = true});
  const nn::data::Dataset wines(slice(table, 1, 0, 13), select(table, 1, 13).to(int64));

  Classifier model;
  const auto few =
      nn::data::batches(nn::data::Standardiser::fit(wines).apply(wines), {.size = 8})[0];
  const auto loss_of = [&](const Tensor& x) { return nn::cross_entropy(model(x), few.targets); };
  if (!gradients_are_right(model, few.inputs, loss_of)) return 1;

  const auto standardiser = nn::data::Standardiser::fit(wines);
  fmt::print("standard deviations of the features, from {:.2f} to {:.0f}\n",
             amin(standardiser.scale).item<double>(), amax(standardiser.scale).item<double>());
  return report(
      {{"held-out accuracy, as measured", held_out_accuracy<AsMeasured>(wines), 0.76, 0.6},
       {"held-out accuracy, standardised", held_out_accuracy<nn::data::Standardiser>(wines), 0.986,
        0.97}});
}
