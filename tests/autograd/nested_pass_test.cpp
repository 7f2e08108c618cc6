// Backward passes within backward passes, and refusals that leave everything as it was.
#include <gradtape/autograd/autograd.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/bits.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

TEST_CASE("what grad refuses may be asked again: the graph is still there") {
  const Tensor x = leaf(3, "x"), other = leaf(1, "other");
  const Tensor y = x * x;
  CHECK(contains(error<GraphError>([&] {
                   (void)grad(y, {x, other});
                 }),
                 "does not depend on input 1"));
  CHECK(contains(error<GraphError>([&] { (void)grad(y, {scalar(1)}); }), "not tracked"));
  CHECK(contains(error<GraphError>([&] { (void)grad({y, y}, {Tensor()}, {x}); }), "2 outputs"));
  CHECK(contains(error<ShapeError>([&] { (void)grad(y, {x}, {.seed = zeros({2}, float64)}); }),
                 "seed"));
  CHECK(contains(error<DtypeError>([&] { (void)grad(y, {x}, {.seed = ones({})}); }), "seed"));
  CHECK_THROWS_AS(y.backward(zeros({2}, float64)), ShapeError);
  const auto g = grad(y, {x, other}, {.allow_unused = true});
  CHECK(value(g[0]) == 6);  // d(x^2)/dx
  CHECK_FALSE(g[1].defined());
}

TEST_CASE("an input that a path leads to, whose vjps give nothing, has the gradient 0") {
  const Tensor x = leaf(3, "x");
  const auto nothing = [](const Tensor&) { return Tensor(); };
  CHECK(value(grad(square_with(x, nothing), {x})[0]) == 0);
  CHECK_FALSE(grad(square_with(x, nothing), {x}, {.allow_unused = true})[0].defined());
}

TEST_CASE("a pass that would release the graph that another one walks is refused") {
  for (const bool retain : {false, true}) {
    const Tensor x = leaf(2, "x");
    const Tensor y = x * x, z = exp(y);
    std::string refused;
    y.register_hook([&](const Tensor&) {
      refused = error<GraphError>([&] { y.backward(); });
      return Tensor();
    });
    z.backward({}, {.retain_graph = retain});
    CHECK(contains(refused, "release the graph behind 'mul' while another backward pass walks it"));
    CHECK(value(x.grad()) == doctest::Approx(4 * std::exp(4.0)).epsilon(1e-14));  // 2 x exp(x^2)
  }
}

TEST_CASE("a vjp may not release the graph that it belongs to, nor one that shares nodes") {
  const Tensor x = leaf(2, "x");
  const Tensor shared = x * x;
  const Tensor side = shared * 3.0;
  std::string refused;
  const auto meddles = [&](const Tensor& g) {
    refused = error<GraphError>([&] { side.backward(); });
    return 2.0 * g;
  };
  const Tensor y = square_with(shared, meddles);
  y.backward();
  CHECK(contains(refused, "backward: this would release the graph behind 'mul'"));
  CHECK(value(x.grad()) == 8);  // 2 * 2x: nothing of `side` was added
}

TEST_CASE("within a pass, another one over the same graph that retains it works") {
  const Tensor x = leaf(2, "x");
  const Tensor y = x * x, z = exp(y);
  double inner = 0;
  bool within = false;  // the inner pass calls the hook too
  y.register_hook([&](const Tensor&) {
    if (!std::exchange(within, true)) inner = value(grad(y, {x}, {.retain_graph = true})[0]);
    return Tensor();
  });
  z.backward();
  CHECK(inner == 4);
  CHECK(value(x.grad()) == doctest::Approx(4 * std::exp(4.0)).epsilon(1e-14));
}

