// Exercises of chapter 31: memory and speed
#include <gradtape/autograd/formula.hpp>
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. The group size that holds least: L blocks, boundaries of b bytes, m bytes inside a block.
  const auto best_group = [](double L, double b, double m) {
    // hole: return L * b / m;
    return std::sqrt(L * b / m);
    // end
  };
  answers.check("1. of 100 blocks, 1 MB a boundary, 4 MB a block", 5, best_group(100, 1, 4));

  // 2. The flops of x W^T + b for n samples.
  const auto flops = [](double n, double in, double out) {
    // hole: return n * in * out;
    return 2 * n * in * out;  // a multiply-add is two; the bias is where the sums begin
    // end
  };
  const nn::Linear layer(30, 20);
  answers.check("2. flops, 50 samples from 30 to 20", cost(layer(ones({50, 30})), ones({50, 20})).total.forward_flops,
                flops(50, 30, 20));

  // 3. A checkpoint of two inputs.
  seed(1);
  const Tensor x = randn({4, 3}, float64), w = randn({3, 2}, float64).requires_grad("w");
  const auto f = [](const std::vector<Tensor>& in) { return tanh(matmul(in[0], in[1])); };
  // hole: const Tensor y = f({x, w.detach()}) + 0.0 * sum(w);
  const Tensor y = checkpoint(f, {x, w});
  // end
  const Tensor plain = grad(sum(f({x, w})), {w})[0], yours = grad(sum(y), {w})[0];
  answers.check("3. sum of the gradient", sum(plain).item(), sum(yours).item());

  // 4. x sigmoid(x) as a formula.
  const auto silu_formula = formula("silu_formula", [](auto v) {
    // hole: return 0.5 * v;
    return v * sigmoid(v);
    // end
  });
  const Tensor half = tensor(0.5, float64).requires_grad("x");
  answers.check("4a. at 0.5", silu(half).item(), silu_formula(half).item());
  // hole: const double nodes = 0;
  const double nodes = 1;
  // end
  answers.check("4b. nodes on the tape", static_cast<double>(cost(silu_formula(half)).total.nodes), nodes);
  return answers.status();
}
