#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parallel.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <new>
#include <vector>

#include "support/bits.hpp"
#include "support/faults.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

/// Values around every edge, enough of them to fill registers and leave a rest.
std::vector<double> edge_values() {
  std::vector<double> x{0.0,  -0.0,         1,    -1,    0.5, -0.5, 2.5, 3.5,  -2.5, inf,
                        -inf, std::nan(""), 1e-8, -1e-8, 30,  -30,  100, -100, 800,  -800};
  for (int i = 0; i < 301; ++i) x.push_back(std::sin(i * 1.7) * 9);
  return x;
}

/// Compares an op on many elements, in float32 and float64, with a plain function.
void check_against(const char* name, Tensor (*op)(const Tensor&), double (*expected)(double)) {
  CAPTURE(name);
  const auto values = edge_values();
  for (auto dtype : {float32, float64}) {
    const Tensor x = tensor(values, {static_cast<std::int64_t>(values.size())}).to(dtype);
    const Tensor exact_x = x.to(float64), y = op(x).to(float64);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double want = expected(exact_x.data<double>()[i]), got = y.data<double>()[i];
      CAPTURE(exact_x.data<double>()[i]);
      if (std::isnan(want)) {
        CHECK(std::isnan(got));
      } else if (dtype == float32 && std::abs(want) > 3e38) {
        CHECK(std::abs(got) > 3e38);
      } else if (std::isinf(want)) {
        CHECK(got == want);
      } else {
        const double ulp = dtype == float32 ? 1.2e-7 : 2.3e-16;
        CHECK(std::abs(got - want) <=
              4 * ulp * std::abs(want) + (dtype == float32 ? 2e-38 : 1e-300));
      }
    }
  }
}

}  // namespace

TEST_CASE("elementwise ops agree with the standard library, edges included") {
  check_against("abs", abs, [](double x) { return std::abs(x); });
  check_against("sign", sign, [](double x) { return x > 0 ? 1. : x < 0 ? -1. : x; });
  check_against("floor", floor, std::floor);
  check_against("ceil", ceil, std::ceil);
  check_against(
      "round", [](const Tensor& x) { return round(x); }, std::nearbyint);
  check_against("trunc", trunc, std::trunc);
  check_against("square", square, [](double x) { return x * x; });
  check_against("sqrt", sqrt, std::sqrt);
  check_against("cbrt", cbrt, std::cbrt);
  check_against("rsqrt", rsqrt, [](double x) { return 1 / std::sqrt(x); });
  check_against("reciprocal", reciprocal, [](double x) { return 1 / x; });
  check_against("exp", exp, std::exp);
  check_against("exp2", exp2, std::exp2);
  check_against("expm1", expm1, std::expm1);
  check_against("log", log, std::log);
  check_against("log2", log2, std::log2);
  check_against("log10", log10, std::log10);
  check_against("log1p", log1p, std::log1p);
  check_against("sin", sin, std::sin);
  check_against("cos", cos, std::cos);
  check_against("tan", tan, std::tan);
  check_against("asin", asin, std::asin);
  check_against("acos", acos, std::acos);
  check_against("atan", atan, std::atan);
  check_against("sinh", sinh, std::sinh);
  check_against("cosh", cosh, std::cosh);
  check_against("tanh", tanh, std::tanh);
  check_against("asinh", asinh, std::asinh);
  check_against("acosh", acosh, std::acosh);
  check_against("atanh", atanh, std::atanh);
  check_against("erf", erf, std::erf);
  check_against("lgamma", lgamma, [](double x) { return std::lgamma(x); });
  check_against("sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); });
  check_against(
      "softplus", [](const Tensor& x) { return softplus(x); },
      [](double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); });
  check_against("relu", relu, [](double x) { return x <= 0 ? 0 : x; });
}

