#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/runtime/work.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Tensors = std::vector<Tensor>;

const Tensor a = tensor({{0.5, -1.0, 2.0}, {1.5, 0.25, -0.75}}, float64);

/// Notes the most memory that values held at once.
class Peak : public Watch {
 public:
  void recorded(const char*, const Tensor&, std::span<const Tensor>) override { note(); }
  Tensor contributed(const VjpCall& call) override {
    note();
    return call.contribution;
  }
  std::int64_t bytes() const { return most_ - before_; }

 private:
  void note() { most_ = std::max(most_, detail::held_bytes); }
  std::int64_t before_ = detail::held_bytes, most_ = before_;
};

/// A layer with its own parameter, deep inside.
struct Layer {
  explicit Layer(std::int64_t i) {
    Generator generator(static_cast<std::uint64_t>(i));
    weight = Parameter(randn({16, 16}, float64, generator) / 4.0, "weight");
  }
  Tensor operator()(const Tensor& x) const {
    Tensor y = x;
    for (int k = 0; k < 4; ++k) y = tanh(matmul(y, weight)) + sin(y);
    return y;
  }
  Parameter weight;
};

}  // namespace

TEST_CASE("checkpoint changes neither value nor gradients, of inputs or of captured parameters") {
  const Parameter w(tensor({2.0, -1.0, 0.5}, float64), "w");
  const auto f = [&](const Tensors& x) { return sum(sin(x[0] * w) * x[1], 0); };
  const Tensor x = a.requires_grad(), c = (0.5 * a).requires_grad();
  const Tensor plain = f({x, c}), again = checkpoint(f, {x, c});
  CHECK(array_equal(plain, again));
  const Tensor seed = tensor({1.0, 2.0, 3.0}, float64);
  const auto want = grad(plain, {x, c, w}, {.seed = seed});
  const auto got = grad(again, {x, c, w}, {.seed = seed});
  for (std::size_t i = 0; i < 3; ++i) CHECK(array_equal(got[i], want[i]));
  const Tensor for_backward = checkpoint(f, {x, c});
  for_backward.backward(seed);
  CHECK(array_equal(w.grad(), want[2]));
  CHECK(array_equal(x.grad(), want[0]));
}

