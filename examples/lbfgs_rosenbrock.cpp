// The curved valley of Rosenbrock's function: gradient descent, Adam and L-BFGS on their way down.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/optim/optim.hpp>

#include <vector>

#include "picture.hpp"
#include "report.hpp"

using namespace gradtape;

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
  Picture picture({.title = "Rosenbrock's valley, from (-1.2, 1) to (1, 1)",
                   .x = {-1.6, 1.6, "x"},
                   .y = {-0.6, 1.6, "y"},
                   .width = 640,
                   .height = 440});
  const Tensor height = log10(rosenbrock(transpose(picture.grid(320, 220))));
  picture.pixels(coloured(reshape(height, {220, 320}), -2, 3, {"#5b9bc8", "#c4dcec", "#ffffff"}));
  const auto show = [&](const Tensor& places, const Style& style) {
    picture.line(select(places, 1, 0), select(places, 1, 1), style);
  };
  show(adam, {.colour = green,
              .label = fmt::format("Adam, {} steps", adam.size(0) - 1),
              .size = 7,
              .opacity = 0.6});
  show(gradient_descent,
       {.colour = orange,
        .label = fmt::format("gradient descent, {}", gradient_descent.size(0) - 1),
        .size = 3});
  show(lbfgs, {.colour = dark, .label = fmt::format("L-BFGS, {}", lbfgs.size(0) - 1)});
  picture.points(select(lbfgs, 1, 0), select(lbfgs, 1, 1), {.colour = dark, .size = 4});
  picture.save("lbfgs_rosenbrock.svg");
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
