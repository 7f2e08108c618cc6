// Elementwise ops of several operands, and activations that scan_domain_test.cpp does not scan.
#include <gradtape/autograd/ops.hpp>

#include <array>
#include <cmath>

#include "support/exact.hpp"

namespace gradtape::testing::exact {

namespace {

using Unary = std::function<Real50(const Real50&)>;
using Binary = std::function<Real50(const Real50&, const Real50&)>;

const Real50 one = 1.;

Row unary(const char* name, Tensor (*f)(const Tensor&), const Unary& exact,
          Kind kind = Kind::real) {
  return {name,
          [f](const Tensors& x) { return f(x[0]); },
          [exact](const Operands& x) { return map(x[0], exact); },
          {{{6}, kind}}};
}

Row binary(const char* name, Tensor (*f)(const Tensor&, const Tensor&), const Binary& exact,
           const std::vector<Size>& unlike = {}) {
  return {name,
          [f](const Tensors& x) { return f(x[0], x[1]); },
          [exact](const Operands& x) { return map(x[0], x[1], exact); },
          {{{5}}, {{5}}},
          unlike};
}

/// f of the elements of three operands.
template <class F> Row ternary(const char* name, Tensor (*f)(const Tensors&), F exact) {
  return {name,
          f,
          [exact](const Operands& x) {
            Numbers y;
            for (std::size_t i = 0; i < x[0].size(); ++i)
              y.push_back(exact(x[0][i], x[1][i], x[2][i]));
            return y;
          },
          {{{4}}, {{4}}, {{4}}}};
}

/// a - floor(a / b) b
Real50 remainder_of(const Real50& a, const Real50& b) {
  using std::floor;
  const Real times = floor(a.value / b.value);
  // Exact: of the rounding of a / b and its product nothing is left.
  const Real rest = a.value - times * b.value, slope = a.slope - times * b.slope;
  return {rest, slope, 2 * abs(rest), abs(a.slope) + 2 * abs(times * b.slope),
          Real50::fits(a.value / b.value)};
}

Real50 between(const Real50& x, double low, double high) {
  return x.value <= low ? Real50(low) : x.value >= high ? Real50(high) : x;
}

/// (-1)^(n + 1) n! sum_k (x + k)^-(n + 1): directly up to x + k = 50, and beyond by the
/// Euler-Maclaurin formula (Abramowitz and Stegun 1964, 6.4.11).
Real polygamma_exact(int n, Real x) {
  // The Bernoulli numbers B_2, B_4, ... B_32, as fractions.
  constexpr std::array<std::array<double, 2>, 16> bernoulli{{{1, 6},
                                                             {-1, 30},
                                                             {1, 42},
                                                             {-1, 30},
                                                             {5, 66},
                                                             {-691, 2730},
                                                             {7, 6},
                                                             {-3617, 510},
                                                             {43867, 798},
                                                             {-174611, 330},
                                                             {854513, 138},
                                                             {-236364091, 2730},
                                                             {8553103, 6},
                                                             {-23749461029, 870},
                                                             {8615841276005, 14322},
                                                             {-7709321041217, 510}}};
  Real factorial = 1, total = 0;
  for (int i = 2; i <= n; ++i) factorial *= i;
  const auto power = [](const Real& base, int exponent) {
    Real y = 1;
    for (int i = 0; i < exponent; ++i) y /= base;
    return y;
  };
  for (; x < 50; x += 1) total += factorial * power(x, n + 1);
  total += factorial / n * power(x, n) + factorial / 2 * power(x, n + 1);
  Real rising = factorial;  // (2 k + n - 1)! / (2 k)!
  for (int k = 1; k <= 16; ++k) {
    rising *=
        k == 1 ? Real(n + 1) / 2 : Real((2 * k + n - 2) * (2 * k + n - 1)) / ((2 * k - 1) * 2 * k);
    const auto& [top, bottom] = bernoulli[static_cast<std::size_t>(k - 1)];
    total += Real(top) / bottom * rising * power(x, 2 * k + n);
  }
  return n % 2 ? total : -total;
}

std::vector<Row> arithmetic_rows() {
  return {
      binary("operator+", operator+, [](auto& a, auto& b) { return a + b; }),
      binary("operator-", operator-, [](auto& a, auto& b) { return a - b; }),
      binary("operator*", operator*, [](auto& a, auto& b) { return a * b; }),
      binary("masked_mul", masked_mul, [](auto& a, auto& b) { return a * b; }),
      binary("remainder", remainder, remainder_of, {Size::mixed}),
      binary("operator%", operator%, remainder_of, {Size::mixed}),
      ternary(
          "lerp", [](const Tensors& x) { return lerp(x[0], x[1], x[2]); },
          [](auto& a, auto& b, auto& weight) { return a + weight * (b - a); }),
      ternary(
          "addcmul", [](const Tensors& x) { return addcmul(x[0], x[1], x[2], -1.5); },
          [](auto& x, auto& a, auto& b) { return x + -1.5 * (a * b); }),
      ternary(
          "addcdiv", [](const Tensors& x) { return addcdiv(x[0], x[1], x[2], -1.5); },
          [](auto& x, auto& a, auto& b) { return x + -1.5 * (a / b); }),
  };
}

std::vector<Row> activation_rows() {
  constexpr double scale = 1.0507009873554805, alpha = 1.6732632423543772;
  return {
      unary(
          "leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.1); },
          [](auto& x) { return x.value > 0 ? x : 0.1 * x; }),
      unary("selu", selu,
            [](auto& x) { return x.value > 0 ? scale * x : scale * alpha * expm1(x); }),
      unary(
          "celu", [](const Tensor& x) { return celu(x, 0.7); },
          [](auto& x) { return x.value > 0 ? x : 0.7 * expm1(x / 0.7); }),
      unary("hardsigmoid", hardsigmoid, [](auto& x) { return between(x / 6 + Real50(0.5), 0, 1); }),
      unary("hardswish", hardswish,
            [](auto& x) { return x.value >= 3 ? x : x * between(x / 6 + Real50(0.5), 0, 1); }),
      unary(
          "softshrink", [](const Tensor& x) { return softshrink(x, 0.5); },
          [](auto& x) { return x - between(x, -0.5, 0.5); }),
      unary(
          "polygamma", [](const Tensor& x) { return polygamma(2, x); },
          [](auto& x) {
            return x.mapped(polygamma_exact(2, x.value), polygamma_exact(3, x.value),
                            polygamma_exact(4, x.value));
          },
          Kind::positive),
      {"prelu",
       [](const Tensors& x) { return prelu(x[0], x[1]); },
       [](const Operands& x) {
         Numbers y;
         for (std::size_t i = 0; i < 6; ++i)
           y.push_back(x[0][i].value > 0 ? x[0][i] : x[0][i] * x[1][i % 3]);
         return y;
       },
       {{{2, 3}}, {{3}}}},
      {"glu",
       [](const Tensors& x) { return glu(x[0]); },
       [](const Operands& x) {
         return map(row_of(x[0], 0, 3), row_of(x[0], 1, 3),
                    [](const Real50& a, const Real50& b) { return a * sigmoid(b); });
       },
       {{{6}}}},
      {"rbf",
       [](const Tensors& x) { return rbf(x[0], x[1], x[2]); },
       [](const Operands& x) {
         Numbers y;
         for (std::size_t u = 0; u < 3; ++u) {
           const Numbers d = map(x[0], row_of(x[1], u, 2),
                                 [](const Real50& a, const Real50& b) { return square(a - b); });
           y.push_back(exp(-(sum(d) / square(x[2][u]))));
         }
         return y;
       },
       {{{2}}, {{3, 2}}, {{3}}}},
  };
}

}  // namespace

std::vector<Row> elementwise_rows() {
  auto all = arithmetic_rows();
  const auto more = activation_rows();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace gradtape::testing::exact
