#include <gradtape/autograd/formula.hpp>
#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/nn/activation.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include "support/close.hpp"
#include "support/numbers.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// f of 1 to 6 inputs, as the formula and written with ops.
template <class F> void check_like_ops(const F& f, const std::vector<Tensor>& inputs) {
  const auto fused = formula("test_formula", f);
  const auto call = [&](const auto& g, const std::vector<Tensor>& x) {
    if constexpr (std::is_invocable_v<F, Tensor>)
      return g(x[0]);
    else if constexpr (std::is_invocable_v<F, Tensor, Tensor>)
      return g(x[0], x[1]);
    else if constexpr (std::is_invocable_v<F, Tensor, Tensor, Tensor>)
      return g(x[0], x[1], x[2]);
    else
      return g(x[0], x[1], x[2], x[3], x[4], x[5]);
  };
  std::vector<Tensor> leaves;
  for (const auto& x : inputs) leaves.push_back(x.requires_grad());
  const Tensor y = call(fused, leaves), z = call(f, leaves);
  CHECK(y.shape() == z.shape());
  CHECK(allclose(y, z, 1e-12));
  const auto dy = grad(sum(y * y), leaves, {.retain_graph = true}), dz = grad(sum(z * z), leaves);
  const auto recorded = grad(sum(y * y), leaves, {.create_graph = true});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    CHECK(dy[i].shape() == inputs[i].shape());
    CHECK(allclose(dy[i], dz[i], 1e-10, 1e-12));
    CHECK(allclose(dy[i], recorded[i], 1e-10, 1e-12));
  }
  const auto check =
      gradcheck([&](const std::vector<Tensor>& x) { return call(fused, x); }, inputs, {.order = 2});
  CHECK_MESSAGE(check, check.message);
}

}  // namespace

TEST_CASE("a formula of one input equals the same function written with ops") {
  check_like_ops([](auto x) { return x / (1.0 + exp(-x)); }, {sample({2, 5}, 1)});
  check_like_ops([](auto x) { return where(x > 0.0, pow(x, 3.0), sin(x) * tanh(x)); },
                 {sample({7}, 2)});
  check_like_ops([](auto x) { return sqrt(1.0 + square(x)) - log1p(exp(x)) + atan(x) / 2.0; },
                 {sample({}, 3)});
}

TEST_CASE("formulas of several inputs broadcast, and their gradients are summed back") {
  check_like_ops([](auto a, auto b) { return a * b + sigmoid(a - b); },
                 {sample({3, 1}, 1), sample({4}, 2)});
  check_like_ops([](auto a, auto b, auto c) { return tanh(a * b + c) * sigmoid(a); },
                 {sample({2, 3}, 1), sample({3}, 2), sample({}, 3)});
  check_like_ops([](auto a, auto b, auto c, auto d, auto e,
                    auto f) { return a * b - c / (2.0 + cos(d)) + maximum(e, f); },
                 {sample({2, 1}, 1), sample({3}, 2), sample({}, 3), sample({2, 3}, 4),
                  sample({1, 3}, 5), sample({2, 1}, 6)});
}

TEST_CASE("a formula takes literals, and says what does not fit") {
  const auto f = formula("scaled_difference", [](auto a, auto b) { return 2.0 * (a - b); });
  CHECK(f(tensor({1.0f, 2.0f}), 0.5).dtype() == float32);
  CHECK(f(tensor({1.0f, 2.0f}), 0.5).values<float>()[1] == 3.0f);
  CHECK_THROWS_WITH_AS(f(zeros({2}), zeros({3})),
                       "scaled_difference: shapes [2] and [3] do not broadcast: axis 0 is 2 "
                       "against 3 (see docs/errors.md#shapes)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(f(zeros({2}), zeros({2}, float64)),
                       "scaled_difference: dtypes do not mix: [2] is float32, [2] is float64; "
                       "convert one with to(float64) (see docs/errors.md#dtypes)",
                       DtypeError);
}

TEST_CASE("an input that needs no gradient gets none, and size-0 inputs pass") {
  const auto f = formula("product", [](auto a, auto b) { return a * b; });
  const Tensor a = sample({3}, 1).requires_grad(), b = sample({3}, 2);
  sum(f(a, b)).backward();
  CHECK(array_equal(a.grad(), b));
  const Tensor nothing = zeros({0, 2}, float64).requires_grad();
  sum(f(nothing, 2.0)).backward();
  CHECK(nothing.grad().shape() == Shape{0, 2});
}

