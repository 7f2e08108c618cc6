// Exercises of chapter 29: a Gaussian process by marginal likelihood
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  const auto covariance = [](const Tensor& a, const Tensor& b, const Tensor& p) {
    const Tensor distance = (unsqueeze(a, 1) - b) / exp(p[0]);
    return exp(2.0 * p[1] - square(distance) / 2.0);
  };
  const auto matrix_K = [&](const Tensor& x, const Tensor& p) {
    return covariance(x, x, p) + exp(2.0 * p[2]) * eye(x.size(0), -1, float64);
  };
  const Tensor x = tensor({-1.0, 0.2, 0.9, 2.0}, float64), y = tensor({0.4, 1.1, 0.8, -0.3}, float64);
  const Tensor p = tensor({0.1, -0.2, -1.0}, float64);
  const double n = 4;

  // 1. The sum of the derivatives of log p(y | x) by log s and by log sigma.
  const auto log_likelihood = [&](const Tensor& v) {
    const Tensor L = cholesky(matrix_K(x, v));
    return -0.5 * sum(square(solve_triangular(L, unsqueeze(y, 1)))) - sum(log(diagonal(L)));
  };
  const Tensor slopes = grad_of(log_likelihood, p);
  const double q = dot(y, solve(matrix_K(x, p), y)).item();  // y^T K^-1 y
  const auto sum_of_both = [](double q, double n) {
    // hole: return q + n;
    return q - n;
    // end
  };
  answers.check("1. sum of both derivatives", slopes[1].item() + slopes[2].item(), sum_of_both(q, n));

  // 2. One measurement y at x: mean and variance at another point.
  struct Normal {
    double mean, variance;
  };
  const auto predict = [](double x, double y, double point, double l, double s, double sigma) {
    const double k = s * s * std::exp(-(x - point) * (x - point) / (2 * l * l));
    // hole: return Normal{k * y, s * s - k + sigma * 0};
    return Normal{k * y / (s * s + sigma * sigma), s * s - k * k / (s * s + sigma * sigma)};
    // end
  };
  const Tensor scales = log(tensor({0.7, 1.5, 0.3}, float64));
  const Tensor one = tensor({1.0}, float64), point = tensor({1.4}, float64);
  const Tensor k = covariance(one, point, scales), K = matrix_K(one, scales);
  const Normal yours = predict(1.0, 2.0, 1.4, 0.7, 1.5, 0.3);
  answers.check("2a. mean", (k * 2.0 / K)[0][0].item(), yours.mean);
  answers.check("2b. variance", (covariance(point, point, scales) - k * k / K)[0][0].item(),
                yours.variance);

  // 3. The covariance of functions with period 2.
  const auto periodic = [](const Tensor& a, const Tensor& b, const Tensor& p) {
    const Tensor difference = unsqueeze(a, 1) - b;
    // hole: const Tensor distance = difference;
    const Tensor distance = 2 / std::numbers::pi * sin(std::numbers::pi / 2 * difference);
    // end
    return exp(2.0 * p[1] - square(distance / exp(p[0])) / 2.0);
  };
  const Tensor zero = tensor({0.0}, float64), far = tensor({6.0}, float64);
  answers.check("3. covariance of f(0) and f(6)", std::exp(2 * p[1].item()),
                periodic(zero, far, p)[0][0].item());
  return answers.status();
}
