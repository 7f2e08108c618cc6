// Powers, logarithms and masks have the slopes of their limits where a factor of the chain rule is
// infinite: in ops and in formulas, in float32 and float64, to second order.
#include <gradtape/autograd/formula.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace gradtape;

namespace {

using Function = Tensor (*)(const Tensor&);
constexpr double inf = std::numeric_limits<double>::infinity();

/// The derivative of f at x, first or second order.
template <class F> double slope(const F& f, double x, Dtype dtype, int order = 1) {
  const Tensor at = full({3}, x, dtype).requires_grad();
  Tensor y = f(at);
  for (int k = 0; k < order; ++k) {
    if (!y.is_tracked()) return 0;
    y = grad(sum(y), {at}, {.create_graph = true, .allow_unused = true})[0];
    if (!y.defined()) return 0;
  }
  y = y.to(float64);
  return y.data<double>()[1];
}

bool near(double got, double want) { return got == want || got == doctest::Approx(want); }

/// f as ops and as a formula has these derivatives at x, in both dtypes.
template <class F> void check(const F& f, double x, double first, double second) {
  const auto fused = formula("f", f);
  for (const Dtype dtype : {float32, float64}) {
    CAPTURE(dtype == float32);
    CHECK(near(slope(f, x, dtype), first));
    CHECK(near(slope(fused, x, dtype), first));
    CHECK(near(slope(f, x, dtype, 2), second));
    CHECK(near(slope(fused, x, dtype, 2), second));
  }
}

}  // namespace

TEST_CASE("powers with literal exponents are smooth at 0: closed forms") {
  check([](const auto& x) { return pow(x, 0.0); }, 0, 0, 0);
  check([](const auto& x) { return pow(x, 1.0); }, 0, 1, 0);
  check([](const auto& x) { return pow(x, 2.0); }, 0, 0, 2);
  check([](const auto& x) { return pow(x, 3.0); }, 0, 0, 0);
  check([](const auto& x) { return 3.0 * pow(x, 0.0) + 5.0 * pow(x, 1.0) + 7.0 * pow(x, 2.0); }, 0,
        5, 14);
}

TEST_CASE("powers with exponents that are tensors are smooth at 0") {
  const auto y = [](const Tensor& x, double n) { return pow(x, full({3}, n, x.dtype())); };
  for (const Dtype dtype : {float32, float64})
    for (int order : {1, 2}) {
      CAPTURE(order);
      CHECK(slope([&](const Tensor& x) { return y(x, 0); }, 0, dtype, order) == 0);
      CHECK(slope([&](const Tensor& x) { return y(x, 1); }, 0, dtype, order) ==
            (order == 1 ? 1 : 0));
      CHECK(slope([&](const Tensor& x) { return y(x, 2); }, 0, dtype, order) ==
            (order == 1 ? 0 : 2));
    }
}

TEST_CASE("the Hessian of x^0 y at x = 0 is 0") {
  const Tensor x = full({}, 0.0, float64).requires_grad(),
               y = full({}, 3.0, float64).requires_grad();
  const auto first = grad(pow(x, 0.0) * y, {x, y}, {.create_graph = true});
  CHECK(first[0].item<double>() == 0);
  CHECK(first[1].item<double>() == 1);
  const auto second = grad(first[0] + first[1], {x, y}, {.allow_unused = true});
  CHECK((!second[0].defined() || second[0].item<double>() == 0));
  CHECK((!second[1].defined() || second[1].item<double>() == 0));
}

TEST_CASE("a mask in front of an infinite slope gives 0, in ops as in formulas") {
  check([](const auto& x) { return sqrt(relu(x)); }, -1, 0, 0);
  check([](const auto& x) { return sqrt(clamp(x, 0.0, 1.0)); }, -1, 0, 0);
  check([](const auto& x) { return pow(relu(x), 0.5); }, -2, 0, 0);
  check([](const auto& x) { return x * sqrt(x); }, 0, 0, inf);
  check([](const auto& x) { return where(x > 0.0, log(x), 0.0 * x); }, 0, 0, 0);
}

TEST_CASE("slopes of sigmoid and tanh keep their digits inside formulas: 50-digit arithmetic") {
  check([](const auto& x) { return sigmoid(x); }, 20, 2.0611536139418493e-9,
        -2.0611536054526485e-9);
  check([](const auto& x) { return tanh(x); }, 20, 1.6993417021166355e-17, -3.398683404233271e-17);
  check([](const auto& x) { return tanh(x); }, 0, 1, 0);
}

TEST_CASE("slopes far out are those of the asymptotes") {
  for (const Dtype dtype : {float32, float64}) {
    const double x = dtype == float32 ? 1e20 : 1e200;
    CHECK(slope(Function(asinh), x, dtype) == doctest::Approx(1 / x).epsilon(1e-6));
    CHECK(slope(Function(acosh), x, dtype) == doctest::Approx(1 / x).epsilon(1e-6));
    CHECK(std::isnan(slope(Function(acosh), -2, dtype)));
    const double far = dtype == float32 ? 1e19 : 1e155;  // squares overflow, the slope does not
    CHECK(slope(Function(atan), far, dtype) == doctest::Approx(1 / far / far).epsilon(1e-5));
    CHECK(slope(Function(softsign), far, dtype) == doctest::Approx(1 / far / far).epsilon(1e-5));
  }
  for (const float scale : {1e-30f, 1e-19f, 1.f, 1e19f, 1e30f}) {  // d atan2 = 1 / scale d(angle)
    const Tensor a = full({2}, 3 * scale, float32).requires_grad(),
                 b = full({2}, 4 * scale, float32).requires_grad();
    const auto angle = grad(sum(atan2(a, b)), {a, b}), length = grad(sum(hypot(a, b)), {a, b});
    CHECK(angle[0].data<float>()[0] * scale == doctest::Approx(0.16));
    CHECK(angle[1].data<float>()[0] * scale == doctest::Approx(-0.12));
    CHECK(length[0].data<float>()[0] == doctest::Approx(0.6));
    CHECK(length[1].data<float>()[0] == doctest::Approx(0.8));
  }
}

TEST_CASE("activations and their slopes at infinity are their limits") {
  for (Tensor (*f)(const Tensor&) :
       {+[](const Tensor& x) { return gelu(x); },
        +[](const Tensor& x) { return gelu(x, Gelu::tanh); }, silu, mish})
    for (const Dtype dtype : {float32, float64}) {
      CHECK(f(full({}, -inf, dtype)).to(float64).item<double>() == 0);
      CHECK(f(full({}, inf, dtype)).to(float64).item<double>() == inf);
      CHECK(slope(f, -inf, dtype) == 0);
      CHECK(slope(f, inf, dtype) == 1);
      CHECK(slope(f, -inf, dtype, 2) == 0);
      CHECK(slope(f, inf, dtype, 2) == 0);
    }
}
