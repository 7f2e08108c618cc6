#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

using namespace gradtape;

namespace {

Tensor scalar(double x) { return full({}, x, float64); }
Tensor leaf(double x, std::string name = {}) { return scalar(x).requires_grad(std::move(name)); }
double value(const Tensor& x) { return x.item<double>(); }
Tensor vec(std::vector<double> x) { return tensor(x); }

template <class E, class F>
std::string error(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("another type: ") + e.what();
  }
  return "no error";
}

/// The square of x by an op whose vjp is `vjp(g)`.
template <class F>
Tensor square_with(const Tensor& x, F vjp) {
  return record("my_square", (x * x).detach(), {x}, {vjp});
}

/// [x y, x + y] as one node, which counts the calls of its vjp and remembers which cotangents arrived.
struct TwoOutputs {
  int calls = 0;
  std::vector<bool> arrived, needed;

  std::vector<Tensor> operator()(const Tensor& x, const Tensor& y) {
    return record("two_outputs", {(x * y).detach(), (x + y).detach()}, {x, y},
                  [this, x, y](std::span<const Tensor> g, const std::vector<bool>& wanted) {
                    ++calls;
                    arrived = {g[0].defined(), g[1].defined()};
                    needed = wanted;
                    std::vector<Tensor> result(2);
                    for (int i = 0; i < 2; ++i) {
                      if (g[0].defined()) result[i] = g[0] * (i == 0 ? y : x);
                      if (g[1].defined()) result[i] = result[i].defined() ? result[i] + g[1] : g[1];
                    }
                    return result;
                  });
  }
};

}  // namespace

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
  CHECK(error<GraphError>([&] { record("mine", scalar(1), {x, x}, {pass}); }) ==
        "mine: record got 2 inputs and 1 vjps; one vjp per input is needed");
  CHECK(error<GraphError>([&] { record("mine", scalar(1), std::vector<Tensor>{x}, {}); }) ==
        "mine: record got 1 inputs and 0 vjps; one vjp per input is needed");
  CHECK(error<GraphError>([&] { record("mine", scalar(1), {x}, {Vjp()}); }) == "mine: record got an undefined vjp");
  CHECK(error<GraphError>([&] { record("mine", {scalar(1), scalar(1)}, {x}, JointVjp()); }) ==
        "mine: record got an undefined vjp");
  CHECK(error<GraphError>([&] { record("mine", Tensor(), {x}, {pass}); }) == "mine: record got an undefined value");
  CHECK_FALSE(record("mine", tensor({1, 2}), {x}, {pass}).is_tracked());
  CHECK(error<DtypeError>([] { tensor({1, 2}).requires_grad(); }) ==
        "requires_grad: only float32 and float64 differentiate, got int64");
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
  CHECK(std::vector(tape.inputs(2).begin(), tape.inputs(2).end()) == std::vector<std::uint32_t>{1, 0});
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
        "backward: the output has shape [3]; without a seed (its cotangent) it must have one element. Reduce it with "
        "sum() or mean(), or pass a seed");
  CHECK(error<ShapeError>([&] { (x * x).backward(vec({1, 2})); }) ==
        "backward: the seed's shape [2] does not broadcast to the output's [3]");
  CHECK(error<DtypeError>([&] { (x * x).backward(ones({3})); }) == "backward: the seed is float32, the output float64");
  CHECK(error<GraphError>([&] { grad({x * x}, {}, {x}); }) == "grad: 1 outputs, but 0 seeds");
}

