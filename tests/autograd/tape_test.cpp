#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "support/close.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

// ---- recording ----

TEST_CASE("an op is recorded only where an input is tracked") {
  const Tensor x = leaf(3), c = scalar(2);
  CHECK((x * c).is_tracked());
  CHECK_FALSE((c * c).is_tracked());
  CHECK_FALSE((x * c).is_leaf());
  CHECK(x.is_leaf());
  CHECK_FALSE((x > c).is_tracked());
  CHECK_FALSE(x.detach().is_tracked());
  CHECK(value(x.detach()) == 3);
}

TEST_CASE("NoGrad stops recording in its scope, and nests") {
  const Tensor x = leaf(3);
  {
    const NoGrad outer;
    {
      const NoGrad inner;
      CHECK_FALSE(recording());
    }
    CHECK_FALSE(recording());
    CHECK_FALSE((x * x).is_tracked());
  }
  CHECK(recording());
  CHECK((x * x).is_tracked());
}

TEST_CASE("record refuses what cannot be differentiated") {
  const Tensor x = leaf(1);
  const auto pass = [](const Tensor& g) { return g; };
  CHECK(error<GraphError>([&] {
          (void)record("mine", scalar(1), {x, x}, {pass});
        }) == "mine: record got 2 inputs and 1 vjps; one vjp per input is needed");
  CHECK(error<GraphError>([&] { (void)record("mine", scalar(1), std::vector<Tensor>{x}, {}); }) ==
        "mine: record got 1 inputs and 0 vjps; one vjp per input is needed");
  CHECK(error<GraphError>([&] { (void)record("mine", scalar(1), {x}, {Vjp()}); }) ==
        "mine: record got an undefined vjp");
  CHECK(error<GraphError>([&] {
          (void)record("mine", {scalar(1), scalar(1)}, {x}, JointVjp());
        }) == "mine: record got an undefined vjp");
  CHECK(error<GraphError>([&] { (void)record("mine", Tensor(), {x}, {pass}); }) ==
        "mine: record got an undefined value");
  CHECK_FALSE(record("mine", tensor({1, 2}), {x}, {pass}).is_tracked());
  CHECK(error<DtypeError>([] {
          (void)tensor({1, 2}).requires_grad();
        }) == "requires_grad: only float32 and float64 differentiate, got int64");
}

TEST_CASE("an op computed from literals alone is a literal") {
  CHECK((Tensor(2.0) * 3.0).is_weak());
  CHECK((tensor({1.0f}) * (Tensor(2.0) * 3.0)).dtype() == float32);
  CHECK_FALSE(Tensor(2.0).requires_grad().is_weak());
}

TEST_CASE("a tape lists names, shapes, dtypes and inputs in recording order") {
  const Tensor x = vec({1, 2}).requires_grad("x"), y = sum(exp(x) * x);
  const Tape tape(y);
  REQUIRE(tape.size() == 4);
  const std::vector<std::string> names{tape.name(0), tape.name(1), tape.name(2), tape.name(3)};
  CHECK(names == std::vector<std::string>{"leaf", "exp", "mul", "sum"});
  CHECK(tape.shape(1) == Shape{2});
  CHECK(tape.shape(3) == Shape{});
  CHECK(tape.dtype(3) == float64);
  CHECK(std::vector(tape.inputs(2).begin(), tape.inputs(2).end()) ==
        std::vector<std::uint32_t>{1, 0});
  CHECK(tape.inputs(0).empty());
  CHECK(tape.position(x) == 0);
  CHECK(tape.position(y) == 3);
  const Tape other(exp(y));
  CHECK(tape.position(y) == 3);
  CHECK(tape.position(scalar(1)) == 4);
  CHECK(tape.position(leaf(1)) == 4);
  CHECK(tape.position(exp(y)) == 4);
}

TEST_CASE("a tape with many leaves keeps them apart") {
  std::vector<Tensor> x;
  for (int i = 0; i < 100; ++i) x.push_back(leaf(i));
  Tensor y = scalar(0);
  for (int repeat = 0; repeat < 2; ++repeat)
    for (int i = 0; i < 100; ++i) y = y + x[static_cast<std::size_t>(i)] * static_cast<double>(i);
  const auto g = grad(y, x);
  for (int i = 0; i < 100; ++i) CHECK(value(g[static_cast<std::size_t>(i)]) == 2 * i);
}

// ---- backward and grad ----

TEST_CASE("backward accumulates into the leaves, and zero_grad drops what was there") {
  const Tensor x = leaf(3), y = leaf(5);
  (x * y + x).backward();
  CHECK(value(x.grad()) == 6);
  CHECK(value(y.grad()) == 3);
  (x * x).backward();
  CHECK(value(x.grad()) == 12);
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
  CHECK(value(y.grad()) == 3);
}