TEST_CASE("arithmetic broadcasts as NumPy does") {
  const Tensor column = tensor({{1.0f}, {2.0f}}), row = tensor({10.0f, 20.0f, 30.0f});
  CHECK(array_equal(column + row, tensor({{11.0f, 21.0f, 31.0f}, {12.0f, 22.0f, 32.0f}})));
  CHECK(array_equal(row - column, tensor({{9.0f, 19.0f, 29.0f}, {8.0f, 18.0f, 28.0f}})));
  CHECK(array_equal(column * row, tensor({{10.0f, 20.0f, 30.0f}, {20.0f, 40.0f, 60.0f}})));
  CHECK(array_equal(row / column, tensor({{10.0f, 20.0f, 30.0f}, {5.0f, 10.0f, 15.0f}})));
  CHECK((zeros({0, 3}) + row).shape() == Shape{0, 3});
  CHECK(error<Error>([&] {
          (void)(column + zeros({3, 3}));
        }) ==
        "add: shapes [2, 1] and [3, 3] do not broadcast: axis 0 is 2 against 3 (see "
        "docs/errors.md#shapes)");
}

TEST_CASE("every pattern of broadcasting agrees with a loop") {
  const std::vector<Shape> shapes{{},        {1},          {3},       {4, 1},
                                  {1, 3},    {4, 3},       {2, 4, 3}, {2, 1, 3},
                                  {2, 4, 1}, {5, 1, 1, 3}, {2, 1, 1}, {5, 2, 4, 3}};
  for (const auto& a : shapes)
    for (const auto& b : shapes) {
      const Shape out = broadcast(a, b, "test");
      const Tensor x = rand(a), y = rand(b), z = x - 2.0 * y;
      REQUIRE(z.shape() == out);
      const Tensor whole_x = expand(x, out), whole_y = expand(y, out);
      for (std::int64_t i = 0; i < out.numel(); ++i)
        REQUIRE(z.data<float>()[i] == whole_x.data<float>()[i] - 2 * whole_y.data<float>()[i]);
    }
}

TEST_CASE("results do not depend on the number of threads") {
  const Tensor x = randn({300, 1001}), row = randn({1001});
  const auto f = [&] { return tanh(x * row); };
  CHECK(array_equal(with_threads(1, f), with_threads(2, f)));
  CHECK(error<Error>([] { set_num_threads(0); }) ==
        "set_num_threads: needs at least 1 thread, got 0");
}

TEST_CASE("literals adopt the dtype of the tensor that they meet") {
  const Tensor x = tensor({1.0f, 2.0f});
  CHECK((0.1 * x).dtype() == float32);
  CHECK((x.to(float64) * 0.1).values<double>()[0] == 0.1);
  CHECK((x + 1).dtype() == float32);
  CHECK((tensor({1, 2}) * 3).dtype() == int64);
  CHECK(array_equal(tensor({1, 2}) * 3, tensor({3, 6})));
  CHECK(where(x > 1.5, 1.0, 0.0).is_weak());
  CHECK((where(x > 1.5, 1.0, 0.0) * x).dtype() == float32);
}

namespace {

/// op(x, number) and op(number, x) are what they are with the tensor made of the number: values,
/// gradients and gradients of those.
template <class Op, class Number> void check_number(const Tensor& values, Op op, Number number) {
  const auto derivatives = [&](auto&& f) {
    const Tensor x = values.requires_grad(), y = f(x);
    const Tensor g = grad(sum(y), {x}, {.create_graph = true, .allow_unused = true})[0];
    const Tensor gg = g.is_tracked() ? grad(sum(g * g), {x}, {.allow_unused = true})[0] : Tensor();
    return std::vector<Tensor>{y.detach(), g.detach(), gg.defined() ? gg : zeros_like(x)};
  };
  const Tensor as_tensor(number);
  const auto right = derivatives([&](const Tensor& x) { return op(x, number); }),
             right_expected = derivatives([&](const Tensor& x) { return op(x, as_tensor); }),
             left = derivatives([&](const Tensor& x) { return op(number, x); }),
             left_expected = derivatives([&](const Tensor& x) { return op(as_tensor, x); });
  for (std::size_t i = 0; i < right.size(); ++i) {
    CAPTURE(i);
    CHECK(all(isclose(right[i], right_expected[i], 1e-6, 0, true)).item() == 1);
    CHECK(all(isclose(left[i], left_expected[i], 1e-6, 0, true)).item() == 1);
  }
  CHECK(equal_bits(right[0], right_expected[0]));
  CHECK(equal_bits(left[0], left_expected[0]));
}

template <class Number> void check_operators(const Tensor& x, Number number) {
  check_number(
      x, [](const auto& a, const auto& b) { return a + b; }, number);
  check_number(
      x, [](const auto& a, const auto& b) { return a - b; }, number);
  check_number(
      x, [](const auto& a, const auto& b) { return a * b; }, number);
  check_number(
      x, [](const auto& a, const auto& b) { return a / b; }, number);
}

/// How many blocks f() takes.
template <class F> int allocations(const F& f) {
  for (int n = 0;; ++n) {
    const Fault fault(n);
    try {
      f();
    } catch (const std::bad_alloc&) {
    }
    if (!fault.happened()) return n;
  }
}

}  // namespace

