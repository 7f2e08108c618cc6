#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parallel.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <vector>

using namespace gradtape;

namespace {

using Inputs = std::vector<Tensor>;

/// Sets the number of threads back.
struct Threads {
  const int before = num_threads();
  ~Threads() { set_num_threads(before); }
};

/// f and the gradients of its inputs, by `threads` threads.
std::vector<Tensor> with_gradients(const Inputs& inputs,
                                   const std::function<Tensor(const Inputs&)>& f, int threads) {
  set_num_threads(threads);
  Inputs leaves;
  for (const auto& x : inputs) leaves.push_back(x.requires_grad());
  const Tensor y = f(leaves);
  Generator generator(5);
  y.backward(randn(y.shape(), y.dtype(), generator));
  std::vector<Tensor> out{y.detach()};
  for (const auto& leaf : leaves) out.push_back(leaf.grad());
  return out;
}

/// Inputs of these shapes, large enough that several threads share the work.
void check(const char* name, const std::vector<Shape>& shapes,
           const std::function<Tensor(const Inputs&)>& f) {
  INFO(name);
  Generator generator(1);
  Inputs inputs;
  for (const auto& shape : shapes) inputs.push_back(randn(shape, float32, generator));
  const auto expected = with_gradients(inputs, f, 1);
  for (const int threads : {2, 3, 5}) {
    const auto found = with_gradients(inputs, f, threads);
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(array_equal(found[i], expected[i]));
  }
}

}  // namespace

TEST_CASE("ops and their gradients have the same bits for every number of threads") {
  const Threads threads;
  check("linear", {{64, 300}, {500, 300}, {500}},
        [](const Inputs& x) { return linear(x[0], x[1], x[2]); });
  check("matmul of batches", {{16, 64, 48}, {16, 48, 80}},
        [](const Inputs& x) { return matmul(x[0], x[1]); });
  check("matmul by a vector", {{700, 300}, {300}},
        [](const Inputs& x) { return matmul(x[0], x[1]); });
  check("conv2d of few channels", {{16, 3, 28, 28}, {16, 3, 5, 5}, {16}},
        [](const Inputs& x) { return conv2d(x[0], x[1], x[2], {.padding = 2}); });
  check("conv2d of many channels", {{8, 32, 14, 14}, {64, 32, 3, 3}, {64}},
        [](const Inputs& x) { return conv2d(x[0], x[1], x[2], {.padding = 1}); });
  check("max_pool2d", {{16, 8, 28, 28}}, [](const Inputs& x) { return max_pool2d(x[0], 2); });
  check("layer_norm", {{512, 256}}, [](const Inputs& x) { return layer_norm(x[0], {256}); });
  check("softmax", {{512, 256}}, [](const Inputs& x) { return softmax(x[0], 1); });
  check("sum over rows", {{5000, 60}}, [](const Inputs& x) { return sum(x[0], 0); });
  check("mean", {{300'000}}, [](const Inputs& x) { return mean(square(x[0])); });
  check("var", {{500, 300}}, [](const Inputs& x) { return var(x[0], 0); });
  check("broadcasting", {{4000, 60}, {60}},
        [](const Inputs& x) { return tanh(x[0] + x[1]) * x[1]; });
  check("attention", {{4, 4, 64, 32}, {4, 4, 64, 32}, {4, 4, 64, 32}}, [](const Inputs& x) {
    return scaled_dot_product_attention(x[0], x[1], x[2], {.causal = true});
  });
  Generator generator(2);
  const Tensor rows = randint(0, 50, {4000}, generator);
  check("embedding", {{50, 64}}, [&](const Inputs& x) { return embedding(x[0], rows); });
  check("solve", {{200, 200}, {200, 20}}, [](const Inputs& x) { return solve(x[0], x[1]); });
  check("cholesky", {{200, 200}},
        [](const Inputs& x) { return cholesky(matmul(x[0], transpose(x[0])) + 200.0 * eye(200)); });
}
