// Fashion-MNIST: a 784-128-10 network, five epochs of Adam, 86 % right or better on the test set.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "report.hpp"

using namespace gradtape;

struct Classifier : nn::Module {
  nn::Linear hidden = child("hidden", nn::Linear(784, 128));
  nn::Linear head = child("head", nn::Linear(128, 10));
  Tensor operator()(const Tensor& images) const { return head(relu(hidden(images))); }
};

/// images: [n, 784] of 0 ... 1, labels: [n]
nn::data::Dataset load(const std::string& folder, const std::string& part) {
  const Tensor images = load_idx(folder + "/" + part + "-images-idx3-ubyte.gz");
  return {flatten(images, 1) / 255.0,
          load_idx(folder + "/" + part + "-labels-idx1-ubyte.gz", {.dtype = int64})};
}

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
  nn::data::Dataset train, test;
  try {
    train = load(folder, "train");
    test = load(folder, "t10k");
  } catch (const IoError& error) {
    fmt::print(stderr,
               "{}\nThe data come with Debian's and Ubuntu's package: sudo apt-get install "
               "dataset-fashion-mnist\nElsewhere give the folder with the four .gz files of "
               "github.com/zalandoresearch/fashion-mnist: ./examples/run fashion FOLDER\n",
               error.what());
    return 1;
  }

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

  const NoGrad no_grad;
  const double accuracy = nn::metric::accuracy(model(test.inputs()), test.targets());
  return report({{"test accuracy", accuracy, 0.87, 0.86}});
}
