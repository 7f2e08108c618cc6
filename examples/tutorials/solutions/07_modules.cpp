// Exercises of chapter 7: modules: forward, backward, weight gradient
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  const Generator generator(8);

  // 1. dZ_k / dW_ij of Z = W^T X + W0.
  const auto entry = [](const Tensor& X, std::int64_t k, std::int64_t i, std::int64_t j) -> double {
    // hole: return X[0].item() * static_cast<double>(0 * (k + i + j));
    return k == j ? X[i].item() : 0;
    // end
  };
  const Tensor X = randn({4}, float64, generator), W = randn({4, 3}, float64, generator);
  const Tensor dZ_dW = jacobian([&](const Tensor& w) { return matmul(transpose(w), X); }, W);
  double wrong = 0;
  for (std::int64_t k = 0; k < 3; ++k)
    for (std::int64_t i = 0; i < 4; ++i)
      for (std::int64_t j = 0; j < 3; ++j)
        wrong += at(dZ_dW, {k, i, j}).item() == entry(X, k, i, j) ? 0 : 1;
  answers.check("1. entries of dZ/dW that are wrong, of 36", 0, wrong);

  // 2. The backward of v = ReLU(u).
  const auto relu_backward = [](const Tensor& u, const Tensor& v, const Tensor& dv) {
    // hole: return 0.0 * (u + v) + dv;
    (void)v;
    return dv * (u > 0.0).to(float64);
    // end
  };
  const Tensor u = tensor({-1.0, 0.5, 2.0, -0.3}, float64), dv = tensor({1.0, 2.0, 3.0, 4.0}, float64);
  const Tensor through_relu = vjp([](const Tensor& t) { return relu(t); }, u, dv);
  const Tensor your_relu = relu_backward(u, relu(u), dv);
  for (std::int64_t i = 0; i < 4; ++i)
    answers.check(fmt::format("2. dL/du{}", i + 1), through_relu[i].item(), your_relu[i].item());

  // 3. The backward of v_i = max(u_2i, u_2i+1): u and the result [2 n], v and dv [n]. Both of a pair
  // see dv_i; `repeat_interleave(t, 2)` writes every element twice.
  const auto maxout_backward = [](const Tensor& in, const Tensor& v, const Tensor& g) {
    // hole: return 0.0 * in + 0.0 * repeat_interleave(v * g, 2);
    return repeat_interleave(g, 2) * (in == repeat_interleave(v, 2)).to(float64);
    // end
  };
  const Tensor dv2 = tensor({5.0, 7.0}, float64);
  const Tensor through_maxout = vjp([](const Tensor& t) { return maxout(t, 2); }, u, dv2);
  const Tensor your_maxout = maxout_backward(u, maxout(u, 2), dv2);
  for (std::int64_t i = 0; i < 4; ++i)
    answers.check(fmt::format("3. dL/du{}", i + 1), through_maxout[i].item(), your_maxout[i].item());

  // 4. Rows and columns of the four factors of (6.6), from left to right, for n1 = 5 and n2 = 2.
  const std::vector<std::vector<double>> truth{{5, 5}, {5, 2}, {2, 2}, {2, 1}};
  // hole: const std::vector<std::vector<double>> yours{{0, 0}, {0, 0}, {0, 0}, {0, 0}};
  const std::vector<std::vector<double>> yours{{5, 5}, {5, 2}, {2, 2}, {2, 1}};
  // end
  const char* factors[] = {"dA1/dZ1", "W2", "dA2/dZ2", "dloss/dA2"};
  for (std::size_t i = 0; i < 4; ++i) {
    answers.check(fmt::format("4. rows of {}", factors[i]), truth[i][0], yours[i][0]);
    answers.check(fmt::format("4. columns of {}", factors[i]), truth[i][1], yours[i][1]);
  }

  // The operations of (6.6) for 100 units in every layer, a multiply-add being two: with the
  // products taken from the right, and from the left. Diagonal matrices are matrices only there.
  double from_right = 0, from_left = 0;
  // hole: from_right = from_left = 0;
  from_right = 100 + 2 * 100 * 100 + 100;  // product, matrix times vector, product
  from_left = 100 + 2e6 + 100 + 2e6 + 2 * 100 * 100;
  // end
  const Tensor wide = randn({100, 100}, float64, generator).requires_grad("W2");
  const auto numbers = [&] { return randn({100}, float64, generator).requires_grad(); };
  const Tensor slope1 = numbers(), slope2 = numbers(), at_loss = numbers();
  const Tensor right = slope1 * matmul(wide, slope2 * at_loss);
  const Tensor left = matmul(matmul(matmul(diag(slope1), wide), diag(slope2)), at_loss);
  const auto flops = [](const Tensor& t) {
    return cost(t, ones({100}, float64)).total.forward_flops;
  };
  answers.check("4. operations from the right", flops(right), from_right);
  answers.check("4. operations from the left", flops(left), from_left);
  return answers.status();
}