TEST_CASE("an untracked output or input is an error that says so") {
  const Tensor x = leaf(1), c = scalar(2);
  const std::string text = "the output is not tracked: none of its inputs requires a gradient, or it was computed "
                           "under NoGrad or detached";
  CHECK(error<GraphError>([&] { (c * c).backward(); }) == "backward: " + text);
  CHECK(error<GraphError>([&] { grad(c * c, {x}); }) == "grad: " + text);
  CHECK(error<GraphError>([&] { grad(x * c, {c}); }) ==
        "grad: input 0 is not tracked; make it a leaf with requires_grad() before computing the output");
  CHECK(error<GraphError>([&] { (x * c).grad(); }) ==
        "grad: only a leaf accumulates a gradient; make one with requires_grad(), or ask for the gradient of an "
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
  CHECK(error<GraphError>([&] { grad(x * x, {x, other}); }) ==
        "grad: the output does not depend on input 1 'other' []; pass {.allow_unused = true} to get an undefined tensor for it");
  const auto g = grad(x * x, {other, x}, {.allow_unused = true});
  CHECK_FALSE(g[0].defined());
  CHECK(value(g[1]) == 6);
}

TEST_CASE("a gradient is differentiated again, and again") {
  const Tensor x = leaf(1.5);
  Tensor y = x * x * x * x;
  for (double expected : {4 * 1.5 * 1.5 * 1.5, 12 * 1.5 * 1.5, 24 * 1.5, 24.0}) {
    y = grad(y, {x}, {.create_graph = true})[0];
    CHECK(value(y) == doctest::Approx(expected));
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
    return record("product", (a * b).detach(), {a, b}, {[&, b](const Tensor& g) { return ++left, g * b; },
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
  const std::string text = "the graph behind 'mul' was released by an earlier backward pass; give that pass "
                           "{.retain_graph = true}, or compute the output again";
  CHECK(error<GraphError>([&] { y.backward(); }) == "backward: " + text);
  CHECK(error<GraphError>([&] { grad(exp(y), {x}); }) == "grad: " + text);
  CHECK(error<GraphError>([&] { grad(exp(y) + x, {x}); }) == "grad: " + text);
  CHECK(value(x.grad()) == 6);
  y = x * x;
  y.backward({.retain_graph = true});
  y.backward({.retain_graph = true});
  grad(y, {x}, {.create_graph = true});
  y.backward();
  CHECK(value(x.grad()) == 24);
}

TEST_CASE("grad walks and releases only what lies between the inputs and the output") {
  const Tensor x = leaf(3), h = x * x, y = h * 2.0;
  const Tensor g = grad(y, {h})[0];
  CHECK(last_pass().nodes_visited == 2);
  h.backward(g);
  CHECK(value(x.grad()) == 12);
  CHECK(value(grad(exp(h * 0.0), {h})[0]) == 0);  // behind h everything is released, in front of it nothing
}

TEST_CASE("releasing a graph frees what its vjps captured, and dropping the output frees the rest") {
  const Tensor x = leaf(3);
  const auto big = std::make_shared<int>(1);
  const auto make = [&] { return square_with(x, [big, x](const Tensor& g) { return g * 2.0 * x; }); };
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
      return record("my_exp", exp(x).detach(), {x}, {[captured](const Tensor& g, const Tensor& y) { return g * y; }});
    };
    const Tensor y = my_exp(my_exp(x));
    CHECK(captured.use_count() == 3);
    const Tensor slope = grad(y, {x}, {.create_graph = true})[0];
    CHECK(value(grad(slope, {x})[0]) == doctest::Approx(value(slope) * (1 + std::exp(0.5))));
  }
  CHECK(captured.use_count() == 1);
}

TEST_CASE("a large captured functor lives on the heap and is destroyed once") {
  const auto captured = std::make_shared<int>(1);
  const Tensor x = leaf(3);
  Tensor y = square_with(x, [a = x, b = x, c = x, captured](const Tensor& g) { return g * (a + b + c) * (2.0 / 3); });
  y.backward();
  CHECK(value(x.grad()) == doctest::Approx(6));
  CHECK(captured.use_count() == 1);
}

TEST_CASE("a failing vjp leaves the gradients of the leaves alone") {
  const Tensor x = leaf(3), y = leaf(4);
  const Tensor z = square_with(x, [](const Tensor&) -> Tensor { fail<ValueError>("my_square", "no gradient today"); }) + y * y;
  CHECK(error<ValueError>([&] { z.backward(); }) == "my_square: no gradient today");
  CHECK_FALSE(x.grad().defined());
  CHECK_FALSE(y.grad().defined());
  CHECK(recording());
}

// ---- aliases: gradients are accumulated in place only where nobody sees it ----

TEST_CASE("accumulation never changes what users hold") {
  const Tensor x = vec({1, 2}).requires_grad();
  (x * 3.0).backward(vec({1, 1}));
  const Tensor kept = x.grad();
  (x * 3.0).backward(vec({1, 1}));
  CHECK(array_equal(kept, vec({3, 3})));
  CHECK(array_equal(x.grad(), vec({6, 6})));

  const Tensor seed = vec({1, 1});
  x.zero_grad();
  (x + x).backward(seed);
  (x + x).backward(seed);
  CHECK(array_equal(seed, vec({1, 1})));
  CHECK(array_equal(x.grad(), vec({4, 4})));
}

TEST_CASE("branches that share one cotangent do not write into each other's") {
  for (std::int64_t n : {1, 3, 1000}) {
    const Tensor x = ones({n}, float64).requires_grad(), y = ones({n}, float64).requires_grad();
    const Tensor z = x + y;
    sum(z + z * 2.0 + x + reshape(y, {n, 1}) * 5.0 + x * x).backward();
    const double m = static_cast<double>(n);
    CHECK(array_equal(x.grad(), full({n}, m * (3 + 1 + 2), float64)));
    CHECK(array_equal(y.grad(), full({n}, m * (3 + 5), float64)));
    x.zero_grad();
    y.zero_grad();
    x.backward(ones({n}, float64));
    (x + y).backward(full({n}, 2, float64));
    y.backward(ones({n}, float64));
    CHECK(array_equal(x.grad(), full({n}, 3, float64)));
    CHECK(array_equal(y.grad(), full({n}, 3, float64)));
  }
}

TEST_CASE("a vjp or hook may return what it captured without tying the leaf to itself") {
  const auto captured = std::make_shared<int>(1);
  {
    const Tensor x = leaf(3), y = leaf(4);
    record("mine", scalar(1), {x}, {[x, captured](const Tensor&) { return x; }}).backward();
    CHECK(value(x.grad()) == 3);
    CHECK_FALSE(x.grad().is_tracked());
    y.register_hook([x, captured](const Tensor&) { return x; });
    (y * y).backward();
    CHECK(value(y.grad()) == 3);
    CHECK_FALSE(y.grad().is_tracked());
  }
  CHECK(captured.use_count() == 1);
}

// ---- hooks ----

TEST_CASE("a hook sees the whole gradient of its tensor, once a pass, and may replace it") {
  const Tensor x = vec({1, 2}).requires_grad("x"), h = x * x;
  std::vector<double> seen;
  h.register_hook([&](const Tensor& g) {
    CHECK(g.shape() == Shape{2});
    seen.push_back(value(sum(g)));
    return Tensor();
  });
  sum(h + h * 2.0).backward({.retain_graph = true});
  CHECK(seen == std::vector<double>{6});
  CHECK(array_equal(x.grad(), vec({6, 12})));
  h.register_hook([](const Tensor& g) { return g * 10.0; });
  x.register_hook([](const Tensor&) { return Tensor(1.0); });
  CHECK(array_equal(grad(sum(h), {h}, {.retain_graph = true})[0], vec({10, 10})));
  x.zero_grad();
  sum(h).backward();
  CHECK(array_equal(x.grad(), vec({1, 1})));
  x.register_hook([](const Tensor&) { return vec({1, 2, 3}); });
  CHECK(error<ShapeError>([&] { sum(x).backward(); }) ==
        "'x': its hook returned a gradient of shape [3] for 'x', whose shape is [2]");
}

TEST_CASE("a hook may register another, which counts from the next pass") {
  const Tensor x = leaf(2);
  int calls = 0;
  x.register_hook([&](const Tensor&) {
    for (int i = 0; i < 10; ++i) x.register_hook([&](const Tensor&) { return ++calls, Tensor(); });
    return Tensor();
  });
  (x * x).backward();
  CHECK(calls == 0);
  (x * x).backward();
  CHECK(calls == 10);
  x.zero_grad();
}

// ---- what vjps return ----

TEST_CASE("an undefined result of a vjp means zero") {
  const Tensor x = leaf(3), y = square_with(x, [](const Tensor&) { return Tensor(); });
  (y + x).backward();
  CHECK(value(x.grad()) == 1);
  CHECK_FALSE(grad(square_with(x, [](const Tensor&) { return Tensor(); }), {x}, {.allow_unused = true})[0].defined());
}

TEST_CASE("a result of a vjp is summed or broadcast to the input's shape, and a literal takes its dtype") {
  const Tensor x = ones({3, 1}).requires_grad();
  const auto with = [&](auto vjp) {
    x.zero_grad();
    record("mine", ones({2, 3, 4}), {x}, {vjp}).backward(1.0);
    return x.grad();
  };
  CHECK(array_equal(with([](const Tensor& g) { return g; }), full({3, 1}, 8)));
  CHECK(array_equal(with([](const Tensor&) { return 5.0; }), full({3, 1}, 5)));
  CHECK(array_equal(with([](const Tensor&) { return 5; }), full({3, 1}, 5)));
  CHECK(array_equal(with([](const Tensor&) { return ones({1}); }), full({3, 1}, 1)));
  CHECK_FALSE(with([](const Tensor&) { return 5.0; }).is_weak());
}

TEST_CASE("a result of a vjp that does not fit names the op, the input and both shapes or dtypes") {
  const Tensor x = vec({1, 2, 3}).requires_grad("weight");
  CHECK(error<ShapeError>([&] { square_with(x, [](const Tensor&) { return vec({1, 2}); }).backward(1.0); }) ==
        "my_square: its vjp returned a gradient of shape [2] for 'weight', whose shape is [3]");
  CHECK(error<DtypeError>([&] { square_with(x, [](const Tensor& g) { return g.to(float32); }).backward(1.0); }) ==
        "my_square: its vjp returned a float32 gradient for 'weight', which is float64");
  CHECK(error<DtypeError>([&] { square_with(exp(x), [](const Tensor& g) { return g > 0.0; }).backward(1.0); }) ==
        "my_square: its vjp returned a bool gradient for exp, which is float64");
}

TEST_CASE("a vjp may itself run a backward pass") {
  const Tensor x = leaf(2), inner = leaf(5), inner_square = inner * inner;
  const Tensor y = square_with(x, [&](const Tensor& g) {
    return g * 2.0 * x * grad(inner_square, {inner})[0];
  });
  exp(y * 0.0).backward();
  CHECK(last_pass().nodes_visited == 4);
  CHECK(value(x.grad()) == 0);
}

// ---- several outputs ----

TEST_CASE("an op with several outputs gets the cotangents that arrived, in one call") {
  TwoOutputs two;
  const Tensor x = leaf(3), y = leaf(5);
  auto out = two(x, y);
  (out[0] * 2.0 + out[1] * 10.0 + out[0]).backward();
  CHECK(two.calls == 1);
  CHECK(two.arrived == std::vector<bool>{true, true});
  CHECK(value(x.grad()) == 3 * 5 + 10);
  CHECK(value(y.grad()) == 3 * 3 + 10);
  out = two(x, y);
  CHECK(value(grad(out[1], {y})[0]) == 1);
  CHECK(two.arrived == std::vector<bool>{false, true});
  CHECK(two.needed == std::vector<bool>{false, true});
  CHECK(last_pass().nodes_visited == 3);
  CHECK(error<GraphError>([&] { out[0].backward(); }).find("the graph behind 'two_outputs' was released") != std::string::npos);
}

TEST_CASE("an op with several outputs is differentiated again, in parts, and not at all where nobody asks") {
  TwoOutputs two;
  const Tensor x = leaf(3), y = leaf(5);
  const auto out = two(x * x, y);
  const Tensor slope = grad(out[0] * out[1], {x}, {.create_graph = true})[0];  // x^2 y (x^2 + y)
  CHECK(value(slope) == 4 * 27 * 5 + 2 * 3 * 25);
  CHECK(value(grad(slope, {x})[0]) == 12 * 9 * 5 + 2 * 25);
  const auto calls = two.calls;
  const auto again = two(x, y);
  CHECK(value(grad(again[0] * 3.0, {again[0]})[0]) == 3);
  CHECK(two.calls == calls);
}

TEST_CASE("outputs that are not floating are not tracked, and one output may have a joint vjp") {
  const Tensor x = vec({3, 1, 2}).requires_grad();
  const auto sorted = record("my_sort", {vec({1, 2, 3}), tensor({1, 2, 0})}, {x},
                             [](std::span<const Tensor> g, const std::vector<bool>&) {
                               return std::vector<Tensor>{index_add(g[0], 0, tensor({1, 2, 0}), 3)};
                             });
  CHECK(sorted[0].is_tracked());
  CHECK_FALSE(sorted[1].is_tracked());
  sorted[0].backward(vec({10, 20, 30}));
  CHECK(array_equal(x.grad(), vec({30, 10, 20})));
  const auto one = record("one", {vec({6, 2, 4})}, {x}, [](std::span<const Tensor> g, const std::vector<bool>&) {
    CHECK(g[0].shape() == Shape{3});
    return std::vector<Tensor>{g[0] * 2.0};
  });
  x.zero_grad();
  one[0].backward(1.0);
  CHECK(array_equal(x.grad(), vec({2, 2, 2})));
}

TEST_CASE("a pass that failed leaves no cotangents behind for the next one") {
  TwoOutputs two;
  const Tensor x = leaf(3), y = leaf(5);
  bool failing = true;
  const auto out = two(square_with(x, [&](const Tensor& g) -> Tensor {
    if (failing) fail<ValueError>("my_square", "not now");
    return g * 6.0;
  }), y);
  CHECK_THROWS_AS((out[0] + out[1]).backward({.retain_graph = true}), ValueError);
  failing = false;
  out[1].backward({.retain_graph = true});
  CHECK(two.arrived == std::vector<bool>{false, true});
  CHECK(value(x.grad()) == 6);
}

TEST_CASE("an observer sees every op that is recorded or would be") {
  std::vector<std::string> seen;
  {
    const RecordObserver observer([&](const char* name) { seen.push_back(name); });
    const NoGrad no_grad;
    exp(scalar(1)) + 2.0;
  }
  exp(scalar(1));
  CHECK(seen == std::vector<std::string>{"exp", "add"});
}
