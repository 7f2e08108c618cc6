#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/ops/recurrence.hpp>
#include <gradtape/autograd/runtime/work.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "support/bits.hpp"
#include "support/op_calls.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Inputs = std::vector<Tensor>;

/// f and the gradients of its inputs.
std::vector<Tensor> with_gradients(const Inputs& inputs,
                                   const std::function<Tensor(const Inputs&)>& f) {
  Inputs leaves;
  for (const auto& x : inputs) leaves.push_back(x.requires_grad());
  const Tensor y = f(leaves);
  Generator generator(5);
  y.backward(randn(y.shape(), y.dtype(), generator));
  std::vector<Tensor> out{y.detach()};
  for (const auto& leaf : leaves) out.push_back(leaf.grad());  // undefined where unused
  return out;
}

/// Inputs of these shapes, large enough that several threads share the work.
void check(const char* name, const std::vector<Shape>& shapes,
           const std::function<Tensor(const Inputs&)>& f) {
  INFO(name);
  Generator generator(1);
  Inputs inputs;
  for (const auto& shape : shapes) inputs.push_back(randn(shape, float32, generator));
  const auto run = [&] { return with_gradients(inputs, f); };
  const auto expected = with_threads(1, run);
  for (const int threads : {2, 3, 5}) {
    const auto found = with_threads(threads, run);
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(equal_bits(found[i], expected[i]));
  }
}

enum class Longer { last_axis, first_axis, all_axes };

Shape longer(Shape shape, Longer axes, std::int64_t factor) {
  for (int i = 0; i < shape.ndim(); ++i)
    if (axes == Longer::all_axes || i == (axes == Longer::first_axis ? 0 : shape.ndim() - 1))
      shape[i] *= factor;
  return shape;
}

/// Numbers in the ranges of the inputs of `sample`.
Inputs spread(const OpSample& sample, const std::vector<Shape>& shapes) {
  Generator generator(4);
  Inputs x;
  for (const auto& shape : shapes) {
    const auto [low, high] = sample.ranges[std::min(x.size(), sample.ranges.size() - 1)];
    x.push_back(low + (high - low) * rand(shape, float64, generator));
  }
  return x;
}

/// Inputs of at least 70'000 elements, or with a result of so many, which three threads share: of
/// `shapes` with axes of the first `count` made longer. Empty where the op takes no such inputs.
Inputs enlarged(const OpSample& sample, const std::vector<Shape>& shapes, Longer axes,
                std::size_t count) {
  const NoGrad no_grad;
  std::int64_t size = 0, before = -1, flops = 0;
  for (std::int64_t factor = 8; size > before && flops < 3'000'000; factor *= 2) {
    auto large = shapes;
    for (std::size_t i = 0; i < std::min(count, large.size()); ++i)
      large[i] = longer(large[i], axes, factor);
    Inputs x = spread(sample, large);
    before = size;
    try {
      const auto work = detail::work;
      size = sample.f(x).numel();
      flops = detail::work.since(work).flops;
    } catch (const Error&) {
      return {};
    }
    for (const auto& input : x) size = std::max(size, input.numel());
    if (size >= 70'000) return x;
  }
  return {};
}

/// Batches where the op takes them, else one large input.
Inputs large_inputs(const OpSample& sample) {
  auto all = sample.shapes;
  std::erase_if(all, [](const std::vector<Shape>& shapes) {
    return std::any_of(shapes.begin(), shapes.end(), [](const Shape& s) { return s.numel() == 0; });
  });
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a[0].ndim() > b[0].ndim(); });
  for (const auto axes : {Longer::first_axis, Longer::last_axis, Longer::all_axes})
    for (const std::size_t count : {std::size_t{8}, std::size_t{1}})
      for (const auto& shapes : all)
        if (auto x = enlarged(sample, shapes, axes, count); !x.empty()) return x;
  return {};
}

}  // namespace

TEST_CASE("ops and their gradients have the same bits for every number of threads") {
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
  check("causal attention", {{3, 200, 32}, {3, 200, 32}, {3, 200, 32}}, [](const Inputs& x) {
    return scaled_dot_product_attention(x[0], x[1], x[2], {.causal = true});
  });
  check("lstm", {{20, 50, 256}, {256, 64}, {50, 64}}, [](const Inputs& x) {
    return author::lstm({.input = x[0], .initial = {x[2], x[2]}, .weight = x[1]}).h;
  });
  check("embedding", {{50, 64}}, [&](const Inputs& x) { return embedding(x[0], rows); });
  check("solve", {{200, 200}, {200, 20}}, [](const Inputs& x) { return solve(x[0], x[1]); });
  check("cholesky", {{200, 200}},
        [](const Inputs& x) { return cholesky(matmul(x[0], transpose(x[0])) + 200.0 * eye(200)); });
}

TEST_CASE("every op has the same bits on one and on three threads, forward and backward") {
  std::set<std::string> done;  // one row a function is enough
  for (const auto& sample : op_samples()) {
    if (done.contains(title(sample) + sample.function)) continue;
    const Inputs x = large_inputs(sample);
    if (x.empty()) continue;
    done.insert(title(sample) + sample.function);
    std::string call = title(sample);
    for (const auto& input : x) call += " " + input.shape().str();
    CAPTURE(call);
    const auto run = [&] { return with_gradients(x, sample.f); };
    const auto one = with_threads(1, run), three = with_threads(3, run);
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(equal_bits(one[i], three[i]));
  }
  CHECK(done.size() >= 271);
}
