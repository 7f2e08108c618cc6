// Exercises of chapter 14: units that learn their shape
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. Weights [pieces, 1] and biases [pieces] of a maxout unit: for |x|, then for max(0, 1 - x).
  const nn::Maxout unit(1, 1, 2, {.dtype = float64});
  const auto value = [&unit](const Tensor& weights, const Tensor& biases, double x) {
    unit.linear.weight.set(weights);
    unit.linear.bias.set(biases);
    return unit(tensor({x}, float64))[0].item();
  };
  // hole: const Tensor w1 = tensor({{1.0}, {0.0}}, float64), b1 = tensor({0.0, 0.0}, float64);
  const Tensor w1 = tensor({{1.0}, {-1.0}}, float64), b1 = tensor({0.0, 0.0}, float64);
  // end
  answers.check("1a. |-3|", 3, value(w1, b1, -3));
  answers.check("1b. |2|", 2, value(w1, b1, 2));
  // hole: const Tensor w2 = tensor({{1.0}, {0.0}}, float64), b2 = tensor({0.0, 0.0}, float64);
  const Tensor w2 = tensor({{0.0}, {-1.0}}, float64), b2 = tensor({0.0, 1.0}, float64);
  // end
  answers.check("1c. max(0, 1 - (-2))", 3, value(w2, b2, -2));
  answers.check("1d. max(0, 1 - 5)", 0, value(w2, b2, 5));

  // 2. The distance, in widths, where |dh/dx| falls below 1e-12.
  const auto slope = [](double distance) {
    const auto h = [](const Tensor& x) { return sum(rbf(x, zeros({1, 1}, float64))); };
    return std::abs(grad_of(h, tensor({distance}, float64)).item());
  };
  double near = 1, far = 20;  // slope(near) > 1e-12 > slope(far)
  for (int i = 0; i < 60; ++i) {
    const double middle = (near + far) / 2;
    // hole: (slope(middle) > middle ? near : far) = middle;
    (slope(middle) > 1e-12 ? near : far) = middle;
    // end
  }
  answers.check("2. widths to a gradient of 1e-12", 5.479524, near, 1e-4);

  // 3. The vjp of PReLU: the gradients of z [n, units] and alpha [units].
  const auto prelu_vjp = [](const Tensor& z, const Tensor& alpha,
                            const Tensor& h_bar) -> std::pair<Tensor, Tensor> {
    // hole: return {h_bar, 0.0 * sum(z * h_bar, 0) * alpha};
    return {where(z > 0.0, h_bar, alpha * h_bar), sum(h_bar * minimum(z, 0.0), 0)};
    // end
  };
  seed(1);
  const Tensor z = randn({20, 3}, float64), h_bar = randn({20, 3}, float64);
  const Tensor alpha = tensor({0.1, 0.2, 0.3}, float64);
  const auto truth =
      vjp([](const std::vector<Tensor>& t) { return prelu(t[0], t[1]); }, {z, alpha}, h_bar).grads;
  const auto yours = prelu_vjp(z, alpha, h_bar);
  answers.check("3a. gradient of z, its norm", norm(truth[0]).item(),
                norm(yours.first).item());
  answers.check("3b. gradient of alpha, the first", truth[1][0].item(),
                yours.second[0].item());
  return answers.status();
}
