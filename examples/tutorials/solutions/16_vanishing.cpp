// Exercises of chapter 16: vanishing and exploding gradients
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. Clip gradients whose common norm exceeds `limit`; leave others alone.
  const auto clip = [](const std::vector<Tensor>& gradients, double limit) {
    double total = 0;
    for (const Tensor& g : gradients) total += sum(square(g)).item();
    std::vector<Tensor> clipped = gradients;
    // hole: (void)limit;
    const double length = std::sqrt(total);
    if (length > limit)
      for (Tensor& g : clipped) g = limit / length * g;
    // end
    return clipped;
  };
  const std::vector<Tensor> long_one{tensor({6.0, 0.0}, float64), tensor({0.0, 8.0}, float64)};
  const std::vector<Tensor> clipped = clip(long_one, 1.0);
  answers.check("1a. an element of (6, 0), (0, 8) clipped to 1", 0.6, at(clipped[0], {0}).item());
  answers.check("1b. another", 0.8, at(clipped[1], {1}).item());
  answers.check("1c. a short one stays", 6, at(clip(long_one, 100)[0], {0}).item());

  // 2. What is left of a gradient after 19 linear layers of m = 64 inputs and weights of deviation
  //    1/m: the power of ten.
  const double m = 64;
  // hole: const double exponent = m;
  const double exponent = 19 * std::log10(1 / std::sqrt(m));
  // end
  answers.check("2a. log10 of the expected factor", -17.16, exponent, 1e-3);
  const Generator generator(2);
  Tensor v = randn({64, 64}, float64, generator);
  const double start = norm(v).item();
  for (int l = 0; l < 19; ++l) v = matmul(v, randn({64, 64}, float64, generator) / m);
  answers.check("2b. log10 of the measured factor", std::log10(norm(v).item() / start),
                exponent, 0.03);

  // 3. The gain for leaky ReLU of slope 0.1: half of the units have slope 1, half 0.1.
  // hole: const double gain = 1;
  const double gain = std::sqrt(2 / (1 + 0.1 * 0.1));
  // end
  answers.check("3. the gain", nn::init::calculate_gain("leaky_relu", 0.1), gain);
  return answers.status();
}
