// Exercises of chapter 23: LSTM, a memory with gates
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  seed(1);

  // 1. The numbers in an LSTM with n inputs and m units.
  const auto numbers = [](double n, double m) -> double {
    // hole: return n * m;
    return 4 * m * (n + m + 2);
    // end
  };
  const nn::LSTM lstm(16, 64);
  answers.check("1. numbers of LSTM(16, 64)", static_cast<double>(lstm.parameter_count()),
                numbers(16, 64));

  // 2. One step of a GRU. x: [1, 3], h: [1, 4]; the blocks of the weights are r, z, n.
  const nn::GRU gru(3, 4, {.dtype = float64});
  const auto& w = gru.weights();
  const Tensor x = randn({1, 3}, float64), h = randn({1, 4}, float64);
  const auto input = chunk(linear(x, w.ih, w.bias_ih), 3, 1);
  const auto state = chunk(linear(h, w.hh, w.bias_hh), 3, 1);
  const auto step = [&]() -> Tensor {
    // hole: return h;
    const Tensor r = sigmoid(input[0] + state[0]), z = sigmoid(input[1] + state[1]);
    const Tensor n = tanh(input[2] + r * state[2]);
    return (1.0 - z) * n + z * h;
    // end
  };
  const Tensor truth = gru(unsqueeze(x, 0), unsqueeze(h, 0)).h[0];
  answers.check("2. largest difference to nn::GRU", 0, max(abs(step() - truth)).item());

  // 3. The forget bias b with sigmoid(b)^100 = 1/2.
  double bias = 0;
  // hole: bias = 0;
  const double gate = std::pow(0.5, 0.01);
  bias = std::log(gate / (1 - gate));
  // end
  answers.check("3. the forget bias", 4.9682, bias, 1e-4);
  return answers.status();
}
