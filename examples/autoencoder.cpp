// An autoencoder: clothes through sixteen numbers and back, better than principal components.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "fashion_mnist.hpp"
#include "report.hpp"

using namespace gradtape;

constexpr std::int64_t pixels = 28 * 28, code = 16;

/// Squeezes images through a narrow code.  [n, 784] -> the same, as good as the code can tell
nn::Sequential autoencoder() {
  return nn::Sequential(nn::Linear(pixels, 256), nn::ReLU(), nn::Linear(256, code),
                        nn::Linear(code, 256), nn::ReLU(), nn::Linear(256, pixels), nn::Sigmoid());
}

/// The best that a linear map can do: images in the plane through their mean along which they vary
/// most, where `code` numbers tell a place.  Returns the function [n, 784] -> [n, 784].
auto principal_components(const Tensor& images) {
  const Tensor centre = mean(images, {0});
  const Tensor varying = images - centre;
  const Tensor covariance =
      matmul(transpose(varying), varying) / static_cast<double>(images.size(0));
  const Tensor directions = slice(eigh(covariance).v, 1, pixels - code);
  return [=](const Tensor& x) {
    return centre + matmul(matmul(x - centre, directions), transpose(directions));
  };
}

/// Trains with mini-batches of the images, each its own target.
nn::Sequential trained(const nn::data::Dataset& train, std::uint64_t epochs) {
  nn::Sequential model = autoencoder();
  optim::Adam adam(model.parameters(), {.lr = 1e-3});
  optim::Progress progress(static_cast<std::int64_t>(epochs), train.size());
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    const nn::data::BatchOptions options{.size = 128, .shuffle = true, .seed = 1, .epoch = epoch};
    for (const auto& [images, labels] : nn::data::batches(train, options)) {
      const Tensor x = flatten(images, 1);
      const Tensor loss = nn::mse_loss(model(x), x);
      adam.zero_grad();
      loss.backward();
      adam.step();
      progress.advance(images.size(0), {{"squared error", loss.item<double>()}});
    }
    progress.end_epoch();
  }
  return model;
}

int main(int argc, char** argv) {
  const Arguments given(argc, argv);
  const auto data = fashion_mnist(given);
  if (!data) return 1;
  const Tensor train = flatten(data->train.inputs(), 1), test = flatten(data->test.inputs(), 1);

  seed(1);
  const auto model = trained(data->train, 5);
  const NoGrad no_grad;
  const Tensor linear = principal_components(train)(test), learned = model(test);

  const double by_components = nn::mse_loss(linear, test).item<double>();
  const double by_model = nn::mse_loss(learned, test).item<double>();

  // above each other: ten images, what is left of them by components, and by the autoencoder
  const auto row = [](const std::string& title, const Tensor& images) {
    const Tensor ten = reshape(slice(images, 0, 0, 10), {10, 28, 28});
    return optim::Chart{.options = {.title = title, .equal_units = true, .axes = false},
                        .field = optim::image(optim::mosaic(ten, 10))};
  };
  const auto by = [&](const char* what, double error) {
    return fmt::format("through {} numbers by {}: squared error {:.4f}", code, what, error);
  };
  optim::save_picture("autoencoder.svg", {row("ten test images", test),
                                          row(by("principal components", by_components), linear),
                                          row(by("the autoencoder", by_model), learned)});

  if (given.quick) return report({{"squared error a pixel, quick", by_model, 0.03, 0.035}});
  return report({{"squared error a pixel, principal components", by_components, 0.02045, 0.0205},
                 {"squared error a pixel, autoencoder", by_model, 0.0129, 0.0135}});
}
