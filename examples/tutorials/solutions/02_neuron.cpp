// Exercises of chapter 2: one neuron, then twelve parameters
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. A step of gradient descent with rate eta for a = exp(w x + w0) and the loss (a - y)^2.
  const double x = 0.5, y = 1, eta = 0.1;
  double w = 0.8, w0 = 0.2;
  const auto loss = [&](const std::vector<Tensor>& p) { return square(exp(p[0] * x + p[1]) - y); };
  const std::vector<Tensor> slope = grad_of(loss, {tensor(w, float64), tensor(w0, float64)});
  const double right_w = w - eta * slope[0].item(), right_w0 = w0 - eta * slope[1].item();
  // hole: w += 0 * x * y * eta, w0 += 0;
  const double a = std::exp(w * x + w0);
  w -= eta * 2 * (a - y) * a * x;
  w0 -= eta * 2 * (a - y) * a;
  // end
  answers.check("1a. w after the step", right_w, w);
  answers.check("1b. w0 after the step", right_w0, w0);

  // 2. Is the neuron max(w x + b, 0) off for every size in [0.5, 5]? Then it never learns.
  const auto never_learns = [](double weight, double bias) -> bool {
    // hole: return weight < 0 && bias < 0;
    return weight * 0.5 + bias <= 0 && weight * 5 + bias <= 0;  // a line is largest at an end
    // end
  };
  const Tensor sizes = linspace(0.5, 5.0, 46, float64);
  int wrong = 0;
  for (double weight = -2; weight <= 2; weight += 0.25)
    for (double bias = -6; bias <= 6; bias += 0.3) {
      const bool off = max(relu(weight * sizes + bias)).item() == 0;
      wrong += never_learns(weight, bias) == off ? 0 : 1;
    }
  answers.check("2. starts judged wrongly", 0, wrong);

  // 3. Weights and bias of step(w1 x1 + w2 x2 + b), with step(0) = 1.
  double or_w1 = 0, or_w2 = 0, or_b = 0;
  // hole: or_w1 = 1, or_w2 = 1, or_b = -2;
  or_w1 = 1, or_w2 = 1, or_b = -1;
  // end
  for (const int x1 : {0, 1})
    for (const int x2 : {0, 1})
      answers.check(fmt::format("3. {} OR {}", x1, x2), x1 + x2 > 0 ? 1 : 0,
                    or_w1 * x1 + or_w2 * x2 + or_b >= 0 ? 1 : 0);
  // There is none for exclusive or: b < 0, w1 + b >= 0 and w2 + b >= 0 give w1 + w2 + b >= -b > 0,
  // so (1, 1) is on as well. Chapter 5 needs a hidden layer for it.
  return answers.status();
}
