// Two moons: a network bends its decision boundary between them where a line cannot; draws both.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include <numbers>

#include "check.hpp"
#include "report.hpp"

using namespace gradtape;
using std::numbers::pi;

/// Half circles that reach into each other, with noise.  inputs: [n, 2], targets: [n] of 0 and 1
nn::data::Dataset moons(std::int64_t n) {
  const Tensor angle = pi * rand({n}), lower = (rand({n}) < 0.5).to(float32);
  const Tensor upper_moon = stack({cos(angle), sin(angle)}, 1);
  const Tensor lower_moon = stack({1.0 - cos(angle), 0.5 - sin(angle)}, 1);
  return {where(unsqueeze(lower, 1) > 0, lower_moon, upper_moon) + 0.15 * randn({n, 2}), lower};
}

/// The logit of "lower moon".  points: [n, 2] -> [n]
struct Network : nn::Module {
  nn::Linear first = child("first", nn::Linear(2, 16));
  nn::Linear second = child("second", nn::Linear(16, 16));
  nn::Linear head = child("head", nn::Linear(16, 1));
  Tensor operator()(const Tensor& x) const { return flatten(head(tanh(second(tanh(first(x)))))); }
};

/// The same by a straight line: logistic regression.
struct Line : nn::Module {
  nn::Linear head = child("head", nn::Linear(2, 1));
  Tensor operator()(const Tensor& x) const { return flatten(head(x)); }
};

template <class Model> double accuracy(const Model& model, const nn::data::Dataset& data) {
  const NoGrad no_grad;
  return nn::metric::accuracy(model(data.inputs()) > 0, data.targets().to(int64));
}

/// Trains on all samples at once.
template <class Model> Model trained(const nn::data::Dataset& train) {
  Model model;
  optim::Adam adam(model.parameters(), {.lr = 0.01});
  for (int step = 0; step < 1000; ++step) {
    const Tensor loss = nn::bce_with_logits(model(train.inputs()), train.targets());
    adam.zero_grad();
    loss.backward();
    adam.step();
  }
  return model;
}

/// The model's probabilities, from blue through white to orange, and the samples that it learned
/// from on top.
template <class Model>
optim::Chart picture(const char* what, const Model& model, const nn::data::Dataset& data,
                     const nn::data::Dataset& held_out) {
  const NoGrad no_grad;
  optim::Chart chart;
  chart.options = {
      .title = fmt::format("{}: {:.1f} % right of {} held out", what,
                           100 * accuracy(model, held_out), held_out.size()),
      .x_label = fmt::format("shown: the {} points that it learned from, {:.1f} % right",
                             data.size(), 100 * accuracy(model, data)),
      .x_limits = {-1.6, 2.6},
      .y_limits = {-1.2, 1.7},
      .equal_units = true,
      .legend = true};
  const Tensor probability = sigmoid(model(optim::grid(chart.options, 300, 207)));
  chart.field =
      optim::field(reshape(probability, {207, 300}),
                   {.scale = {optim::colour::pale_blue, "#ffffff", optim::colour::pale_orange},
                    .name = "p(lower)"});
  chart.series = optim::points(data.inputs(), data.targets() > 0, {"upper", "lower"});
  return chart;
}

int main() {
  Network model;
  if (!gradients_are_right(model, moons(8).inputs(), model)) return 1;

  seed(1);
  const auto train = moons(400), test = moons(2000);
  const auto line = trained<Line>(train);
  const auto network = trained<Network>(train);
  optim::save_picture(
      "moons.svg", {picture("line", line, train, test), picture("network", network, train, test)},
      2);
  return report({{"held-out accuracy, line", accuracy(line, test), 0.864, 0.84},
                 {"held-out accuracy, network", accuracy(network, test), 0.988, 0.98}});
}
