// Ops on every element, reductions and scans.
#include "workloads.hpp"

namespace bench {

Table elementwise_ops() {
  const std::vector<Input> many{normal({4000000})}, rows{normal({4096, 1000})};
  const std::vector<Input> two{normal({2048, 1024}), normal({2048, 1024})};
  return {
      op("tanh_4M", many, [](const Tensors& x) { return tanh(x[0]); }),
      op("gelu_4M", many, [](const Tensors& x) { return gelu(x[0]); }),
      op("exp_4M", many, [](const Tensors& x) { return exp(x[0]); }),
      op("sigmoid_4M", many, [](const Tensors& x) { return sigmoid(x[0]); }),
      op("silu_4M", many, [](const Tensors& x) { return silu(x[0]); }),
      op("relu_4M", many, [](const Tensors& x) { return relu(x[0]); }),
      op("erf_4M", many, [](const Tensors& x) { return erf(x[0]); }),
      op("add_2048x1024", two, [](const Tensors& x) { return x[0] + x[1]; }),
      op("mul_2048x1024", two, [](const Tensors& x) { return x[0] * x[1]; }),
      op("mul_rows_2048x1024", {normal({2048, 1024}), normal({1024})},
         [](const Tensors& x) { return x[0] * x[1]; }),
      op("mul_float64_1024x1024", {wide(normal({1024, 1024})), wide(normal({1024, 1024}))},
         [](const Tensors& x) { return x[0] * x[1]; }),
      op("sum_all_2048x2048", {normal({2048, 2048})}, [](const Tensors& x) { return sum(x[0]); }),
      op("sum_axis0_2048x2048", {normal({2048, 2048})},
         [](const Tensors& x) { return sum(x[0], 0); }),
      op("sum_axis1_2048x2048", {normal({2048, 2048})},
         [](const Tensors& x) { return sum(x[0], 1); }),
      op("softmax_4096x1000", rows, [](const Tensors& x) { return softmax(x[0], 1); }),
      op("log_softmax_4096x1000", rows, [](const Tensors& x) { return log_softmax(x[0], 1); }),
      op("logsumexp_4096x1000", rows, [](const Tensors& x) { return logsumexp(x[0], 1); }),
      op("cross_entropy_4096x1000", {normal({4096, 1000}), indices({4096}, 1000)},
         [](const Tensors& x) { return side::cross_entropy(x[0], x[1]); }),
      op("mse_loss_4M", {normal({4000000}), constant({4000000})},
         [](const Tensors& x) { return side::mse_loss(x[0], x[1]); }),
      op("cumsum_4096x1000", rows, [](const Tensors& x) { return cumsum(x[0], 1); }),
      op("cumsum_axis0_4096x1000", rows, [](const Tensors& x) { return cumsum(x[0], 0); }),
  };
}

}  // namespace bench
