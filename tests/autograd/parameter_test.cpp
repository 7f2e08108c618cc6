#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parameter.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <utility>
#include <vector>

using namespace gradtape;

namespace {

void scale_in_place(const Parameter& p, float factor) {
  auto* elements = static_cast<float*>(p.mutable_raw());
  for (std::int64_t i = 0; i < p.numel(); ++i) elements[i] *= factor;
}

}  // namespace

TEST_CASE("a parameter stands for its value and accumulates a gradient") {
  const Parameter w(tensor({1., 2.}), "w");
  CHECK(w.name() == "w");
  CHECK(w.shape() == Shape{2});
  CHECK(w.dtype() == float32);
  CHECK(w.numel() == 2);
  CHECK_FALSE(w.grad().defined());
  sum(square(w)).backward();
  CHECK(array_equal(w.grad(), tensor({2., 4.})));
  sum(square(w)).backward();
  CHECK(array_equal(w.grad(), tensor({4., 8.})));
  w.zero_grad();
  CHECK_FALSE(w.grad().defined());
}

TEST_CASE("grad takes parameters, and gives their gradients in that order") {
  const Parameter w(tensor({1., 2.}), "w"), b(tensor(3.), "b"), unused(tensor(4.), "unused");
  const std::vector<Parameter> parameters{b, w};
  const auto loss = [&] { return sum(square(w)) * b; };
  const auto g = grad(loss(), parameters);
  CHECK(array_equal(g[0], tensor(5.f)));
  CHECK(array_equal(g[1], tensor({6., 12.})));
  CHECK_FALSE(w.grad().defined());
  CHECK(array_equal(grad(loss(), {b, w.tensor()})[0], g[0]));  // braces hold both kinds
  const Tensor kept = loss();
  CHECK(array_equal(grad(kept, parameters, {.retain_graph = true, .seed = tensor(2.)})[0],
                    tensor(10.f)));
  const auto some = grad(kept, std::vector{unused, b}, {.allow_unused = true});
  CHECK_FALSE(some[0].defined());
  CHECK(array_equal(some[1], g[0]));
  w.freeze();
  CHECK_THROWS_WITH_AS((void)grad(loss(), parameters),
                       "grad: parameter 1 'w' is frozen; thaw it with freeze(false) before "
                       "computing the output, or leave it out",
                       GraphError);
  CHECK_THROWS_WITH_AS((void)grad(loss(), std::vector<Parameter>(1)),
                       "grad: parameter 0 is undefined", GraphError);
}

TEST_CASE("copies are handles to the same variable") {
  const Parameter a(tensor({1.})), b = a, other(tensor({1.}));
  CHECK(a == b);
  CHECK(a.id() == b.id());
  CHECK_FALSE(a == other);
  b.set(tensor({5.}));
  b.set_name("shared");
  CHECK(a.tensor().item<float>() == 5);
  CHECK(a.name() == "shared");
}

TEST_CASE_TEMPLATE("an update while a recorded graph is alive leaves its gradient right", N,
                   std::integral_constant<int, 3>, std::integral_constant<int, 3000>) {
  const Parameter w(full({N::value}, 3), "w");  // elements inside the value, and in a buffer
  const Tensor y = sum(w.tensor() * w.tensor() * w.tensor());
  SUBCASE("in place") { scale_in_place(w, 10); }
  SUBCASE("by set") { w.set(full({N::value}, 30)); }
  SUBCASE("twice") {
    scale_in_place(w, 5);
    scale_in_place(w, 2);
  }
  CHECK(array_equal(w.tensor().detach(), full({N::value}, 30)));
  y.backward();
  CHECK(array_equal(w.grad(), full({N::value}, 27)));  // 3 w^2 at the old value
}

TEST_CASE(
    "an update writes in place when nobody else holds the elements, into fresh ones otherwise") {
  const Parameter w(full({3000}, 1));
  const void* before = w.tensor().raw();
  scale_in_place(w, 2);
  CHECK(w.tensor().raw() == before);
  {
    const Tensor seen = w.tensor().detach();
    scale_in_place(w, 2);
    CHECK(w.tensor().raw() != before);
    CHECK(array_equal(seen, full({3000}, 2)));
  }
  const void* after = w.tensor().raw();
  {
    const Tensor part = reshape(w.tensor().detach(), {30, 100});
    scale_in_place(w, 2);
    CHECK(w.tensor().raw() != after);
    CHECK(array_equal(part, full({30, 100}, 4)));
  }
  const void* last = w.tensor().raw();
  scale_in_place(w, 2);
  CHECK(w.tensor().raw() == last);
}

TEST_CASE("neither the initial value nor a set one is ever written to") {
  const Tensor initial = full({3000}, 1), replacement = full({3000}, 2);
  const Parameter w(initial);
  scale_in_place(w, 10);
  CHECK(array_equal(initial, full({3000}, 1)));
  w.set(replacement);
  scale_in_place(w, 10);
  CHECK(array_equal(replacement, full({3000}, 2)));
}

TEST_CASE("a graph recorded after an update belongs to the same leaf as one before") {
  const Parameter w(tensor({3.}), "w");
  const Tensor before = sum(square(w));
  w.set(tensor({5.}));
  (before + sum(square(w))).backward();
  CHECK(w.grad().item<float>() == 6 + 10);
}

