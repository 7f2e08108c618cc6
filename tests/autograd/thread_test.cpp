#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parameter.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <thread>
#include <vector>

#include "support/close.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// Runs f(0) and f(1) at the same time.
void together(const std::function<void(int)>& f) {
  std::thread first(f, 0), second(f, 1);
  first.join();
  second.join();
}

struct Model {
  Parameter weight{sample({4, 3}, 1), "weight"}, bias{sample({4}, 2), "bias"};
  Tensor operator()(const Tensor& x) const { return tanh(linear(x, weight, bias)); }
};

}  // namespace

TEST_CASE("two threads record and differentiate two graphs") {
  const auto slope = [](int thread) {
    const Tensor x = scalar(1.0 + thread).requires_grad();
    Tensor y = x;
    for (int i = 0; i < 100; ++i) y = y * 1.001 + sin(y) * 0.001;
    y.backward();
    return x.grad();
  };
  const Tensor alone[] = {slope(0), slope(1)};
  std::vector<int> equal(2);
  together([&](int thread) {
    for (int repeat = 0; repeat < 50; ++repeat)
      equal[static_cast<std::size_t>(thread)] += array_equal(slope(thread), alone[thread]);
  });
  CHECK(equal == std::vector<int>{50, 50});
}

TEST_CASE("two threads infer with shared parameters") {
  const Model model;
  const Tensor x = sample({5, 3}, 3);
  const Tensor expected = model(x).detach();
  std::vector<int> equal(2);
  together([&](int thread) {
    const NoGrad no_grad;
    for (int repeat = 0; repeat < 200; ++repeat)
      equal[static_cast<std::size_t>(thread)] += array_equal(model(x), expected);
  });
  CHECK(equal == std::vector<int>{200, 200});
}

TEST_CASE("two threads add to the gradients of shared parameters") {
  const Model model;
  const Tensor x = sample({5, 3}, 3);
  for (int repeat = 0; repeat < 200; ++repeat) sum(model(x)).backward();
  const Tensor weight = model.weight.grad(), bias = model.bias.grad();
  model.weight.zero_grad();
  model.bias.zero_grad();
  together([&](int) {
    for (int repeat = 0; repeat < 100; ++repeat) {
      sum(model(x)).backward();
      (void)model.weight.grad();  // what a reader holds is never written to
    }
  });
  CHECK(array_equal(model.weight.grad(), weight));
  CHECK(array_equal(model.bias.grad(), bias));
}

TEST_CASE("NoGrad and the statistics of a pass belong to their thread") {
  const Tensor x = full({}, 2.0, float64).requires_grad();
  const NoGrad no_grad;
  bool recorded = false;
  std::size_t visits = 0;
  std::thread([&] {
    const Tensor y = x * x;
    recorded = y.is_tracked();
    y.backward();
    visits = last_pass().nodes_visited;
  }).join();
  CHECK(recorded);
  CHECK(visits == 2);
  CHECK_FALSE((x * x).is_tracked());
}

TEST_CASE(
    "a graph may be recorded in one thread, differentiated in a second and destroyed in a third") {
  const Tensor x = full({}, 1.5, float64).requires_grad();
  Tensor y;
  std::thread([&] {
    y = x;
    for (int i = 0; i < 1000; ++i) y = y * 1.001;
  }).join();
  Tensor slope;
  std::thread([&] { slope = grad(y, {x}, {.create_graph = true})[0]; }).join();
  CHECK(slope.item<double>() == close(std::pow(1.001, 1000), 1e-12));  // 1000 roundings
  std::thread([&] { y = slope = Tensor(); }).join();
  CHECK_FALSE(y.defined());
}
