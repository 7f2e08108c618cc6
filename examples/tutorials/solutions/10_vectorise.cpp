// Exercises of chapter 10: vectorise
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

/// The largest difference of two tensors, or 1 where their shapes differ.
double apart(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() ? max(abs(a - b)).item() : 1;
}

int main() {
  Answers answers;
  const Generator generator(10);
  const Tensor b = randn({4}, float64, generator);

  // 1. b as the n equal columns of a matrix [4, n], by a product with ones.
  const auto copies = [](const Tensor& bias, std::int64_t n) {
    // hole: return 0.0 * bias * static_cast<double>(n);
    return outer(bias, ones({n}, float64));
    // end
  };
  answers.check("1. difference to the copies", 0, apart(stack({b, b, b}, 1), copies(b, 3)));

  // 2. dJ/db for the deltas of 3 examples in rows, [3, 4].
  const Tensor delta = randn({3, 4}, float64, generator);
  const auto bias_gradient = [](const Tensor& deltas) {
    // hole: return deltas[0];
    return sum(deltas, 0);
    // end
  };
  const Tensor XW = randn({3, 4}, float64, generator);
  const Tensor truth = vjp([&](const Tensor& bias) { return XW + bias; }, b, delta);
  answers.check("2. difference to the tape", 0, apart(truth, bias_gradient(delta)));

  // 3. Two layers with ReLU for examples in rows: X [n, d], W1 [m, d], b1 [m], W2 [1, m], b2 [1]
  // -> o [n, 1].
  const Tensor X = randn({3, 2}, float64, generator), W1 = randn({4, 2}, float64, generator);
  const Tensor W2 = randn({1, 4}, float64, generator), b2 = randn({1}, float64, generator);
  const auto network = [&](const Tensor& x) {
    // hole: return zeros({x.size(0), 1}, float64);
    return linear(relu(linear(x, W1, b)), W2, b2);
    // end
  };
  std::vector<Tensor> one_by_one;
  for (std::int64_t i = 0; i < 3; ++i)
    one_by_one.push_back(matmul(W2, relu(matmul(W1, X[i]) + b)) + b2);
  answers.check("3. difference to one by one", 0, apart(stack(one_by_one), network(X)), 1e-12);

  // 4. delta1 [n, m] of that network for delta2 = dJ/do [n, 1]; Z [n, m] are the pre-activations.
  const Tensor Z = linear(X, W1, b), delta2 = randn({3, 1}, float64, generator);
  const auto delta1 = [&](const Tensor& d2) {
    // hole: return 0.0 * Z * d2;
    return matmul(d2, W2) * (Z > 0.0).to(float64);
    // end
  };
  const Tensor by_tape = vjp([&](const Tensor& z) { return linear(relu(z), W2, b2); }, Z, delta2);
  answers.check("4. difference to the tape", 0, apart(by_tape, delta1(delta2)), 1e-12);
  return answers.status();
}