TEST_CASE("checkpoint of several results, some of them not differentiable or unused") {
  const auto f = [](const Tensors& x) {
    return Tensors{exp(x[0]), argmax(x[0]), x[1] * x[0], x[0]};
  };
  const Tensor x = a.requires_grad(), k = 2.0 * a;
  const auto got = checkpoint(f, {x, k}), want = f({x, k});
  REQUIRE(got.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(array_equal(got[i], want[i]));
  CHECK(!got[1].is_tracked());
  CHECK(close(grad(sum(got[2]), {x})[0], k, 1e-12));
  CHECK(close(grad(sum(checkpoint(f, {x, k})[3]), {x})[0], ones_like(a), 1e-12));
  const auto third = checkpoint(f, {x, k});
  CHECK(close(grad(sum(third[0] * third[2]), {x})[0], exp(a) * k * (1.0 + a), 1e-12));
}

TEST_CASE("checkpoint differentiates to third order") {
  const Parameter w(tensor({2.0, -1.0, 0.5}, float64), "w");
  const auto inner = [&](const Tensor& x) { return sum(sin(x * w) * exp(x)); };
  const auto plain = [&](const Tensor& x) { return inner(x * x); };
  const auto checkpointed = [&](const Tensor& x) { return checkpoint(inner, x * x); };
  const auto gradcheck_options = GradcheckOptions{.order = 2, .parameters = {w}};
  const auto result = gradcheck(checkpointed, a, gradcheck_options);
  CHECK_MESSAGE(static_cast<bool>(result), result.message);
  auto third = [](const auto& f, const Tensor& x) {
    const auto first = [&](const Tensor& t) { return sum(square(grad_of(f, t))); };
    const auto second = [&](const Tensor& t) { return sum(square(grad_of(first, t))); };
    return grad_of(second, x);
  };
  CHECK(allclose(third(checkpointed, a), third(plain, a), 1e-9, 1e-9));
  // of the parameter, through an input that depends on it: nothing counts twice
  const auto both = [&](auto f) {
    return hessian([&] { return f(w.tensor() * tensor({1.0, 2.0, 3.0}, float64)); }, {w})[0][0];
  };
  CHECK(close(both(checkpointed), both(plain), 1e-12));
}

TEST_CASE("checkpoint draws the same random numbers again, and leaves the stream where it was") {
  const auto f = [](const Tensors& x) {
    return x[0] * rand({2, 3}, float64) + randn({2, 3}, float64);
  };
  const Tensor x = a.requires_grad();
  seed(5);
  const Tensor plain = f({x});
  const auto position = default_generator().position();
  seed(5);
  const Tensor y = checkpoint(f, {x});
  CHECK(array_equal(y, plain));
  CHECK(default_generator().position() == position);
  const auto want = grad(sum(plain), {x})[0];
  seed(77);
  const Tensor drawn = rand({4});
  CHECK(array_equal(grad(sum(y), {x})[0], want));
  const Tensor next = rand({4});
  seed(77);
  CHECK(array_equal(drawn, rand({4})));
  CHECK(array_equal(next, rand({4})));
}

TEST_CASE("checkpoint holds the boundaries of its parts instead of their insides") {
  std::vector<Layer> layers;
  for (int i = 0; i < 8; ++i) layers.emplace_back(i);
  const Tensor start = ones({64, 16}, float64);
  const auto bytes = static_cast<std::int64_t>(64 * 16 * 8);
  struct Use {
    std::int64_t after_forward, peak;
    Tensor gradient;
  };
  const auto use = [&](bool checkpointed) {
    const Peak peak;
    const auto before = detail::held_bytes;
    Tensor x = start;
    for (const auto& layer : layers) x = checkpointed ? checkpoint(layer, x) : layer(x);
    const Tensor loss = sum(x);
    const auto after = detail::held_bytes - before;
    for (const auto& layer : layers) layer.weight.zero_grad();
    loss.backward();
    return Use{after, peak.bytes(), layers[0].weight.grad()};
  };
  const Use plain = use(false), less = use(true);
  CHECK(array_equal(plain.gradient, less.gradient));
  CHECK(plain.after_forward > 8 * 4 * 2 * bytes);
  CHECK(less.after_forward < 10 * bytes);
  CHECK(3 * less.peak < plain.peak);
}

TEST_CASE("checkpoint needs no graph, and keeps none, where nothing is recorded") {
  int calls = 0;
  const auto f = [&](const Tensors& x) {
    ++calls;
    return sin(x[0]);
  };
  CHECK(!checkpoint(f, {a}).is_tracked());
  const Tensor x = a.requires_grad();
  {
    const NoGrad no_grad;
    CHECK(!checkpoint(f, {x}).is_tracked());
  }
  CHECK(calls == 2);
  const Tensor y = checkpoint(f, {x});
  CHECK(calls == 3);
  CHECK(close(grad(sum(y), {x})[0], cos(a), 1e-12));
  CHECK(calls == 4);
}

TEST_CASE("checkpoint refuses undefined tensors, and tracked ones that are not its inputs") {
  const auto f = [](const Tensors& x) { return sin(x[0]); };
  CHECK_THROWS_WITH_AS(checkpoint(f, {a, Tensor()}), "checkpoint: input 1 is undefined",
                       GraphError);
  CHECK_THROWS_WITH_AS(checkpoint([](const Tensors&) { return Tensor(); }, {a}),
                       "checkpoint: the function's result 0 is undefined", GraphError);
  const Tensor x = a.requires_grad(), hidden = exp(x);
  const char* message =
      "checkpoint: the function uses a tracked tensor of shape [2, 3] that was computed outside; "
      "pass it as one of the inputs";
  CHECK_THROWS_WITH_AS(checkpoint([&](const Tensors& y) { return y[0] * hidden; }, {x}), message,
                       GraphError);
  CHECK_THROWS_WITH_AS(checkpoint([&](const Tensors&) { return hidden; }, {x}), message,
                       GraphError);
}
