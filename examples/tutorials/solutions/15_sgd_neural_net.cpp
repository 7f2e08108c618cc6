// Exercises of chapter 15: SGD-NEURAL-NET
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;

  // 1. The output pair sigmoid and nll, loss = -sum y log A + (1 - y) log(1 - A). Z, A, y: [n, 1].
  const auto f = [](const Tensor& Z) -> Tensor {
    // hole: return Z;
    return sigmoid(Z);
    // end
  };
  const auto dA_dZ = [](const Tensor& A) -> Tensor {
    // hole: return eye(A.size(0), A.size(0), float64);
    return diag(flatten(A * (1.0 - A)));
    // end
  };
  const auto dloss_dA = [](const Tensor& A, const Tensor& y) -> Tensor {
    // hole: return A + y;
    return (A - y) / (A * (1.0 - A));
    // end
  };
  const Tensor Z = tensor({{0.3}, {-1.2}}, float64), y = tensor({{1.0}, {0.0}}, float64);
  const Tensor A = f(Z), dZ = matmul(dA_dZ(A), dloss_dA(A, y));
  answers.check("1a. A_1", 1 / (1 + std::exp(-0.3)), A[0][0].item());
  answers.check("1b. dloss/dZ_1", 1 / (1 + std::exp(-0.3)) - 1, dZ[0][0].item());
  answers.check("1c. dloss/dZ_2", 1 / (1 + std::exp(1.2)), dZ[1][0].item());

  // 2. The deviation of the sum of m weights of deviation 1/sqrt(m) and an offset of deviation 1.
  const auto deviation = [](double m) -> double {
    // hole: return 1 / m;
    return std::sqrt(m * (1 / m) + 1);  // variances add up; m cancels
    // end
  };
  const Tensor weights = randn({20000, 100}, float64, Generator(1)) / 10.0;
  const Tensor z = sum(weights, 1) + randn({20000}, float64, Generator(2));
  answers.check("2. deviation of z for m = 100", stddev(z).item(), deviation(100), 0.02);
  return answers.status();
}