TEST_CASE("the value that set takes must fit, and comes without its graph") {
  const Parameter w(zeros({2}), "fc.weight");
  CHECK_THROWS_WITH_AS(w.set(zeros({3})), "Parameter::set: 'fc.weight' is [2], the new value [3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(
      w.set(zeros({2}, float64)),
      "Parameter::set: 'fc.weight' is float32, the new value float64; convert it with to(float32)",
      DtypeError);
  CHECK(array_equal(w.tensor().detach(), zeros({2})));
  w.set(square(tensor({1., 2.}).requires_grad()));
  CHECK(w.tensor().is_leaf());
  const Parameter scalar(tensor(1.));
  scalar.set(2.5);  // a literal adopts the dtype
  CHECK(scalar.tensor().item<float>() == 2.5f);
  CHECK_THROWS_WITH_AS(scalar.set(zeros({1})),
                       "Parameter::set: the variable is [], the new value [1]", ShapeError);
}

TEST_CASE("errors of ops name the parameter") {
  const Parameter w(zeros({784, 128}), "fc1.weight");
  try {
    (void)matmul(zeros({32, 785}), w);
    FAIL("shapes that do not fit went through");
  } catch (const ShapeError& error) {
    CHECK(std::string(error.what()).find("'fc1.weight'") != std::string::npos);
  }
}

TEST_CASE("to converts value and gradient, and keeps name, hooks and frozenness") {
  const Parameter w(tensor({0.5, 2.}), "w");
  w.tensor().register_hook([](const Tensor& g) { return 2 * g; });
  sum(square(w)).backward();
  w.to(float64);
  CHECK(w.dtype() == float64);
  CHECK(w.name() == "w");
  CHECK(array_equal(w.grad(), tensor({2, 8}, float64)));
  sum(square(w)).backward();
  CHECK(array_equal(w.grad(), tensor({4, 16}, float64)));
  w.freeze();
  w.to(float32);
  CHECK(w.is_frozen());
  CHECK(array_equal(w.tensor(), tensor({0.5, 2.})));
  CHECK_THROWS_WITH_AS(
      w.to(int64), "requires_grad: only float32 and float64 differentiate, got int64", DtypeError);
  CHECK(w.dtype() == float32);
}

TEST_CASE("a frozen parameter is not tracked, keeps its gradient, and thaws") {
  const Parameter w(tensor({2.}), "w");
  sum(square(w)).backward();
  w.freeze();
  CHECK(w.is_frozen());
  CHECK_FALSE(square(w).is_tracked());
  CHECK(w.grad().item<float>() == 4);
  CHECK(w.name() == "w");
  w.set(tensor({3.}));
  CHECK(w.is_frozen());
  w.freeze(false);
  sum(square(w)).backward();
  CHECK(w.grad().item<float>() == 4 + 6);
}

TEST_CASE("a parameter differentiates, so it must be floating, and defined to be used") {
  CHECK_THROWS_WITH_AS(Parameter(tensor({1, 2})),
                       "requires_grad: only float32 and float64 differentiate, got int64",
                       DtypeError);
  const Parameter none;
  CHECK_FALSE(none.defined());
  CHECK_THROWS_WITH_AS(
      none.tensor(),
      "Parameter: this parameter is undefined; in a model, make it with parameter(name, initial)",
      GraphError);
  CHECK_THROWS_WITH_AS(
      none.name(),
      "Parameter: this parameter is undefined; in a model, make it with parameter(name, initial)",
      GraphError);
  CHECK_FALSE(Parameter(0.5).tensor().is_weak());
}

TEST_CASE("a buffer is a variable without a gradient") {
  const Buffer mean(zeros({2}), "mean"), same = mean;
  CHECK_FALSE(mean.tensor().is_tracked());
  mean.set(tensor({1., 2.}).requires_grad());
  CHECK(array_equal(same, tensor({1., 2.})));
  CHECK_FALSE(mean.tensor().is_tracked());
  CHECK(same.shape() == Shape{2});
  same.set_name("running.mean");
  CHECK_THROWS_WITH_AS(mean.set(zeros({1})),
                       "Buffer::set: 'running.mean' is [2], the new value [1]", ShapeError);
  CHECK_THROWS_WITH_AS(
      mean.set(zeros({2}, int64)),
      "Buffer::set: 'running.mean' is float32, the new value int64; convert it with to(float32)",
      DtypeError);
  mean.to(float64);
  CHECK(mean.dtype() == float64);
  const Buffer steps(Tensor(3), "steps");
  steps.to(float32);  // counts stay counts
  CHECK(steps.dtype() == int64);
  CHECK_FALSE(steps.tensor().is_weak());
  CHECK_THROWS_WITH_AS(
      Buffer().tensor(),
      "Buffer: this buffer is undefined; in a model, make it with buffer(name, initial)",
      GraphError);
}

TEST_CASE("an undefined parameter or buffer converts to an undefined tensor") {
  const Parameter none;
  const Buffer no_buffer;
  const Tensor bias = none, statistics = no_buffer;
  CHECK(!bias.defined());
  CHECK(!statistics.defined());
  const Tensor x = ones({2, 3}), w = ones({4, 3});
  CHECK(array_equal(linear(x, w, none), linear(x, w)));
  CHECK_THROWS_AS(x + none, GraphError);
  CHECK_THROWS_WITH_AS(
      none.shape(),
      "Parameter: this parameter is undefined; in a model, make it with parameter(name, initial)",
      GraphError);
}
