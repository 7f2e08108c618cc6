// Exercises of chapter 9: the gradient costs O(1) times the function
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. An elementwise op whose gradient takes 7 operations for an element, by the library's count.
  // Try exp, sin, sqrt, tanh, sigmoid, or what docs/ops.md has.
  const auto op = [](const Tensor& x) {
    // hole: return sin(x);
    return tanh(x);
    // end
  };
  const Tensor x = tensor({0.2, 0.4}, float64).requires_grad("x");
  answers.check("1. ratio", 7, cost(op(x), ones_like(x)).total.ratio());

  // 2. What an unused input gets: 0 for a tensor of zeros, 1 for an undefined one, 2 for an error.
  const Tensor used = tensor(3.0, float64).requires_grad();
  const Tensor unused = tensor(5.0, float64).requires_grad();
  double truth_of_grad = 1;
  try {
    (void)grad(square(used), {unused});
  } catch (const GraphError&) {
    truth_of_grad = 2;
  }
  square(used).backward();
  const double truth_of_backward = unused.grad().defined() ? 0 : 1;
  const Tensor zero = grad_of([](const std::vector<Tensor>& in) { return square(in[0]); },
                              {used, unused})[1];
  // hole: const double of_grad = -1, of_grad_of = -1, of_backward = -1;
  const double of_grad = 2, of_grad_of = 0, of_backward = 1;
  // end
  answers.check("2. grad", truth_of_grad, of_grad);
  answers.check("2. grad_of", zero.defined() ? 0 : 1, of_grad_of);
  answers.check("2. backward", truth_of_backward, of_backward);

  // 3. The work of the backward pass of y <- y h, repeated n times: products, and the sums of the n
  // contributions to h, of which the first is not added to anything. At first y is a constant.
  const auto work = [](double n) -> double {
    // hole: return n;
    return (2 * n - 1) + (n - 1);
    // end
  };
  const Tensor h = tensor(0.5, float64).requires_grad("h");
  Tensor y = tensor(2.0, float64);
  for (int i = 0; i < 50; ++i) y = y * h;
  answers.check("3. operations for n = 50", cost(y).total.backward_flops, work(50));
  return answers.status();
}
