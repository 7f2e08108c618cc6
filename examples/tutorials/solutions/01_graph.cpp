// Exercises of chapter 1: a graph that remembers
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. J = p q with p = a + b and q = b + 1, at a = 1 and b = 2: your gradients, beside the tape's.
  double of_p = 0, of_q = 0, of_a = 0, of_b = 0;
  // hole: of_p = of_q = of_a = of_b = 0;
  of_p = 3;          // q
  of_q = 3;          // p
  of_a = of_p;       // a is used by p alone
  of_b = of_p + of_q;  // b is used by both
  // end
  const Tensor a = tensor(1.0, float64).requires_grad("a");
  const Tensor b = tensor(2.0, float64).requires_grad("b");
  const Tensor p = a + b, q = b + 1.0;
  const std::vector<Tensor> tape = grad(p * q, {p, q, a, b});
  answers.check("1a. dJ/dp", tape[0].item(), of_p);
  answers.check("1b. dJ/dq", tape[1].item(), of_q);
  answers.check("1c. dJ/da", tape[2].item(), of_a);
  answers.check("1d. dJ/db", tape[3].item(), of_b);

  // 2. The third derivative of u3 = u1 exp(u1 / 10), u1 = w x, with respect to w at (2, 3).
  const Tensor w = tensor(2.0, float64).requires_grad("w"), x = tensor(3.0, float64);
  const Tensor u1 = w * x, u3 = u1 * exp(u1 / 10.0);
  Tensor third = u3;
  // hole: third = grad(third, {w}, {.create_graph = true})[0];
  for (int order = 1; order <= 3; ++order) third = grad(third, {w}, {.create_graph = true})[0];
  // end
  answers.check("2. d3u3/dw3", 27 * std::exp(0.6) * (3.0 / 100 + 6.0 / 1000), third.item());

  // 3. s = sin(p) p^3 with p = a^2 at a = 1.1: ds/da by paths and by nodes.
  const double at = 1.1, square = at * at, cube = square * square * square;
  double by_paths = 0, by_nodes = 0;
  // hole: by_paths = by_nodes = cube;
  by_paths = cube * std::cos(square) * 2 * at                // a -> p -> q -> s
             + std::sin(square) * 3 * square * square * 2 * at;  // a -> p -> r -> s
  const double of_square = cube * std::cos(square) + std::sin(square) * 3 * square * square;
  by_nodes = of_square * 2 * at;  // p hands on once, when it is complete
  // end
  const Tensor leaf = tensor(at, float64).requires_grad("a");
  const Tensor node = leaf * leaf;
  const double truth = grad(sin(node) * pow(node, 3), {leaf})[0].item();
  answers.check("3a. ds/da, summed over paths", truth, by_paths);
  answers.check("3b. ds/da, by nodes", truth, by_nodes);
  return answers.status();
}