TEST_CASE("operators with a C++ number are those with the tensor made of it") {
  const auto values = edge_values();
  for (const auto dtype : {float32, float64}) {
    const Tensor x = tensor(values, {static_cast<std::int64_t>(values.size())}).to(dtype);
    for (const Tensor& of : {x, full({}, 0.7, dtype), full({2, 1, 3}, -0.3, dtype)}) {
      check_operators(of, 0.1);
      check_operators(of, -2.5f);
      check_operators(of, 3);
      check_operators(of, 0);
      check_operators(of, (std::int64_t{1} << 53) + 1);  // no double
      check_operators(of, inf);
    }
  }
  CHECK((3 - tensor({1, 2})).values<std::int64_t>()[1] == 1);
  CHECK((2.0 * Tensor(0.5)).is_weak());
  Tensor x = scalar(3);
  x += 2;
  x *= 0.5;
  x -= 1.0f;
  x /= 3;
  CHECK(x.item() == 0.5);
}

TEST_CASE("a C++ number takes no memory of its own, in any dtype") {
  for (const auto dtype : {float32, float64}) {
    const Tensor x = full({}, 0.7, dtype).requires_grad();
    const int one = allocations([&] { (void)-x; });
    CHECK(one == 2);  // the value and the node
    CHECK(allocations([&] { (void)(0.1 * x); }) == one);
    CHECK(allocations([&] { (void)(x + 1); }) == one);
    CHECK(allocations([&] { (void)(1 - x); }) == one);
    CHECK(allocations([&] { (void)(x / 3.0f); }) == one);
    CHECK(Tape(0.5 * x).size() == 2);
  }
}

TEST_CASE("dtypes never mix silently") {
  const Tensor x = tensor({1.0f, 2.0f});
  CHECK(error<Error>([&] { (void)(x + x.to(float64)); }) ==
        "add: dtypes do not mix: [2] is float32, [2] is float64; convert one with to(float64) (see "
        "docs/errors.md#dtypes)");
  CHECK(error<Error>([&] {
          (void)(x.requires_grad("w") * tensor({1, 2}));
        }) ==
        "mul: dtypes do not mix: 'w' [2] is float32, [2] is int64; convert one with to(float32) "
        "(see docs/errors.md#dtypes)");
  CHECK(error<Error>([&] {
          (void)(tensor({1, 2}) * 0.5);
        }) ==
        "mul: the literal 0.5 does not fit a tensor of int64; convert the tensor with to(float32)");
  CHECK(error<Error>([&] {
          (void)(tensor({1, 2}) / tensor({1, 2}));
        }) ==
        "div: needs float32 or float64, got int64; convert with to(float32), or use floor_divide");
  CHECK(error<Error>([&] {
          (void)exp(tensor({1, 2}));
        }) == "exp: needs float32 or float64, got int64; convert with to(float32)");
  CHECK(error<Error>([&] { (void)((x > 1.0) + (x > 1.0)); }) ==
        "add: does not take bool; convert with to(float32) or to(int64), or use logical_and, "
        "logical_or, where");
  CHECK(error<Error>([&] { (void)where(x, x, x); }) ==
        "where: needs bool, got float32; compare first, as in x != 0");
  CHECK(error<Error>([&] { (void)(x + Tensor()); }).find("undefined") != std::string::npos);
}

