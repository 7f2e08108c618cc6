// Fisher's irises: three species from four lengths, cross-validated, with a confusion matrix.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "check.hpp"
#include "folds.hpp"
#include "report.hpp"

using namespace gradtape;

/// Softmax regression with one hidden layer.  centimetres: [n, 4] -> logits [n, 3]
struct Classifier : nn::Module {
  nn::Linear hidden = child("hidden", nn::Linear(4, 8));
  nn::Linear head = child("head", nn::Linear(8, 3));
  Tensor operator()(const Tensor& x) const { return head(tanh(hidden(x))); }
};

/// Trains on all samples at once; returns the function from centimetres to species.
auto fit(const nn::data::Dataset& train) {
  const auto standardiser = nn::data::Standardiser::fit(train);
  const Tensor x = standardiser.apply(train.inputs());
  const Classifier model;
  optim::Adam adam(model.parameters(), {.lr = 0.02, .weight_decay = 1e-3});
  for (int step = 0; step < 200; ++step) {
    const Tensor loss = nn::cross_entropy(model(x), train.targets());
    adam.zero_grad();
    loss.backward();
    adam.step();
  }
  return [=](const Tensor& lengths) { return argmax(model(standardiser.apply(lengths)), 1); };
}

int main() {
  const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/iris.csv.gz", {.header = true});
  const Tensor species = select(table, 1, 4).to(int64);
  const nn::data::Dataset irises(slice(table, 1, 0, 4), species);

  Classifier model;
  if (!gradients_are_right(model, irises.inputs(), model)) return 1;

  // Each iris counts once for each of five initial weights.
  nn::metric::ConfusionMatrix confusion;
  for (const std::uint64_t initial : {1, 2, 3, 4, 5}) {
    seed(initial);
    confusion.update(held_out_predictions(irises, fit), species);
  }
  fmt::print("setosa, versicolor and virginica (rows), and what they are taken for:\n{}\n{}",
             confusion.compute().str(), confusion.str());
  return report({{"held-out accuracy", confusion.accuracy(), 0.968, 0.955}});
}
