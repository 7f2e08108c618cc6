// Exercises of chapter 25: second order
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  seed(1);

  // 1. H v by `grad` twice, of f at x. The first must be recorded: {.create_graph = true}.
  const auto f = [](const Tensor& x) { return sum(sin(x) * square(x)) + prod(x); };
  const Tensor at_x = randn({4}, float64), v = randn({4}, float64);
  const auto product = [&]() -> Tensor {
    const Tensor x = at_x.requires_grad("x");
    // hole: return grad(f(x), {x})[0];
    const Tensor g = grad(f(x), {x}, {.create_graph = true})[0];
    return grad(dot(g, v), {x})[0];
    // end
  };
  answers.check("1. largest difference to hvp", 0, max(abs(product() - hvp(f, at_x, v))).item());

  // 2. The steps of Newton's method to the minimum of sum_i (x_i - i)^2 / 2, from anywhere.
  double steps = 0;
  // hole: steps = 0;
  steps = 1;  // (1) is exact for a quadratic
  // end
  const auto quadratic = [](const Tensor& x) {
    return sum(square(x - arange(0, 4, 1, float64))) / 2.0;
  };
  Tensor x = randn({4}, float64);
  double needed = 0;
  for (; norm(grad_of(quadratic, x)).item() > 1e-12; ++needed)
    x = x - solve(hessian(quadratic, x), grad_of(quadratic, x));
  answers.check("2. steps", needed, steps);

  // 3. Levenberg: s = -(H + mu I)^-1 g with mu = 2 goes on to the minimum y = 1.
  const auto saddle = [](const Tensor& p) {
    return square(p[0]) + square(square(p[1])) / 4.0 - square(p[1]) / 2.0;
  };
  Tensor p = tensor({1.0, 0.3}, float64);
  for (int i = 0; i < 100; ++i) {
    const Tensor h = hessian(saddle, p), g = grad_of(saddle, p);
    // hole: p = p - solve(h, g);
    p = p - solve(h + 2.0 * eye(2, 2, float64), g);
    // end
  }
  answers.check("3. y", 1, p[1].item(), 1e-6);
  return answers.status();
}
