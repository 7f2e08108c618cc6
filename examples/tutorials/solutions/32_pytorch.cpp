// Exercises of chapter 32: from PyTorch and back
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  seed(1);

  // 1. The state dict of nn::Linear(3, 2) from a kernel [in, out] and a bias.
  const Tensor kernel = randn({3, 2}, float64), bias = randn({2}, float64);
  const Tensor x = randn({4, 3}, float64);
  // hole: const StateDict state{{"weight", reshape(kernel, {2, 3})}, {"bias", bias}};
  const StateDict state{{"weight", transpose(kernel)}, {"bias", bias}};
  // end
  nn::Linear layer(3, 2, {.dtype = float64});
  layer.load_state_dict(state);
  answers.check("1. largest difference to x kernel + bias", 0,
                amax(abs(layer(x) - (matmul(x, kernel) + bias))).item(), 1e-12);

  // 2. The table of names.
  struct Model : nn::Module {
    nn::Linear head = child("head", nn::Linear(3, 2));
  };
  Model model;
  const StateDict file{{"encoder.fc.weight", ones({2, 3})},
                       {"encoder.fc.bias", zeros({2})},
                       {"steps", tensor(1000)}};
  nn::LoadOptions options{.strict = false};
  // hole: options.rename = {};
  options.rename = {{"encoder.fc", "head"}, {"steps", ""}};
  // end
  const nn::LoadReport report = model.load_state_dict(file, options);
  answers.check("2. complete", 1, report.complete() ? 1 : 0);

  // 3. One bias for both of PyTorch's.
  const Tensor single = randn({16}, float64);
  const auto biases = [&]() -> std::pair<Tensor, Tensor> {  // bias_ih_l0, bias_hh_l0
    // hole: return {single, single};
    return {single, zeros_like(single)};
    // end
  }();
  answers.check("3. largest difference of the gates", 0,
                amax(abs(biases.first + biases.second - single)).item(), 1e-12);
  return answers.status();
}
