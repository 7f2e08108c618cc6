// Exercises of chapter 30: writing an op, and proving it right
#include <gradtape/autograd/formula.hpp>
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. log(e^a + e^b) without maximum and abs: softplus(z) is log(1 + e^z).
  const auto smooth = formula("log_add", [](auto a, auto b) {
    // hole: return maximum(a, b);
    return b + softplus(a - b);
    // end
  });
  const Tensor one = tensor(1.0, float64), far = tensor(800.0, float64);
  answers.check("1a. f(800, 1)", 800, smooth(far, one).item());
  answers.check("1b. second derivative at (1, 1)", 0.25,
                hessian([&](const Tensor& a) { return smooth(a, one); }, one).item());

  // 2. The rule of log cosh x.
  const auto log_cosh = [](const Tensor& x) {
    const Tensor size = abs(x.detach());
    return record("log_cosh", size + log1p(exp(-2.0 * size)) - std::log(2.0), {x},
                  {[x](const Tensor& g) {
                    // hole: return g * x;
                    return g * tanh(x);
                    // end
                  }});
  };
  const Tensor sample = tensor({-2.0, 0.0, 3.0}, float64);
  answers.check("2. gradcheck to second order passes", 1,
                gradcheck(log_cosh, sample, {.order = 2}) ? 1 : 0);

  // 3. The rule of e^x by its result y.
  const auto exponential = [](const Tensor& x) {
    return record("exponential", exp(x.detach()), {x}, {[](const Tensor& g, const Tensor& y) {
                    // hole: return g + 0.0 * y;
                    return g * y;
                    // end
                  }});
  };
  answers.check("3. gradcheck to second order passes", 1,
                gradcheck(exponential, sample, {.order = 2}) ? 1 : 0);

  // 4. A second sample with which every mutation is noticed.
  const auto log_add = [](const Tensor& a, const Tensor& b) {
    return record("log_add", logaddexp(a.detach(), b.detach()), {a, b},
                  {[a, b](const Tensor& g) { return g * sigmoid(a - b); },
                   [a, b](const Tensor& g) { return g * sigmoid(b - a); }});
  };
  const Tensor a = tensor({-2.0, 0.3, 1.5}, float64);
  // hole: const Tensor b = a;
  const Tensor b = tensor({0.7, -0.4, 2.2}, float64);
  // end
  const OpTestResult result = test_op({.name = "log_add", .f = log_add, .inputs = {a, b}});
  answers.check("4. test_op passes", 1, result ? 1 : 0);
  return answers.status();
}