TEST_CASE("comparisons and logic give bools") {
  const Tensor x = tensor({1.0, 2.0, std::nan("")}, float64);
  CHECK(array_equal(x < 2.0, tensor({true, false, false})));
  CHECK(array_equal(x <= 2.0, tensor({true, true, false})));
  CHECK(array_equal(x > 1.0, tensor({false, true, false})));
  CHECK(array_equal(x >= 1.0, tensor({true, true, false})));
  CHECK(array_equal(x == x, tensor({true, true, false})));
  CHECK(array_equal(x != x, tensor({false, false, true})));
  CHECK(array_equal(logical_and(x < 2.0, x < 3.0), tensor({true, false, false})));
  CHECK(array_equal(logical_or(x < 2.0, x < 3.0), tensor({true, true, false})));
  CHECK(array_equal(logical_not(x < 2.0), tensor({false, true, true})));
  CHECK(array_equal(where(x < 2.0, x, 0.0), tensor({1.0, 0.0, 0.0}, float64)));
  CHECK_FALSE(array_equal(x, x));
  CHECK(allclose(tensor({1.0f}), tensor({1.000001f})));
  CHECK_FALSE(allclose(tensor({1.0f}), tensor({1.1f})));
}

TEST_CASE("pow, maximum and minimum keep the edges of the standard library") {
  const std::vector<double> values{0.0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, inf, -inf, std::nan("")};
  for (double a : values)
    for (double b : values) {
      CAPTURE(a);
      CAPTURE(b);
      const Tensor x = full({9}, a, float64), y = full({9}, b, float64);
      const auto same = [](double got, double want) {
        return got == want || (std::isnan(got) && std::isnan(want));
      };
      CHECK(same(pow(x, y).values<double>()[8], std::pow(a, b)));
      CHECK(same(pow(x, b).values<double>()[0], std::pow(a, b)));
      const double nan = std::nan("");
      CHECK(same(maximum(x, y).values<double>()[0],
                 std::isnan(a) || std::isnan(b) ? nan : std::max(a, b)));
      CHECK(same(minimum(x, y).values<double>()[0],
                 std::isnan(a) || std::isnan(b) ? nan : std::min(a, b)));
    }
  CHECK(array_equal(clamp(tensor({-2.0f, 0.5f, 2.0f}), -1, 1), tensor({-1.0f, 0.5f, 1.0f})));
  CHECK(error<Error>([] { (void)clamp(zeros({1}), 1, 0); }) == "clamp: low 1 is above high 0");
}

TEST_CASE("a branch not taken never poisons the gradient") {
  const Tensor x = tensor({-1.0, 0.0, 4.0}, float64).requires_grad();
  sum(where(x > 0.0, sqrt(x), 0.0)).backward();
  CHECK(array_equal(x.grad(), tensor({0.0, 0.0, 0.25}, float64)));
}

TEST_CASE("where chooses elements of every size, beside operands that stand still") {
  const Tensor x = randn({600}), condition = x > 0.0;
  for (const auto dtype : {float32, float64, int64, bool_}) {
    const Tensor a = arange(600).to(dtype), b = full({1}, 1).to(dtype);
    const Tensor left = where(condition, a, b).to(float64),
                 right = where(condition, b, a).to(float64);
    const Tensor values = a.to(float64);
    for (std::size_t i = 0; i < 600; ++i) {
      const bool first = x.data<float>()[i] > 0;
      const double value = values.data<double>()[i];
      REQUIRE(left.data<double>()[i] == (first ? value : 1));
      REQUIRE(right.data<double>()[i] == (first ? 1 : value));
    }
  }
}

TEST_CASE("the gradient of a row that multiplies many is the sum of products, bit for bit") {
  for (const auto dtype : {float32, float64}) {
    const Tensor a = randn({700, 2, 64}, dtype), g = randn({700, 2, 64}, dtype);
    const Tensor b = randn({2, 64}, dtype).requires_grad();
    const auto gradient = [&] { return grad(a * b, {b}, {.seed = g})[0]; };
    const Tensor expected = sum(g * a, 0);
    CHECK(array_equal(with_threads(1, gradient), expected));
    CHECK(array_equal(with_threads(2, gradient), expected));
    CHECK(array_equal(grad(b * a, {b}, {.create_graph = true, .seed = g})[0].detach(), expected));
  }
  // Halves of the sum overflow, the sum does not.
  const Tensor large = concat({full({1000, 64}, 1e36), full({1000, 64}, -1e36)}, 0);
  const Tensor row = ones({64}).requires_grad();
  CHECK(array_equal(grad(sum(large * row), {row})[0], zeros({64})));
}
