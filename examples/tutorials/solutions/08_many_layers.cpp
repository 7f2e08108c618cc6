// Exercises of chapter 8: many layers, four notations
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <span>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. Algorithm 5 as an op: x, W1, b1, W2, b2, W3, b3 -> J for the target y. Three slips of the notes
  // are in it; the other two do not even run.
  const double y = 1;
  const auto network = [y](const std::vector<Tensor>& in) {
    const std::vector<Tensor> W{{}, in[1], in[3], in[5]}, b{{}, in[2], in[4], in[6]};
    std::vector<Tensor> z(1), a{in[0]};
    for (std::size_t k = 1; k <= 3; ++k) {
      z.push_back(matmul(W[k], a[k - 1]) + b[k]);
      a.push_back(k < 3 ? relu(z[k]) : z[k]);
    }
    const auto algorithm5 = [=](std::span<const Tensor> g, const std::vector<bool>&) {
      std::vector<Tensor> delta(4), dW(4), db(4);
      // hole: delta[3] = z[3] - a[3] + 0.0 * y;
      delta[3] = z[3] - y;
      // end
      dW[1] = zeros_like(W[1]), db[1] = zeros_like(b[1]);
      for (std::size_t k = 2; k >= 1; --k) {
        delta[k] = matmul(transpose(W[k + 1]), delta[k + 1]) * (z[k] >= 0.0).to(float64);
        // hole: dW[k + 1] = outer(delta[k + 1], z[k]);
        dW[k + 1] = outer(delta[k + 1], a[k]);
        // end
        db[k + 1] = delta[k + 1];
      }
      // hole: // after the loop: what is missing?
      dW[1] = outer(delta[1], a[0]);
      db[1] = delta[1];
      // end
      const Tensor dx = matmul(transpose(W[1]), delta[1]);
      std::vector<Tensor> all{dx, dW[1], db[1], dW[2], db[2], dW[3], db[3]};
      for (Tensor& each : all) each = g[0] * each;  // what follows the loss
      return all;
    };
    return record("network", {(0.5 * sum(square(a[3] - y))).detach()}, in, JointVjp(algorithm5))[0];
  };
  seed(8);
  std::vector<Tensor> inputs{randn({5}, float64)};
  for (const auto& [out, in] : {std::pair{4, 5}, std::pair{3, 4}, std::pair{1, 3}}) {
    inputs.push_back(randn({out, in}, float64));
    inputs.push_back(randn({out}, float64));
  }
  const GradcheckResult verdict = gradcheck(network, inputs);
  answers.check("1. gradcheck passes", 1, verdict ? 1 : 0);
  if (!verdict) fmt::print("{}\n", verdict.message);

  // 2. The parameters of a network with these units in its layers, the input first.
  const auto parameters = [](const std::vector<double>& units) -> double {
    double count = 0;
    for (std::size_t k = 1; k < units.size(); ++k)
      // hole: count += units[k];
      count += (units[k - 1] + 1) * units[k];
      // end
    return count;
  };
  const nn::Sequential net(nn::Linear(784, 256), nn::ReLU(), nn::Linear(256, 256), nn::ReLU(),
                           nn::Linear(256, 10));
  answers.check("2. parameters of 784-256-256-10", static_cast<double>(net.parameter_count()),
                parameters({784, 256, 256, 10}));

  // 3. What lambda Omega(b) with Omega = 1/2 sum b^2 adds to dJ/db at b = 0.3, for lambda = 0.1.
  const double lambda = 0.1, b = 0.3;
  const Tensor added = grad_of([&](const Tensor& t) { return lambda * 0.5 * sum(square(t)); },
                               tensor(b, float64));
  // hole: const double yours = 0 * lambda * b;
  const double yours = lambda * b;
  // end
  answers.check("3. added to dJ/db", added.item(), yours);
  return answers.status();
}
