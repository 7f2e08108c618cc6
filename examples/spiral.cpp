// Three arms of a spiral, and what a linear classifier and two hidden layers make of them, drawn.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include <numbers>

#include "accuracy.hpp"
#include "check.hpp"
#include "report.hpp"

using namespace gradtape;
using std::numbers::pi;

/// Arms that turn by 5 radians on their way out, with noise.
/// inputs: [3 n, 2], targets: [3 n] of 0, 1 and 2
nn::data::Dataset spiral(std::int64_t n) {
  const Tensor arm = repeat_interleave(arange(3), n);
  const Tensor radius = rand({3 * n});
  const Tensor angle = 5.0 * radius + 2 * pi / 3 * arm.to(float32) + 0.2 * randn({3 * n});
  return {stack({radius * cos(angle), radius * sin(angle)}, 1), arm};
}

/// Trains on all samples at once.
template <class Model> void train(const Model& model, const nn::data::Dataset& data) {
  constexpr int steps = 1000;
  optim::AdamW adam(model.parameters(), {.lr = 0.01});
  optim::Schedule schedule(adam, optim::cosine_schedule(steps));
  for (int step = 0; step < steps; ++step) {
    const Tensor loss = nn::cross_entropy(model(data.inputs()), data.targets());
    adam.zero_grad();
    loss.backward();
    adam.step();
    schedule.step();
  }
}

/// Each point of the plane in the mixture of the classes' colours that the model gives it, and the
/// samples that it learned from on top.
template <class Model>
optim::Chart picture(const char* what, Model& model, const nn::data::Dataset& data,
                     const nn::data::Dataset& held_out) {
  const NoGrad no_grad;
  optim::Chart chart;
  chart.options = {
      .title = fmt::format("{}: {:.1f} % right of {} held out", what,
                           100 * accuracy(model, held_out), held_out.size()),
      .x_label = fmt::format("shown: the {} points that it learned from, {:.1f} % right",
                             data.size(), 100 * accuracy(model, data)),
      .x_limits = {-1.2, 1.2},
      .y_limits = {-1.2, 1.2},
      .equal_units = true,
      .legend = true};
  const Tensor probabilities = softmax(model(optim::grid(chart.options, 240, 240)), 1);
  const Tensor colours =
      matmul(probabilities, optim::palette({optim::colour::pale_blue, optim::colour::pale_orange,
                                            optim::colour::pale_green}));
  chart.field = optim::field(reshape(colours, {240, 240, 3}));
  chart.series = optim::points(data.inputs(), data.targets(), {"arm 0", "arm 1", "arm 2"});
  return chart;
}

int main() {
  seed(1);
  const auto data = spiral(100), held_out = spiral(1000);
  nn::Linear linear(2, 3);
  nn::Sequential network(nn::Linear(2, 32), nn::Tanh(), nn::Linear(32, 32), nn::Tanh(),
                         nn::Linear(32, 3));
  if (!gradients_are_right(network, slice(data.inputs(), 0, 0, 8), network)) return 1;
  train(linear, data);
  train(network, data);
  optim::save_picture(
      "spiral.svg",
      {picture("linear", linear, data, held_out), picture("network", network, data, held_out)}, 2);
  return report({{"held-out accuracy, linear", accuracy(linear, held_out), 0.43, 0.38},
                 {"held-out accuracy, network", accuracy(network, held_out), 0.985, 0.97}});
}