TEST_CASE("a seed is the cotangent of the output, and broadcasts to it") {
  const Tensor x = vec({1, 2, 3}).requires_grad();
  (x * x).backward(vec({1, 10, 100}));
  CHECK(array_equal(x.grad(), vec({2, 40, 600})));
  x.zero_grad();
  (x * x).backward(2.0);
  CHECK(array_equal(x.grad(), vec({4, 8, 12})));
  CHECK(array_equal(grad(x * x, {x}, {.seed = vec({1, 0, 0})})[0], vec({2, 0, 0})));
  x.zero_grad();
  x.backward(vec({7, 8, 9}));
  CHECK(array_equal(x.grad(), vec({7, 8, 9})));
  CHECK(error<GraphError>([&] { (x * x).backward(); }) ==
        "backward: the output has shape [3]; without a seed (its cotangent) it must have one "
        "element. Reduce it with "
        "sum() or mean(), or pass a seed");
  CHECK(error<ShapeError>([&] {
          (x * x).backward(vec({1, 2}));
        }) == "backward: the seed's shape [2] does not broadcast to the output's [3]");
  CHECK(error<DtypeError>([&] { (x * x).backward(ones({3})); }) ==
        "backward: the seed is float32, the output float64");
  CHECK(error<GraphError>([&] { (void)grad({x * x}, {}, {x}); }) == "grad: 1 outputs, but 0 seeds");
}

TEST_CASE("an untracked output or input is an error that says so") {
  const Tensor x = leaf(1), c = scalar(2);
  const std::string text =
      "the output is not tracked: none of its inputs requires a gradient, or they are frozen, or "
      "it was computed under NoGrad or detached (see docs/errors.md#not-tracked)";
  CHECK(error<GraphError>([&] { (c * c).backward(); }) == "backward: " + text);
  CHECK(error<GraphError>([&] { (void)grad(c * c, {x}); }) == "grad: " + text);
  CHECK(error<GraphError>([&] { (void)grad(x * c, {c}); }) ==
        "grad: input 0 is not tracked; make it a leaf with requires_grad() before computing the "
        "output");
  CHECK(error<GraphError>([&] { (void)(x * c).grad(); }) ==
        "grad: only a leaf accumulates a gradient; make one with requires_grad(), or ask for the "
        "gradient of an "
        "intermediate tensor with grad(output, {tensor})");
  CHECK(error<GraphError>([&] { c.register_hook([](const Tensor& g) { return g; }); }) ==
        "register_hook: this tensor is not tracked, so it has no gradient");
}

TEST_CASE("grad gives the gradient of any tracked tensor and touches no leaf") {
  const Tensor x = leaf(3), h = x * x, y = h * h * x;
  const auto g = grad(y, {x, h, y, x}, {.retain_graph = true});
  CHECK(value(g[0]) == 5 * 81);
  CHECK(value(g[1]) == 2 * 9 * 3);
  CHECK(value(g[2]) == 1);
  CHECK(value(g[3]) == 5 * 81);
  CHECK_FALSE(x.grad().defined());
  CHECK_FALSE(g[0].is_tracked());
}

TEST_CASE("grad of several outputs is the gradient of their weighted sum") {
  const Tensor x = leaf(3), y = x * x, z = y * x;
  CHECK(value(grad({y, z}, {scalar(10), Tensor()}, {x})[0]) == 10 * 6 + 27);
  const Tensor w = x * 2.0;
  CHECK(value(grad({w, w}, {scalar(1), scalar(10)}, {x})[0]) == 22);
}

TEST_CASE("an unused input is an error unless allowed") {
  const Tensor x = leaf(3), other = leaf(4, "other");
  CHECK(error<GraphError>([&] {
          (void)grad(x * x, {x, other});
        }) ==
        "grad: the output does not depend on input 1 'other' []; pass {.allow_unused = true} to "
        "get an undefined tensor for it");
  const auto g = grad(x * x, {other, x}, {.allow_unused = true});
  CHECK_FALSE(g[0].defined());
  CHECK(value(g[1]) == 6);
}

TEST_CASE("a gradient is differentiated again, and again") {
  const Tensor x = leaf(1.5);
  Tensor y = x * x * x * x;
  for (double expected : {4 * 1.5 * 1.5 * 1.5, 12 * 1.5 * 1.5, 24 * 1.5, 24.0}) {
    y = grad(y, {x}, {.create_graph = true})[0];
    CHECK(value(y) == close(expected, 1e-12));
  }
}

TEST_CASE("the gradient of a gradient flows into the seed and into every leaf") {
  const Tensor x = leaf(3), y = leaf(5), seed = leaf(7);
  const Tensor slope = grad(x * x * y, {x}, {.create_graph = true, .seed = seed})[0];  // 2 x y seed
  slope.backward();
  CHECK(value(x.grad()) == 2 * 5 * 7);
  CHECK(value(y.grad()) == 2 * 3 * 7);
  CHECK(value(seed.grad()) == 2 * 3 * 5);
  const Tensor plain = grad(x * x, {x}, {.seed = seed})[0];
  CHECK_FALSE(plain.is_tracked());
}

// ---- what is called, kept and released ----