TEST_CASE("a pass from a hook in another thread is refused likewise") {
  const Tensor x = leaf(2, "x");
  const Tensor y = x * x, z = exp(y);
  std::string refused;
  y.register_hook([&](const Tensor&) {
    std::thread([&] { refused = error<GraphError>([&] { y.backward(); }); }).join();
    return Tensor();
  });
  z.backward();
  CHECK(contains(refused, "while another backward pass walks it"));
  CHECK(value(x.grad()) == doctest::Approx(4 * std::exp(4.0)).epsilon(1e-14));
}

TEST_CASE("nested passes: with create_graph, checkpoint, a watch, and over graphs of their own") {
  const Tensor x = leaf(2, "x");
  const auto f = [](const Tensor& a) {
    const Tensor y = square_with(a, [a](const Tensor& g) {
      const auto on = RecordingScope::on();
      const Tensor own = a.detach().requires_grad();
      return g * grad(own * own, {own})[0].detach();
    });
    return checkpoint([](const std::vector<Tensor>& in) { return exp(in[0]); }, {y});
  };
  const double slope = 4 * std::exp(4.0);  // 2 x exp(x^2)
  CHECK(value(grad(f(x), {x})[0]) == doctest::Approx(slope).epsilon(1e-14));
  CHECK(value(grad(f(x), {x}, {.create_graph = true})[0]) == doctest::Approx(slope).epsilon(1e-14));
  {
    struct Silent : Watch {
    } watch;
    CHECK(value(grad(f(x), {x})[0]) == doctest::Approx(slope).epsilon(1e-14));
  }
  // A fresh graph that reaches into the walked one, but stops at its node.
  const Tensor y = x * x;
  const Tensor z = square_with(y, [y](const Tensor& g) {
    const auto on = RecordingScope::on();
    return g * grad(y * y, {y})[0].detach();
  });
  z.backward();
  CHECK(value(x.grad()) == 32);  // (x^4)' = 4 x^3
}

TEST_CASE("no leaf gets its gradient where the hook of another one throws") {
  const Tensor a = leaf(2, "a"), b = leaf(3, "b");
  int calls = 0;
  const auto fails = [&](const Tensor&) -> Tensor {
    if (++calls == 1) throw ValueError("hook: no");
    return {};
  };
  a.register_hook(fails);
  b.register_hook(fails);
  CHECK_THROWS_AS((a * b).backward(), ValueError);
  CHECK_FALSE(a.grad().defined());
  CHECK_FALSE(b.grad().defined());
  (a * b).backward();
  CHECK(value(a.grad()) == 3);
  CHECK(value(b.grad()) == 2);
}

// ---- scopes ----

TEST_CASE("scopes may end in any order") {
  std::optional<NoGrad> first(std::in_place), second(std::in_place), third(std::in_place);
  second.reset();
  first.reset();
  CHECK_FALSE(recording());
  third.reset();
  CHECK(recording());
}

TEST_CASE("a scope that ends in another thread ends for its own, and only for that") {
  auto scope = std::make_unique<NoGrad>();
  CHECK_FALSE(recording());
  std::thread([&] {
    const NoGrad own;
    scope.reset();
    CHECK_FALSE(recording());
  }).join();
  CHECK(recording());
  CHECK((leaf(1) * 2.0).is_tracked());
}

TEST_CASE("scopes of generators and watches may end in any order") {
  const double undisturbed = [] {
    seed(5);
    return rand({}, float64).item<double>();
  }();
  seed(5);
  auto first = std::make_unique<GeneratorScope>(Generator(1));
  auto second = std::make_unique<GeneratorScope>(Generator(2));
  first.reset();
  CHECK(default_generator().seed() == 2);
  second.reset();
  CHECK(rand({}, float64).item<double>() == undisturbed);

  struct Counter : Watch {
    void recorded(const char*, const Tensor&, std::span<const Tensor>) override { ++count; }
    int count = 0;
  };
  auto outer = std::make_unique<Counter>();
  const auto inner = std::make_unique<Counter>();
  outer.reset();
  (void)(leaf(1) * 2.0);
  CHECK(inner->count == 1);
}
