// A residual network with batch normalisation on Fashion-MNIST: one epoch under one cycle.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "accuracy.hpp"
#include "check.hpp"
#include "fashion_mnist.hpp"
#include "report.hpp"

using namespace gradtape;

/// A convolution, normalised over the batch; it needs no bias, which that would take away again.
nn::Sequential convolution(std::int64_t in, std::int64_t out, std::int64_t kernel,
                           std::int64_t stride) {
  return nn::Sequential(
      nn::Conv2d(in, out, kernel, {.stride = stride, .padding = kernel / 2, .bias = false}),
      nn::BatchNorm2d(out));
}

/// He et al. 2016, "Deep residual learning for image recognition", figure 2: two convolutions say
/// what to change in x, or in x brought to their shape.  [n, in, h, w] -> [n, out, h / stride, ...]
nn::Sequential block(std::int64_t in, std::int64_t out, std::int64_t stride) {
  const nn::Sequential change(convolution(in, out, 3, stride), nn::ReLU(),
                              convolution(out, out, 3, 1));
  if (in == out && stride == 1) return nn::Sequential(nn::Residual(change), nn::ReLU());
  return nn::Sequential(nn::Residual(change, convolution(in, out, 1, stride)), nn::ReLU());
}

/// images: [n, 1, 28, 28] -> logits [n, 10]
nn::Sequential resnet() {
  return nn::Sequential(convolution(1, 16, 3, 2), nn::ReLU(),  // [n, 16, 14, 14]
                        block(16, 16, 1), block(16, 32, 2),    // [n, 32, 7, 7]
                        block(32, 64, 2),                      // [n, 64, 4, 4]
                        nn::AdaptiveAvgPool2d(1), nn::Flatten(), nn::Linear(64, 10));
}

int main(int argc, char** argv) {
  const Arguments given(argc, argv);
  const auto data = fashion_mnist(given);
  if (!data) return 1;
  const auto &train = data->train, &test = data->test;

  seed(1);
  nn::Sequential small = block(2, 3, 2);
  if (!gradients_are_right(small, randn({2, 2, 4, 4}), small)) return 1;

  nn::Sequential model = resnet();
  fmt::print("{} layers, {} parameters\n", model.size(), model.parameter_count());
  const auto batches = nn::data::batches(train, {.size = 64, .shuffle = true, .seed = 1});
  optim::SGD sgd(model.parameters(), {.momentum = 0.9, .weight_decay = 5e-4, .nesterov = true});
  optim::Schedule schedule(sgd, optim::one_cycle({.max_lr = 0.1, .steps = batches.size() + 1}));
  optim::Progress progress(1, train.size());
  for (const auto& [images, labels] : batches) {
    const Tensor logits = model(images);
    const Tensor loss = nn::cross_entropy(logits, labels);
    sgd.zero_grad();
    loss.backward();
    sgd.step();
    schedule.step();
    progress.advance(images.size(0), {{"loss", loss.item<double>()},
                                      {"accuracy", nn::metric::accuracy(logits, labels)}});
  }
  progress.end_epoch();

  const double reached = accuracy(model, test);
  if (given.quick) return report({{"test accuracy, quick", reached, 0.7, 0.6}});
  return report({{"test accuracy", reached, 0.89, 0.88}});
}
