#include <algorithm>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// [x y, x + y] as one node, which counts the calls of its vjp and remembers which cotangents
/// arrived.
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
  CHECK_FALSE(
      grad(square_with(x, [](const Tensor&) { return Tensor(); }), {x}, {.allow_unused = true})[0]
          .defined());
}

TEST_CASE(
    "a result of a vjp is summed or broadcast to the input's shape, and a literal takes its "
    "dtype") {
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
  CHECK(error<ShapeError>([&] {
          square_with(x, [](const Tensor&) { return vec({1, 2}); }).backward(1.0);
        }) ==
        "my_square: its vjp returned a gradient of shape [2] for 'weight', whose shape is [3]");
  CHECK(error<DtypeError>([&] {
          square_with(x, [](const Tensor& g) { return g.to(float32); }).backward(1.0);
        }) == "my_square: its vjp returned a float32 gradient for 'weight', which is float64");
  CHECK(error<DtypeError>([&] {
          square_with(exp(x), [](const Tensor& g) { return g > 0.0; }).backward(1.0);
        }) == "my_square: its vjp returned a bool gradient for exp, which is float64");
}

TEST_CASE("a vjp may itself run a backward pass") {
  const Tensor x = leaf(2), inner = leaf(5), inner_square = inner * inner;
  const Tensor y =
      square_with(x, [&](const Tensor& g) { return g * 2.0 * x * grad(inner_square, {inner})[0]; });
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
  CHECK(error<GraphError>([&] {
          out[0].backward();
        }).find("the graph behind 'two_outputs' was released") != std::string::npos);
}

TEST_CASE(
    "an op with several outputs is differentiated again, in parts, and not at all where nobody "
    "asks") {
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
                               return std::vector<Tensor>{index_select(g[0], 0, tensor({2, 0, 1}))};
                             });
  CHECK(sorted[0].is_tracked());
  CHECK_FALSE(sorted[1].is_tracked());
  sorted[0].backward(vec({10, 20, 30}));
  CHECK(array_equal(x.grad(), vec({30, 10, 20})));
  const auto one =
      record("one", {vec({6, 2, 4})}, {x}, [](std::span<const Tensor> g, const std::vector<bool>&) {
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
  const auto out = two(square_with(x,
                                   [&](const Tensor& g) -> Tensor {
                                     if (failing) fail<ValueError>("my_square", "not now");
                                     return g * 6.0;
                                   }),
                       y);
  CHECK_THROWS_AS((out[0] + out[1]).backward({.retain_graph = true}), ValueError);
  failing = false;
  out[1].backward({.retain_graph = true});
  CHECK(two.arrived == std::vector<bool>{false, true});
  CHECK(value(x.grad()) == 6);
}

namespace {

struct Watcher : Watch {
  void recorded(const char* op, const Tensor& output, std::span<const Tensor> inputs) override {
    seen.push_back(op);
    tracked.push_back(output.is_tracked());
    input_counts.push_back(inputs.size());
  }
  void visited(const Tape& tape, std::size_t i, const Tensor& g) override {
    visits.push_back(std::string(tape.name(i)) + " " + g.str());
  }
  Tensor contributed(const VjpCall& call) override {
    seen.push_back(std::string("vjp of ") + call.op + " for " + std::to_string(call.input));
    return call.contribution * factor;
  }

  double factor = 1;
  std::vector<std::string> seen, visits;
  std::vector<bool> tracked;
  std::vector<std::size_t> input_counts;
};

}  // namespace

TEST_CASE("a watch sees every op that is recorded or would be, while it lives") {
  const Tensor x = scalar(1).requires_grad();
  Watcher outer;
  {
    Watcher inner;
    (void)(exp(x) + 2.0);
    const NoGrad no_grad;
    (void)sin(x);
    CHECK(inner.seen == std::vector<std::string>{"exp", "add", "sin"});
    CHECK(inner.tracked == std::vector<bool>{true, true, false});
    CHECK(inner.input_counts == std::vector<std::size_t>{1, 2, 1});
  }
  (void)cos(x);
  CHECK(outer.seen == std::vector<std::string>{"exp", "add", "sin", "cos"});
}

TEST_CASE("a watch may replace what a vjp returns") {
  const Tensor x = scalar(1).requires_grad();
  const Tensor y = 2.0 * x * x;
  Watcher watcher;
  watcher.factor = 3;
  CHECK(value(grad(y, {x})[0]) == 2 * 3 + 2 * 3 * 3);
  CHECK(std::count(watcher.seen.begin(), watcher.seen.end(), "vjp of mul for 0") == 2);
}
