// The main job: gradient-checks a digit classifier, trains it, gets 96 % of new digits right.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "check.hpp"
#include "report.hpp"

using namespace gradtape;

/// Two hidden layers.  images: [n, 64] -> logits [n, 10]
struct Classifier : nn::Module {
  explicit Classifier(std::int64_t units)
      : first(child("first", nn::Linear(64, units))),
        second(child("second", nn::Linear(units, units))),
        head(child("head", nn::Linear(units, 10))) {}

  const nn::Linear first, second, head;

  Tensor operator()(const Tensor& images) const { return head(tanh(second(tanh(first(images))))); }
};

int main() {
  const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/digits.csv.gz");
  const Tensor images = slice(table, 1, 0, 64) / 16.0;  // 8x8 pixels of 0 ... 16
  const Tensor labels = select(table, 1, 64).to(int64);
  const auto [train, test] = nn::data::split_every({images, labels}, 5);

  seed(1);
  Classifier model(64);
  fmt::print("{}\n", model.summary());
  const auto few = nn::data::batches(train, {.size = 3})[0];
  const auto loss_of = [&](const Tensor& x) { return nn::cross_entropy(model(x), few.targets); };
  if (!gradients_are_right(model, few.inputs, loss_of)) return 1;

  constexpr std::uint64_t epochs = 30;
  optim::Adam adam(model.parameters(), {.lr = 2e-3});
  optim::Progress progress(epochs, train.size());
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    const nn::data::BatchOptions options{.size = 32, .shuffle = true, .seed = 1, .epoch = epoch};
    for (const auto& [inputs, targets] : nn::data::batches(train, options)) {
      const Tensor logits = model(inputs);
      const Tensor loss = nn::cross_entropy(logits, targets);
      adam.zero_grad();
      loss.backward();
      adam.step();
      progress.advance(inputs.size(0), {{"loss", loss.item<double>()},
                                        {"accuracy", nn::metric::accuracy(logits, targets)}});
    }
    progress.end_epoch();
  }

  const NoGrad no_grad;
  const double accuracy = nn::metric::accuracy(model(test.inputs()), test.targets());
  return report({{"held-out accuracy", accuracy, 0.969, 0.96}});
}
