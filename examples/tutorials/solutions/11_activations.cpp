// Exercises of chapter 11: activations, drawn
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. The beta for which sigmoid(beta z) is within 1e-6 of the step where |z| >= 0.1.
  const auto sharp_enough = [](double distance, double error) {
    // hole: return distance + error;
    // sigmoid(-beta distance) = error, and the inverse of the sigmoid is log(p / (1 - p)).
    return std::log((1 - error) / error) / distance;
    // end
  };
  const double beta = sharp_enough(0.1, 1e-6);
  answers.check("1. sigmoid(-0.1 beta) in millionths", 1,
                1e6 * sigmoid(tensor(-0.1 * beta, float64)).item(), 1e-6);

  // 2. Does gradcheck note a kink of f at 0?
  const auto has_kink = [](const std::function<Tensor(const Tensor&)>& f) {
    // hole: return f == nullptr;
    const GradcheckResult result = gradcheck(f, zeros({1}, float64));
    return result.cause == Cause::kink;
    // end
  };
  const std::vector<std::function<Tensor(const Tensor&)>> activations = {
      [](const Tensor& z) { return heaviside(z, ones({}, float64)); },
      [](const Tensor& z) { return relu(z); },
      [](const Tensor& z) { return sigmoid(z); },
      [](const Tensor& z) { return tanh(z); },
      [](const Tensor& z) { return leaky_relu(z, 0.1); },
      [](const Tensor& z) { return gelu(z); },
      [](const Tensor& z) { return softplus(z); }};
  double kinks = 0;
  for (const auto& f : activations) kinks += has_kink(f) ? 1 : 0;
  answers.check("2. activations with a kink or a jump", 3, kinks);

  // 3. Where GELU is lowest: halve an interval until the slope's change of sign is found.
  const auto slope = [](double z) {
    return grad_of([](const Tensor& t) { return gelu(t); }, tensor(z, float64)).item();
  };
  double low = -3, high = 0;  // slope(low) < 0 < slope(high)
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    // hole: (slope(middle) > middle ? low : high) = middle;
    (slope(middle) < 0 ? low : high) = middle;
    // end
  }
  answers.check("3. the lowest point of GELU", -0.7517916, low, 1e-6);
  return answers.status();
}
