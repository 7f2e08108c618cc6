#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parameter.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <thread>
#include <vector>

using namespace gradtape;

namespace {

/// Runs f(0) and f(1) at the same time.
void together(const std::function<void(int)>& f) {
  std::thread first(f, 0), second(f, 1);
  first.join();
  second.join();
}

Tensor sample(const Shape& shape, std::uint64_t seed) {
  Generator generator(seed);
  return randn(shape, float64, generator);
}

struct Model {
  Parameter weight{sample({4, 3}, 1), "weight"}, bias{sample({4}, 2), "bias"};
  Tensor operator()(const Tensor& x) const { return tanh(linear(x, weight, bias)); }
};

}  // namespace

TEST_CASE("two threads record and differentiate two graphs") {
  std::vector<Tensor> slopes(2);
  together([&](int thread) {
    for (int repeat = 0; repeat < 50; ++repeat) {
      const Tensor x = full({}, 1.0 + thread, float64).requires_grad();
      Tensor y = x;
      for (int i = 0; i < 100; ++i) y = y * 1.001 + sin(y) * 0.001;
      y.backward();
      slopes[static_cast<std::size_t>(thread)] = x.grad();
    }
  });
  CHECK(slopes[0].item<double>() > 1);
  CHECK(slopes[0].item<double>() != slopes[1].item<double>());
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
  sum(model(x)).backward();
  const Tensor once = model.weight.grad();
  model.weight.zero_grad();
  model.bias.zero_grad();
  together([&](int) {
    for (int repeat = 0; repeat < 100; ++repeat) {
      sum(model(x)).backward();
      (void)model.weight.grad();  // what a reader holds is never written to
    }
  });
  CHECK(allclose(model.weight.grad(), 200.0 * once, 1e-12));
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
  CHECK(slope.item<double>() == doctest::Approx(std::pow(1.001, 1000)));
  std::thread([&] { y = slope = Tensor(); }).join();
  CHECK_FALSE(y.defined());
}
