// Fashion-MNIST: a 784-128-10 network, five epochs of Adam with smaller and smaller steps.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "accuracy.hpp"
#include "fashion_mnist.hpp"
#include "report.hpp"

using namespace gradtape;

/// images: [n, 1, 28, 28] -> logits [n, 10]
struct Classifier : nn::Module {
  nn::Linear hidden = child("hidden", nn::Linear(784, 128));
  nn::Linear head = child("head", nn::Linear(128, 10));
  Tensor operator()(const Tensor& images) const { return head(relu(hidden(flatten(images, 1)))); }
};

int main(int argc, char** argv) {
  const Arguments given(argc, argv);
  const auto data = fashion_mnist(given);
  if (!data) return 1;
  const auto &train = data->train, &test = data->test;

  seed(1);
  Classifier model;
  optim::Adam adam(model.parameters(), {.lr = 2e-3});
  constexpr std::uint64_t epochs = 5;
  optim::Progress progress(epochs, train.size());
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    const nn::data::BatchOptions options{.size = 64, .shuffle = true, .seed = 1, .epoch = epoch};
    for (const auto& [images, labels] : nn::data::batches(train, options)) {
      const Tensor logits = model(images);
      const Tensor loss = nn::cross_entropy(logits, labels);
      adam.zero_grad();
      loss.backward();
      adam.step();
      progress.advance(images.size(0), {{"loss", loss.item<double>()},
                                        {"accuracy", nn::metric::accuracy(logits, labels)}});
    }
    progress.end_epoch();
    adam.options().lr *= 0.6;  // smaller steps towards the end
  }

  const double reached = accuracy(model, test);
  if (given.quick) return report({{"test accuracy, quick", reached, 0.8, 0.75}});
  return report({{"test accuracy", reached, 0.876, 0.865}});
}
