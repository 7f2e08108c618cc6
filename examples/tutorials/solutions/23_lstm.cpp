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

  // 4. Remember the first of 40 inputs: +1 or -1, then noise. Guessing has a loss of log 2 = 0.69.
  double b_f = 0;
  // hole: b_f = 0;
  b_f = 3;
  // end
  seed(5);
  const nn::LSTM reader(1, 32, {.dtype = float64});
  const nn::Linear head(32, 1, {.dtype = float64});
  reader.weights().bias_ih.set(repeat_interleave(tensor({0.0, b_f, 0.0, 0.0}, float64), 32));
  std::vector<Parameter> all = reader.parameters();
  for (const Parameter& p : head.parameters()) all.push_back(p);
  optim::Adam adam(all, {.lr = 0.01});
  double loss = 1;
  for (int t = 0; t < 100 && loss >= 0.1; ++t) {
    const Tensor answer = bernoulli(0.5, {32}).to(float64), signal = 2.0 * answer - 1.0;
    const Tensor in = concat({reshape(signal, {1, 32, 1}), 0.3 * randn({39, 32, 1}, float64)}, 0);
    const Tensor error = nn::bce_with_logits(flatten(head(reader(in).output[39])), answer);
    loss = error.item();
    adam.zero_grad();
    error.backward();
    optim::clip_grad_norm(all, 1.0);
    adam.step();
  }
  answers.check("4. remembered after 100 steps at most (1: yes)", 1, loss < 0.1 ? 1 : 0);
  return answers.status();
}
