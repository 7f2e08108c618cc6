// Burgers' equation solved by a network whose loss is the equation: derivatives of derivatives.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include <numbers>

#include "report.hpp"

using namespace gradtape;
namespace colour = optim::colour;
using std::numbers::pi;

// u_t + u u_x = viscosity u_xx for x in [-1, 1], t in [0, 1]; u(x, 0) = -sin(pi x), u(+-1, t) = 0.
// The two halves of the wave run into each other, and viscosity decides how steep they get.
constexpr double viscosity = 0.03;

/// A guess at u that meets the initial and boundary values whatever the network says.
/// x, t: [n, 1] -> u [n, 1]
struct Solution : nn::Module {
  nn::Sequential network =
      child("network", nn::Sequential(nn::Linear(2, 32), nn::Tanh(), nn::Linear(32, 32), nn::Tanh(),
                                      nn::Linear(32, 32), nn::Tanh(), nn::Linear(32, 1)));
  Tensor operator()(const Tensor& x, const Tensor& t) const {
    return t * (1.0 - square(x)) * network(concat({x, t}, 1)) - sin(pi * x);
  }
};

/// By how much the guess misses the equation at each point.
/// x, t: [n, 1], leaves that require gradients -> [n, 1]
Tensor residual(const Solution& solution, const Tensor& x, const Tensor& t) {
  const Tensor u = solution(x, t);
  // every u depends on its own point only, so that the gradient of the sum has them all
  const auto slopes = grad(sum(u), {x, t}, {.create_graph = true});
  const Tensor u_x = slopes[0], u_t = slopes[1];
  const Tensor u_xx = grad(sum(u_x), {x}, {.create_graph = true})[0];
  return u_t + u * u_x - viscosity * u_xx;
}

/// The exact solution (Cole 1951, Hopf 1950): a mean of -sin(pi y) over the points y from which a
/// disturbance may have come, here 400 of them.  x, t: [n, 1] -> [n, 1]
Tensor exact(const Tensor& x, const Tensor& t) {
  const Tensor z = linspace(-6, 6, 400);
  const Tensor y = x - sqrt(4 * viscosity * t) * z;
  const Tensor weights = softmax(-cos(pi * y) / (2 * pi * viscosity) - square(z), 1);
  return sum(-weights * sin(pi * y), 1, {.keepdim = true});
}

/// The residual has second derivatives in it, its gradient third ones.
bool gradients_are_right() {
  Solution solution;
  solution.to(float64);
  const auto loss = [&](const std::vector<Tensor>& points) {
    return mean(square(residual(solution, points[0], points[1])));
  };
  const auto result = gradcheck(loss, {rand({4, 1}, float64), rand({4, 1}, float64)},
                                {.parameters = solution.parameters()});
  fmt::print("gradients of the residual: {}\n", result ? "right" : result.message);
  return static_cast<bool>(result);
}

optim::Chart plane(const Solution& solution) {
  optim::Chart chart;
  chart.options = {.title = "u(x, t) by the network",
                   .x_label = "t",
                   .y_label = "x",
                   .x_limits = {0, 1},
                   .y_limits = {-1, 1}};
  const Tensor points = optim::grid(chart.options, 210, 160);
  const Tensor u = solution(slice(points, 1, 1, 2), slice(points, 1, 0, 1));
  chart.field = optim::field(reshape(u, {160, 210}), {.low = -1, .high = 1, .name = "u"});
  return chart;
}

optim::Chart profiles(const Solution& solution) {
  optim::Chart chart;
  chart.options = {.title = "u steepens: the network, and exactly (dashes)",
                   .x_label = "x",
                   .y_label = "u",
                   .x_limits = {-1, 1},
                   .y_limits = {-1.1, 1.1},
                   .legend = true};
  const Tensor x = linspace(-1, 1, 201), column = unsqueeze(x, 1);
  for (const auto& [at, shade] : {std::pair(0.0, colour::grey),
                                  {0.3, colour::blue},
                                  {0.6, colour::green},
                                  {1.0, colour::orange}}) {
    const Tensor t = full({201, 1}, at);
    chart.series.push_back({.name = fmt::format("t = {}", at),
                            .x = x,
                            .y = solution(column, t),
                            .colour = shade,
                            .size = 3,
                            .opacity = 0.6});
    chart.series.push_back({.name = at == 1 ? "exact" : "",
                            .x = x,
                            .y = exact(column, t),
                            .mark = optim::Mark::dashes,
                            .colour = colour::dark,
                            .size = 1});
  }
  return chart;
}

int main() {
  seed(1);
  if (!gradients_are_right()) return 1;

  const Solution solution;
  constexpr int steps = 2000, n = 512;
  optim::Adam adam(solution.parameters(), {.lr = 0.01});
  optim::Schedule schedule(adam, optim::cosine_schedule(steps));
  for (int step = 0; step < steps; ++step) {
    // new points each time
    const Tensor x = (2.0 * rand({n, 1}) - 1.0).requires_grad("x");
    const Tensor t = rand({n, 1}).requires_grad("t");
    const Tensor loss = mean(square(residual(solution, x, t)));
    adam.zero_grad();
    loss.backward();
    adam.step();
    schedule.step();
    if (step % 500 == 499)
      fmt::print("step {}: mean squared residual {:.2e}\n", step + 1, loss.item<double>());
  }

  const NoGrad no_grad;
  optim::save_picture("physics_pinn.svg", {plane(solution), profiles(solution)}, 2);
  const Tensor x = tile(linspace(-1, 1, 101), {101}),
               t = repeat_interleave(linspace(0, 1, 101), 101);
  const Tensor truth = exact(unsqueeze(x, 1), unsqueeze(t, 1));
  const Tensor error = solution(unsqueeze(x, 1), unsqueeze(t, 1)) - truth;
  return report({{"relative L2 error", (norm(error) / norm(truth)).item<double>(), 0.003, 0.01}});
}
