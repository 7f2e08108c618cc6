// The curved valley of Rosenbrock's function: gradient descent, Adam and L-BFGS on their way down.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/optim/optim.hpp>

#include <vector>

#include "report.hpp"

using namespace gradtape;
namespace colour = optim::colour;

/// sum over i of 100 (x[i + 1] - x[i]^2)^2 + (1 - x[i])^2, which is 0 where all x are 1.
/// x: [n] or [n, points] -> one for each point (Rosenbrock 1960, "An automatic method for finding
/// the greatest or least value of a function").
Tensor rosenbrock(const Tensor& x) {
  const Tensor a = slice(x, 0, 0, -1), b = slice(x, 0, 1);
  return sum(100.0 * square(b - square(a)) + square(1.0 - a), 0);
}

Parameter start() { return Parameter(tensor({-1.2, 1.0}, float64), "x"); }

/// The places that an optimizer goes through: [steps + 1, 2].
template <class Step> Tensor path(const Parameter& x, const Step& step, int steps) {
  std::vector<Tensor> places;
  for (int i = 0; i <= steps; ++i) {
    if (i > 0) step();
    places.push_back(x.tensor().detach());
  }
  return stack(places);
}

/// That of an optimizer which takes one gradient a step.
template <class Optimizer, class Options> Tensor descent(const Options& options, int steps) {
  const Parameter x = start();
  Optimizer optimizer({x}, options);
  const auto step = [&] {
    const Tensor loss = rosenbrock(x);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  };
  return path(x, step, steps);
}

Tensor lbfgs_path(int steps) {
  const Parameter x = start();
  optim::LBFGS lbfgs({x}, {.max_iter = 1, .line_search = optim::LineSearch::strong_wolfe});
  return path(
      x, [&] { lbfgs.step([&] { return rosenbrock(x); }); }, steps);
}

void draw(const Tensor& gradient_descent, const Tensor& adam, const Tensor& lbfgs) {
  optim::Chart chart;
  chart.options = {.title = fmt::format("Rosenbrock's valley: {} steps down, {} by L-BFGS",
                                        adam.size(0) - 1, lbfgs.size(0) - 1),
                   .x_label = "x",
                   .y_label = "y",
                   .x_limits = {-1.6, 1.6},
                   .y_limits = {-0.6, 1.6},
                   .equal_units = true,
                   .legend = true};
  const Tensor height = log10(rosenbrock(transpose(optim::grid(chart.options, 320, 220))));
  chart.field = optim::field(
      reshape(height, {220, 320}),
      {.low = -2, .high = 3, .scale = {"#5b9bc8", "#c4dcec", "#ffffff"}, .name = "log10 f"});
  using optim::Mark;
  const auto point = [](const Tensor& places, std::int64_t i) {
    return slice(places, 0, i, i + 1);
  };
  // Adam soon goes where gradient descent goes: its dashes lie on a wider line.
  chart.series = {
      optim::curve(
          gradient_descent,
          {.name = "gradient descent", .colour = colour::orange, .size = 7, .opacity = 0.55}),
      optim::curve(adam,
                   {.name = "Adam", .mark = Mark::dashes, .colour = colour::green, .size = 2.5}),
      optim::curve(lbfgs, {.name = "L-BFGS", .colour = colour::dark, .size = 1.5}),
      optim::points(lbfgs, {.colour = colour::dark, .size = 3}),
      optim::points(point(adam, 0), {.name = "start", .colour = colour::blue, .size = 7}),
      optim::points(ones({1, 2}), {.name = "goal", .colour = "#c62828", .size = 7})};
  optim::save_picture("lbfgs_rosenbrock.svg", {chart});
}

int main() {
  const Tensor gradient_descent = descent<optim::SGD>(optim::SGDOptions{.lr = 1e-3}, 2000);
  const Tensor adam = descent<optim::Adam>(optim::AdamOptions{.lr = 0.02}, 2000);
  const Tensor lbfgs = lbfgs_path(36);
  draw(gradient_descent, adam, lbfgs);
  const auto last = [](const Tensor& places) {
    return rosenbrock(select(places, 0, -1)).item<double>();
  };

  // the same in a hundred dimensions, until the gradient is next to nothing
  const Parameter x(tile(start().tensor().detach(), {50}), "x");
  optim::LBFGS many({x}, {.max_iter = 1000, .line_search = optim::LineSearch::strong_wolfe});
  many.step([&] { return rosenbrock(x); });
  return report({{"gradient descent", last(gradient_descent), 0.078, 0.1},
                 {"Adam", last(adam), 7.8e-4, 2e-3},
                 {"L-BFGS", last(lbfgs), 4e-10, 1e-8},
                 {"L-BFGS in 100 dimensions", rosenbrock(x).item<double>(), 6e-10, 1e-8},
                 {"evaluations", static_cast<double>(many.state().evaluations), 556, 700}});
}
