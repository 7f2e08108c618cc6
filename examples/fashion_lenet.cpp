// LeNet-5 on Fashion-MNIST: two convolutions with pooling, three layers, three epochs of Adam.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "accuracy.hpp"
#include "check.hpp"
#include "fashion_mnist.hpp"
#include "lenet.hpp"
#include "report.hpp"

using namespace gradtape;

int main(int argc, char** argv) {
  const Arguments given(argc, argv);
  const auto data = fashion_mnist(given);
  if (!data) return 1;
  const auto &train = data->train, &test = data->test;

  seed(1);
  LeNet model;
  fmt::print("{}\n", nn::summary(model, zeros({1, 1, 28, 28})));
  // on noise, because in black areas pooling finds nothing but ties, which have no gradient
  const auto loss_of = [&](const Tensor& images) {
    return nn::cross_entropy(model(images), slice(train.targets(), 0, 0, 1));
  };
  if (!gradients_are_right(model, rand({1, 1, 28, 28}), loss_of)) return 1;

  constexpr std::uint64_t epochs = 3;
  optim::Adam adam(model.parameters(), {.lr = 2e-3});
  optim::Schedule schedule(adam, optim::cosine_schedule(epochs));
  optim::Progress progress(epochs, train.size());
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    const nn::data::BatchOptions options{.size = 64, .shuffle = true, .seed = 1, .epoch = epoch};
    for (const auto& [images, labels] : nn::data::batches(train, options)) {
      const Tensor loss = nn::cross_entropy(model(images), labels);
      adam.zero_grad();
      loss.backward();
      adam.step();
      progress.advance(images.size(0), {{"loss", loss.item<double>()}});
    }
    progress.end_epoch();
    schedule.step();
  }
  const double reached = accuracy(model, test);
  if (given.quick) return report({{"test accuracy, quick", reached, 0.7, 0.6}});
  return report({{"test accuracy", reached, 0.883, 0.871}});
}