TEST_CASE("every register of a long formula agrees with single elements") {
  const auto f = formula("mixture", [](auto a, auto b) { return exp(-a * a) * erf(b) + abs(b); });
  const Tensor a = sample({1031}, 1), b = sample({1031}, 2), y = f(a, b);
  for (std::int64_t i = 0; i < 1031; i += 101)
    CHECK(slice(y, 0, i, i + 1).item<double>() ==
          close(f(slice(a, 0, i, i + 1), slice(b, 0, i, i + 1)).item<double>(), 1e-14));
}

TEST_CASE("activation layers are those of the ops where formulas bring templates of their names") {
  const Tensor x = sample({4}, 1);
  CHECK(array_equal(nn::Tanh()(x), tanh(x)));
  CHECK(array_equal(nn::Softplus(2)(x), softplus(x, 2)));
}

TEST_CASE("a formula may use += and its kin, max and min") {
  const auto f = formula("f", [](auto x, auto y) {
    auto z = x;
    z += y;
    z *= 2.0;
    z -= x;
    z /= 4.0;
    return max(z, 0.0) + min(x, y);
  });
  const Tensor x = tensor({1.0, -3.0}, float64), y = tensor({2.0, 1.0}, float64);
  CHECK(array_equal(f(x, y), maximum((x + 2.0 * y) / 4.0, 0.0) + minimum(x, y)));
  CHECK(
      gradcheck([&](const std::vector<Tensor>& v) { return f(v[0], v[1]); }, {x, y}, {.order = 2}));
}

TEST_CASE("a formula of several tensors is checked as it is, without a lambda around it") {
  const auto product = formula("product", [](auto a, auto b) { return a * b; });
  const auto fused =
      formula("fused", [](const auto& a, const auto& b, const auto& c) { return a * tanh(b) + c; });
  const auto six = formula(
      "six", [](auto a, auto b, auto c, auto d, auto e, auto f) { return a * b + c * d + e * f; });
  CHECK(product.inputs() == 2);
  CHECK(fused.inputs() == 3);
  const Tensor x = tensor({0.5, -1.5}, float64), y = tensor({2.0, 0.25}, float64);
  CHECK(gradcheck(product, {x, y}, {.order = 2}));
  CHECK(gradcheck(fused, {x, y, x}, {.order = 2}));
  CHECK(gradcheck(six, {x, y, x, y, y, x}, {.order = 2}));
  CHECK_THROWS_AS((void)gradcheck(product, {x}), ValueError);
}

TEST_CASE(
    "a slope of 0 in a formula hides an infinite or NaN one, whether its gradient is recorded") {
  const double nan = std::nan("");
  const auto slopes_are = [](const auto& f, const Tensor& x, const Tensor& y, double of_x) {
    for (const bool create_graph : {false, true}) {
      CAPTURE(create_graph);
      const Tensor at = x.requires_grad(), beside = y.requires_grad();
      const auto g = grad(sum(f(at, beside)), {at, beside}, {.create_graph = create_graph});
      CHECK(array_equal(g[0].detach(), full(x.shape(), of_x, x.dtype())));
    }
  };
  const Tensor x = tensor({0.5, 1.5, 2.5}), y = tensor({2.0, nan, infinity});
  // pow(y, 0) is 1 with the slope 0 for every y.
  slopes_are(formula("f", [](auto a, auto b) { return a * pow(b, 0.0); }), x, y, 1);
  slopes_are(formula("f", [=](auto a, auto b) { return a * pow(nan * b * a, 0.0); }), x, y, 1);
  slopes_are(
      formula("f", [](auto a, auto b) { return a * pow(a * infinity, 0.0) + 0.0 * (b - b); }), x,
      tensor({1.0, 2.0, 3.0}), 1);
  for (const bool create_graph : {false, true}) {
    const Tensor at = reshape(x, {1, 3}).requires_grad();
    const Tensor normed = local_response_norm(at, 2, {.alpha = nan, .beta = 0, .k = 1});
    CHECK(array_equal(grad(sum(normed), {at}, {.create_graph = create_graph})[0].detach(),
                      ones({1, 3}, x.dtype())));
  }
}
