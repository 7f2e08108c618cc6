// Exercises of chapter 28: an ODE with a network inside
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  /// dy(1)/da of dy/dt = a y, y(0) = 1, at a = 1, by a solver of so many steps, less e.
  const auto error = [](const auto& solver_step, int steps) {
    const Tensor a = tensor(1.0, float64).requires_grad("a");
    const auto f = [&](const Tensor& y) { return a * y; };
    Tensor y = tensor(1.0, float64);
    for (int i = 0; i < steps; ++i) y = solver_step(f, y, 1.0 / steps);
    return std::abs(grad(y, {a})[0].item() - std::exp(1.0));
  };

  // 1. Euler's step.
  const auto euler = [](const auto& f, const Tensor& y, double h) {
    // hole: return y + 0.5 * h * f(y);
    return y + h * f(y);
    // end
  };
  answers.check("1. halving Euler's step divides the error by", 2, error(euler, 256) / error(euler, 512),
                0.01);

  // 2. The midpoint step.
  const auto midpoint = [](const auto& f, const Tensor& y, double h) {
    // hole: return y + 0.5 * h * f(y);
    return y + h * f(y + h / 2 * f(y));
    // end
  };
  answers.check("2. halving the midpoint step divides the error by", 4,
                error(midpoint, 256) / error(midpoint, 512), 0.01);

  // 3. The slopes of y, of its cotangent c and of the integral of dL/da, forwards in time.
  const double a = 1;
  const auto slopes = [&](const std::array<double, 3>& v) -> std::array<double, 3> {
    const auto [y, c, integral] = v;
    // hole: return {a * y, 0 * c, 0 * integral};
    return {a * y, -a * c, -c * y};
    // end
  };
  std::array<double, 3> v{std::exp(1.0), 1, 0};  // at time 1
  const double h = -1.0 / 1024;                  // midpoint steps back to time 0
  for (int i = 0; i < 1024; ++i) {
    const auto k = slopes(v);
    const auto m = slopes({v[0] + h / 2 * k[0], v[1] + h / 2 * k[1], v[2] + h / 2 * k[2]});
    for (int j = 0; j < 3; ++j) v[static_cast<std::size_t>(j)] += h * m[static_cast<std::size_t>(j)];
  }
  answers.check("3a. y(0), computed once more", 1, v[0], 1e-5);
  answers.check("3b. dL/da", std::exp(1.0), v[2], 1e-5);
  return answers.status();
}
