// The 8x8 digits by a small convolutional network, mean of three seeds; draws what it got wrong.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "accuracy.hpp"
#include "arguments.hpp"
#include "check.hpp"
#include "report.hpp"

using namespace gradtape;

/// images: [n, 1, 8, 8] -> logits [n, 10]
struct Classifier : nn::Module {
  nn::Conv2d strokes = child("strokes", nn::Conv2d(1, 8, 3, {.padding = 1}));
  nn::Conv2d shapes = child("shapes", nn::Conv2d(8, 16, 3, {.padding = 1}));
  nn::Linear head = child("head", nn::Linear(16 * 4 * 4, 10));
  Tensor operator()(const Tensor& images) const {
    return head(flatten(max_pool2d(relu(shapes(relu(strokes(images)))), 2), 1));
  }
};

/// The seed fixes the initial weights and the order of the samples.
Classifier trained(std::uint64_t initial, std::uint64_t epochs, const nn::data::Dataset& train) {
  seed(initial);
  Classifier model;
  optim::Adam adam(model.parameters(), {.lr = 3e-3});
  optim::Schedule schedule(adam, optim::cosine_schedule(epochs));
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    const nn::data::BatchOptions options{
        .size = 32, .shuffle = true, .seed = initial, .epoch = epoch};
    for (const auto& [images, labels] : nn::data::batches(train, options)) {
      const Tensor loss = nn::cross_entropy(model(images), labels);
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
    schedule.step();
  }
  return model;
}

/// The digits that the model takes for others, eight at most.
void draw_mistakes(const Classifier& model, const nn::data::Dataset& digits) {
  const NoGrad no_grad;
  const Tensor taken_for = argmax(model(digits.inputs()), 1);
  const Tensor wrong = flatten(nonzero(taken_for != digits.targets()));
  std::vector<optim::Chart> panels;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(8, wrong.numel()); ++i) {
    const auto digit = at(wrong, {i}).item<std::int64_t>();
    const auto [pixels, label] = digits[digit];
    panels.push_back({.options = {.title = fmt::format("read as {}, is {}",
                                                       at(taken_for, {digit}).item<std::int64_t>(),
                                                       label.item<std::int64_t>()),
                                  .equal_units = true,
                                  .axes = false},
                      .field = optim::image(select(pixels, 0, 0))});
  }
  optim::save_picture("digits_conv.svg", panels, 4);
}

int main(int argc, char** argv) {
  const Arguments given(argc, argv);
  const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/digits.csv.gz");
  const Tensor images = reshape(slice(table, 1, 0, 64) / 16.0, {-1, 1, 8, 8});
  const auto [train, test] = nn::data::split_every({images, select(table, 1, 64).to(int64)}, 5);

  Classifier checked;
  const auto few = nn::data::batches(train, {.size = 3})[0];
  const auto loss_of = [&](const Tensor& x) { return nn::cross_entropy(checked(x), few.targets); };
  if (!gradients_are_right(checked, few.inputs, loss_of)) return 1;

  double mean_accuracy = 0;
  const std::uint64_t seeds = given.quick ? 1 : 3, epochs = given.quick ? 3 : 20;
  for (std::uint64_t s = 1; s <= seeds; ++s) {
    Classifier model = trained(s, epochs, train);
    const double reached = accuracy(model, test);
    fmt::print("seed {}: {:.2f} % of {} held-out digits are right\n", s, 100 * reached,
               test.size());
    mean_accuracy += reached / static_cast<double>(seeds);
    if (s == seeds) draw_mistakes(model, test);
  }
  if (given.quick) return report({{"held-out accuracy, quick", mean_accuracy, 0.95, 0.9}});
  return report({{"held-out accuracy", mean_accuracy, 0.987, 0.975}});
}