TEST_CASE("a vjp that nobody needs is never called") {
  int left = 0, right = 0;
  const auto product = [&](const Tensor& a, const Tensor& b) {
    return record("product", (a * b).detach(), {a, b},
                  {[&, b](const Tensor& g) { return ++left, g * b; },
                   [&, a](const Tensor& g) { return ++right, g * a; }});
  };
  const Tensor x = leaf(2), y = leaf(3), c = scalar(4);
  product(c, x).backward();
  CHECK(left == 0);
  CHECK(right == 1);
  CHECK(value(grad(product(x, y), {x})[0]) == 3);
  CHECK(left == 1);
  CHECK(right == 1);
  const Tensor h = product(x, y);
  CHECK(value(grad(product(h, h), {h})[0]) == 12);
  CHECK(left == 2);
  CHECK(right == 2);
}

TEST_CASE("a released graph is refused, a retained one may be walked again") {
  const Tensor x = leaf(3);
  Tensor y = x * x;
  y.backward();
  const std::string text =
      "the graph behind 'mul' was released by an earlier backward pass; give that pass "
      "{.retain_graph = true}, or compute the output again (see docs/errors.md#released)";
  CHECK(error<GraphError>([&] { y.backward(); }) == "backward: " + text);
  CHECK(error<GraphError>([&] { (void)grad(exp(y), {x}); }) == "grad: " + text);
  CHECK(error<GraphError>([&] { (void)grad(exp(y) + x, {x}); }) == "grad: " + text);
  CHECK(value(x.grad()) == 6);
  y = x * x;
  y.backward({.retain_graph = true});
  y.backward({.retain_graph = true});
  (void)grad(y, {x}, {.create_graph = true});
  y.backward();
  CHECK(value(x.grad()) == 24);
}

TEST_CASE("grad walks and releases only what lies between the inputs and the output") {
  const Tensor x = leaf(3), h = x * x, y = h * 2.0;
  const Tensor g = grad(y, {h})[0];
  CHECK(last_pass().nodes_visited == 2);
  h.backward(g);
  CHECK(value(x.grad()) == 12);
  CHECK(value(grad(exp(h * 0.0), {h})[0]) ==
        0);  // behind h everything is released, in front of it nothing
}

TEST_CASE(
    "releasing a graph frees what its vjps captured, and dropping the output frees the rest") {
  const Tensor x = leaf(3);
  const auto big = std::make_shared<int>(1);
  const auto make = [&] {
    return square_with(x, [big, x](const Tensor& g) { return g * 2.0 * x; });
  };
  Tensor y = make();
  CHECK(big.use_count() == 2);
  y.backward({.retain_graph = true});
  CHECK(big.use_count() == 2);
  y.backward();
  CHECK(big.use_count() == 1);
  y = make();
  y = exp(y);
  CHECK(big.use_count() == 2);
  y = Tensor();
  CHECK(big.use_count() == 1);
}

TEST_CASE("memory is freed while the walk goes on") {
  const Tensor x = leaf(1);
  const auto captured = std::make_shared<int>(1);
  std::vector<long> alive;
  Tensor y = x;
  for (int i = 0; i < 4; ++i)
    y = square_with(y, [&alive, captured, y](const Tensor& g) {
      alive.push_back(captured.use_count());
      return g * 2.0 * y;
    });
  y.backward();
  CHECK(alive == std::vector<long>{5, 4, 3, 2});
}

TEST_CASE("an op's own result, taken as the second argument, makes no cycle") {
  const auto captured = std::make_shared<int>(1);
  {
    const Tensor x = leaf(0.5);
    const auto my_exp = [&](const Tensor& x) {
      return record("my_exp", exp(x).detach(), {x},
                    {[captured](const Tensor& g, const Tensor& y) { return g * y; }});
    };
    const Tensor y = my_exp(my_exp(x));
    CHECK(captured.use_count() == 3);
    const Tensor slope = grad(y, {x}, {.create_graph = true})[0];
    CHECK(value(grad(slope, {x})[0]) == close(value(slope) * (1 + std::exp(0.5)), 1e-12));
  }
  CHECK(captured.use_count() == 1);
}

TEST_CASE("a large captured functor lives on the heap and is destroyed once") {
  const auto captured = std::make_shared<int>(1);
  const Tensor x = leaf(3);
  Tensor y = square_with(
      x, [a = x, b = x, c = x, captured](const Tensor& g) { return g * (a + b + c) * (2.0 / 3); });
  y.backward();
  CHECK(value(x.grad()) == close(6, 1e-12));
  CHECK(captured.use_count() == 1);
}

TEST_CASE("a failing vjp leaves the gradients of the leaves alone") {
  const Tensor x = leaf(3), y = leaf(4);
  const Tensor z =
      square_with(
          x, [](const Tensor&) -> Tensor { fail<ValueError>("my_square", "no gradient today"); }) +
      y * y;
  CHECK(error<ValueError>([&] { z.backward(); }) == "my_square: no gradient today");
  CHECK_FALSE(x.grad().defined());
  CHECK_FALSE(y.grad().defined());
  CHECK(recording());
}
