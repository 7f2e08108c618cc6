#include "op_samples.hpp"

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <cmath>
#include <limits>
#include <numbers>

namespace gradtape::testing {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double pi = std::numbers::pi, ln2 = std::numbers::ln2;

using Inputs = const std::vector<Tensor>&;
using Rows = std::vector<OpSample>;

Tensor scalar(double x) {
  return full({}, x, float64);
}
Tensor vec(const std::vector<double>& x) {
  return tensor(x);
}
Tensor indices(const std::vector<std::int64_t>& i) {
  return tensor(i);
}

/// f(x) and f'(x)
EdgePoint at(double x, double value, double slope) {
  return {{scalar(x)}, scalar(value), {scalar(slope)}};
}
/// f(a, b), df/da and df/db
EdgePoint at(double a, double b, double value, double slope_a, double slope_b) {
  return {{scalar(a), scalar(b)}, scalar(value), {scalar(slope_a), scalar(slope_b)}};
}

OpSample unary(const char* name, Tensor (*f)(const Tensor&), Range range = {},
               std::vector<EdgePoint> edges = {}, std::vector<double> kinks = {}) {
  return {name,
          name,
          [f](Inputs x) { return f(x[0]); },
          {{{2, 3}}, {{}}, {{0}}, {{2, 0, 3}}},
          {range},
          std::move(kinks),
          std::move(edges)};
}

OpSample flat(OpSample sample) {
  sample.flat = true;
  return sample;
}

const std::vector<std::vector<Shape>> pairs{{{2, 3}, {2, 3}}, {{2, 1}, {3}}, {{}, {3}},
                                            {{3}, {}},        {{}, {}},      {{2, 1, 2}, {3, 1}},
                                            {{0}, {1}},       {{0, 3}, {3}}};

OpSample extremum(OpSample sample) {
  std::erase(sample.shapes, std::vector<Shape>{{}, {}});  // one of the two would get no gradient
  return sample;
}

OpSample binary(const char* name, const char* function, Tensor (*f)(const Tensor&, const Tensor&),
                Range a = {}, Range b = {}, std::vector<EdgePoint> edges = {}) {
  return {name, function,        [f](Inputs x) { return f(x[0], x[1]); }, pairs, {a, b},
          {},   std::move(edges)};
}

// clang-format off: a row a line, or as few as it takes

Rows arithmetic() {
  return {
      binary("add", "operator+", operator+),
      binary("sub", "operator-", operator-),
      binary("mul", "operator*", operator*, {}, {}, {at(0, inf, nan, inf, 0)}),
      binary("div", "operator/", operator/, {}, {0.5, 2},
             {at(1, inf, 0, 0, 0), at(1, 0, inf, inf, -inf)}),
      unary("neg", operator-),
      binary("pow", "pow", pow, {0.4, 2}, {},
             {at(0, 2, 0, 0, 0), at(0, 1, 0, 1, 0), at(0, 0, 1, 0, 0), at(2, 0, 1, 0, ln2)}),
      {"pow", "pow", [](Inputs x) { return pow(x[0], 3.0); }, {{{2, 3}}, {{}}, {{0}}}, {{}}, {},
       {at(0, 0, 0), at(-2, -8, 12), at(inf, inf, inf)}},
      {"pow", "pow", [](Inputs x) { return pow(x[0], -1.5); }, {{{2, 3}}}, {{0.5, 2}}},
      extremum(binary("maximum", "maximum", maximum, {}, {},
                      {at(1, 1, 1, .5, .5), at(0., -0., 0, .5, .5), at(inf, 1, inf, 1, 0),
                       at(-inf, -inf, -inf, .5, .5)})),
      extremum(binary("minimum", "minimum", minimum, {}, {},
                      {at(1, 1, 1, .5, .5), at(inf, 1, 1, 0, 1), at(inf, inf, inf, .5, .5)})),
      {"clamp", "clamp", [](Inputs x) { return clamp(x[0], -0.5, 1); }, {{{2, 5}}, {{0}}}, {{}},
       {-0.5, 1}, {at(-0.5, -0.5, 1), at(1, 1, 1), at(inf, 1, 0), at(-inf, -0.5, 0)}},
      binary("chain", "chain", chain, {}, {}, {at(0, inf, 0, inf, 0), at(0, nan, 0, nan, 0)}),
      {"where", "where", [](Inputs x) { return where(tensor({true, false, true}), x[0], x[1]); },
       {{{3}, {3}}, {{2, 3}, {}}, {{1}, {2, 1}}, {{0, 3}, {3}}}, {{}}, {},
       {{{vec({1, nan, 2}), vec({nan, 3, inf})}, vec({1, 3, 2}),
         {vec({1, 0, 1}), vec({0, 1, 0})}}}},
  };
}

Rows elementwise() {
  return {
      unary("abs", abs, {}, {at(0, 0, 0), at(-0., 0, 0), at(inf, inf, 1), at(-inf, inf, -1)}, {0}),
      flat(unary("sign", sign, {}, {at(0, 0, 0), at(-inf, -1, 0)}, {0})),
      flat(unary("step", step, {}, {at(0, 0, 0), at(inf, 1, 0)}, {0})),
      flat(unary("floor", floor, {}, {at(1, 1, 0), at(-0.5, -1, 0), at(inf, inf, 0)},
                 {-2, -1, 0, 1, 2})),
      flat(unary("ceil", ceil, {}, {at(1, 1, 0), at(0.5, 1, 0), at(inf, inf, 0)},
                 {-2, -1, 0, 1, 2})),
      flat(unary("round", round, {}, {at(0.5, 0, 0), at(1.5, 2, 0), at(-inf, -inf, 0)},
                 {-1.5, -0.5, 0.5, 1.5})),
      unary("square", square, {}, {at(0, 0, 0), at(-inf, inf, -inf)}),
      unary("sqrt", sqrt, {0.3, 3}, {at(0, 0, inf), at(inf, inf, 0)}),
      unary("rsqrt", rsqrt, {0.4, 3}, {at(0, inf, -inf), at(inf, 0, 0)}),
      unary("reciprocal", reciprocal, {0.4, 3}, {at(0, inf, -inf), at(inf, 0, 0)}),
      unary("exp", exp, {}, {at(-inf, 0, 0), at(inf, inf, inf), at(0, 1, 1)}),
      unary("expm1", expm1, {}, {at(-inf, -1, 0), at(0, 0, 1)}),
      unary("log", log, {0.3, 3}, {at(0, -inf, inf), at(inf, inf, 0)}),
      unary("log1p", log1p, {-0.6, 2}, {at(-1, -inf, inf), at(0, 0, 1)}),
      unary("sin", sin, {}, {at(0, 0, 1), at(inf, nan, nan)}),
      unary("cos", cos, {}, {at(0, 1, 0), at(inf, nan, nan)}),
      unary("tan", tan, {-1.2, 1.2}, {at(0, 0, 1)}),
      unary("asin", asin, {-0.8, 0.8}, {at(1, pi / 2, inf), at(-1, -pi / 2, inf)}),
      unary("acos", acos, {-0.8, 0.8}, {at(1, 0, -inf)}),
      unary("atan", atan, {}, {at(inf, pi / 2, 0), at(0, 0, 1)}),
      unary("sinh", sinh, {}, {at(0, 0, 1)}),
      unary("cosh", cosh, {}, {at(0, 1, 0)}),
      unary("tanh", tanh, {}, {at(0, 0, 1), at(inf, 1, 0), at(-inf, -1, 0)}),
      unary("erf", erf, {}, {at(inf, 1, 0), at(-inf, -1, 0)}),
  };
}

Rows activations() {
  return {
      unary("relu", relu, {-1, 3},
            {at(0, 0, 0), at(-0., 0, 0), at(inf, inf, 1), at(-inf, 0, 0), at(nan, nan, 0)}, {0}),
      {"leaky_relu", "leaky_relu", [](Inputs x) { return leaky_relu(x[0], 0.1); },
       {{{2, 3}}, {{0}}}, {{}}, {0}, {at(0, 0, 0.1), at(inf, inf, 1), at(-inf, -inf, 0.1)}},
      {"elu", "elu", [](Inputs x) { return elu(x[0], 0.7); }, {{{2, 3}}, {{0}}}, {{}}, {0},
       {at(0, 0, 0.7), at(inf, inf, 1), at(-inf, -0.7, 0)}},
      unary("selu", selu, {}, {at(inf, inf, 1.0507009873554805)}, {0}),
      unary("gelu", gelu, {}, {at(0, 0, 0.5)}),
      unary("silu", silu, {}, {at(0, 0, 0.5)}),
      unary("mish", mish, {}, {at(0, 0, 0.6)}),
      unary("softplus", softplus, {}, {at(inf, inf, 1), at(-inf, 0, 0)}),
      unary("softsign", softsign, {}, {at(0, 0, 1)}, {0}),
      unary("sigmoid", sigmoid, {}, {at(inf, 1, 0), at(-inf, 0, 0), at(0, 0.5, 0.25)}),
      unary("log_sigmoid", log_sigmoid, {}, {at(inf, 0, 0), at(-inf, -inf, 1)}),
  };
}

using Reduction = Tensor (*)(const Tensor&, const Axes&, ReduceOptions);

/// A reduction over everything and over one axis; of nothing too where it has an identity.
Rows reduction(const char* name, Reduction f, bool has_identity,
               std::vector<EdgePoint> edges = {}) {
  std::vector<std::vector<Shape>> whole{{{2, 3}}, {{1}}, {{}}};
  if (has_identity) whole.push_back({{0, 2}});
  return {
      {name, name, [f](Inputs x) { return f(x[0], {}, {}); }, whole, {{-1, 3}}, {},
       std::move(edges)},
      {name, name, [f](Inputs x) { return f(x[0], -1, {}); }, {{{2, 3}}, {{4}}, {{0, 3}}}},
      {name, name, [f](Inputs x) { return f(x[0], 0, {true}); }, {{{3, 2}}, {{2, 2, 2}}}},
  };
}

/// The same over several axes at once.
Rows wide_reduction(const char* name, Reduction f, bool has_identity,
                    std::vector<EdgePoint> edges = {}) {
  Rows rows = reduction(name, f, has_identity, std::move(edges));
  rows.push_back({name, name, [f](Inputs x) { return f(x[0], {1, 2}, {}); }, {{{2, 2, 3}}}});
  rows.push_back({name, name, [f](Inputs x) { return f(x[0], {0, -1}, {true}); },
                  {{{2, 3, 2}}, {{2, 1, 3, 2}}}});
  return rows;
}

OpSample variance(const Axes& axes, VarOptions options) {
  return {"var", "var", [=](Inputs x) { return var(x[0], axes, options); },
          {{{2, 3}}, {{2, 2, 3}}}};
}

Rows reductions() {
  Rows rows{variance({}, {}), variance(-1, {}),
            variance({0, 1}, {.keepdim = true, .correction = 0})};
  const std::vector<Rows> others{
      wide_reduction("sum", sum, true),
      wide_reduction("mean", mean, false),
      wide_reduction("amax", amax, false, {
          {{vec({1, 3, 3})}, scalar(3), {vec({0, .5, .5})}},
          {{vec({1, inf, inf})}, scalar(inf), {vec({0, .5, .5})}}}),
      wide_reduction("amin", amin, false, {{{vec({3, 1, 1})}, scalar(1), {vec({0, .5, .5})}}}),
      wide_reduction("max", max, false, {
          {{vec({1, 3, 3})}, scalar(3), {vec({0, 1, 0})}},
          {{vec({-inf, -inf})}, scalar(-inf), {vec({1, 0})}}}),
      wide_reduction("min", min, false, {{{vec({3, 1, 1})}, scalar(1), {vec({0, 1, 0})}}}),
      wide_reduction("prod", prod, true, {
          {{vec({0, 2, 3})}, scalar(0), {vec({6, 0, 0})}},
          {{vec({0, 0, 3})}, scalar(0), {vec({0, 0, 0})}}}),
      wide_reduction("logsumexp", logsumexp, true, {
          {{vec({-inf, 0})}, scalar(0), {vec({0, 1})}},
          {{vec({-inf, -inf})}, scalar(-inf), {vec({0, 0})}}}),
  };
  for (const auto& other : others) rows.insert(rows.end(), other.begin(), other.end());
  return rows;
}

/// The gradient of a slice as a function of the cotangent.
Tensor slice_backward(Inputs x) {
  const Tensor whole = zeros({2, 5}, x[0].dtype()).requires_grad();
  return grad(slice(whole, 1, 0, end, 2), {whole}, {.create_graph = true, .seed = x[0]})[0];
}

Rows shapes() {
  return {
      {"reshape", "reshape", [](Inputs x) { return reshape(x[0], {3, -1}); },
       {{{2, 3}}, {{6}}, {{0, 2}}}},
      {"reshape", "flatten", [](Inputs x) { return flatten(x[0], 1); }, {{{2, 3, 2}}, {{2, 0, 2}}}},
      {"transpose", "transpose", [](Inputs x) { return transpose(x[0]); },
       {{{2, 3}}, {{2, 2, 3}}, {{3, 1}}, {{0, 3}}}},
      {"transpose", "transpose", [](Inputs x) { return exp(transpose(x[0], 0, 2)); },
       {{{2, 3, 2}}}},
      {"permute", "permute", [](Inputs x) { return permute(x[0], {2, 0, -2}); },
       {{{2, 3, 4}}, {{2, 0, 3}}}},
      {"expand", "expand", [](Inputs x) { return expand(x[0], {2, 3, 2}); },
       {{{3, 1}}, {{}}, {{2, 3, 2}}}},
      {"expand", "expand", [](Inputs x) { return expand(x[0], {0, -1}); }, {{{1, 3}}}},
      {"sum_to", "sum_to", [](Inputs x) { return sum_to(x[0], {3, 1}); },
       {{{2, 3, 2}}, {{3, 1}}, {{0, 3, 2}}}},
      {"slice", "slice", [](Inputs x) { return slice(x[0], 0, 1, 3); },
       {{{4, 2}}, {{3}}, {{1, 2}}, {{0}}}},
      {"slice", "slice", [](Inputs x) { return slice(x[0], -1, -4, end, 2); },
       {{{2, 5}}, {{2, 3}}}},
      {"slice_backward", "", slice_backward, {{{2, 3}}}},
      {"select", "select", [](Inputs x) { return select(x[0], 0, -1); },
       {{{3, 2}}, {{3}}, {{2, 0}}}},
      {"select", "select", [](Inputs x) { return select(x[0], 1, 1); }, {{{2, 3, 2}}}},
      {"unsqueeze", "unsqueeze", [](Inputs x) { return unsqueeze(x[0], -1); },
       {{{2, 3}}, {{}}, {{0}}}},
      {"squeeze", "squeeze", [](Inputs x) { return squeeze(x[0], 1); }, {{{2, 1, 3}}, {{0, 1}}}},
      {"concat", "concat", [](Inputs x) { return concat({x[0], x[1], x[0]}, 1); },
       {{{2, 3}, {2, 1}}, {{2, 3}, {2, 0}}}},
      {"concat", "concat", [](Inputs x) { return concat({x[0], x[1]}); },
       {{{2}, {3}}, {{2, 2}, {1, 2}}}},
      {"stack", "stack", [](Inputs x) { return stack({x[0], x[1]}, -1); },
       {{{2, 3}, {2, 3}}, {{}, {}}, {{0}, {0}}}},
  };
}

Rows indexing() {
  const Tensor repeated = indices({2, 0, 2, -1});
  const Tensor table = tensor({{0, 2, 1}, {1, 1, -3}});
  return {
      {"index_select", "index_select", [=](Inputs x) { return index_select(x[0], 0, repeated); },
       {{{3, 2}}, {{3}}, {{3, 0}}}},
      {"index_select", "index_select", [=](Inputs x) { return index_select(x[0], -1, repeated); },
       {{{2, 3}}}},
      {"index_add", "index_add", [=](Inputs x) { return index_add(x[0], 0, repeated, 5); },
       {{{4, 2}}, {{4}}}},
      {"index_add", "index_add", [=](Inputs x) { return index_add(x[0], 1, repeated, 3); },
       {{{2, 4, 2}}}},
      {"gather", "gather", [=](Inputs x) { return gather(x[0], 1, table); }, {{{2, 3}}, {{4, 3}}}},
      {"gather", "gather", [=](Inputs x) { return gather(x[0], 0, table); }, {{{3, 3}}}},
      {"scatter_add", "scatter_add", [=](Inputs x) { return scatter_add(x[0], 1, table, {2, 3}); },
       {{{2, 3}}}},
  };
}

Rows products() {
  return {
      {"matmul", "matmul", [](Inputs x) { return matmul(x[0], x[1]); },
       {{{2, 3}, {3, 4}}, {{3}, {3}}, {{3}, {3, 2}}, {{2, 3}, {3}}, {{2, 2, 3}, {3, 2}},
        {{2, 3}, {2, 3, 2}}, {{2, 1, 2, 3}, {3, 3, 2}}, {{3}, {2, 3, 2}}, {{2, 2, 3}, {3}},
        {{0, 3}, {3, 2}}, {{2, 0}, {0, 3}}, {{0, 2, 3}, {3, 2}}}},
      {"matmul", "matmul", [](Inputs x) { return matmul(transpose(x[0]), x[1]); },
       {{{3, 2}, {3, 4}}, {{2, 3, 2}, {3, 4}}}},
      {"matmul", "matmul", [](Inputs x) { return matmul(x[0], transpose(x[1])); },
       {{{2, 3}, {4, 3}}, {{2, 3}, {2, 4, 3}}}},
      {"linear", "linear", [](Inputs x) { return linear(x[0], x[1], x[2]); },
       {{{2, 3}, {4, 3}, {4}}, {{2, 2, 3}, {4, 3}, {4}}, {{3}, {4, 3}, {4}},
        {{0, 3}, {4, 3}, {4}}}},
      {"linear", "linear", [](Inputs x) { return linear(x[0], x[1]); },
       {{{2, 3}, {4, 3}}, {{0, 3}, {4, 3}}}},
  };
}

Tensor fixed_dropout(Inputs x) {
  Generator generator(7);
  return dropout(x[0], 0.4, generator);
}

Rows classification() {
  const EdgePoint masked{{vec({-inf, 0})}, vec({0, 1}), {vec({0, 0})}};
  const EdgePoint log_masked{{vec({-inf, 0})}, vec({-inf, 0}), {vec({1, -1})}};
  const Tensor classes = indices({2, 0, 1});
  const EdgePoint sure{
      {tensor({{-inf, 0.0}}, float64)}, scalar(0), {tensor({{0.0, 0.0}}, float64)}};
  return {
      {"softmax", "softmax", [](Inputs x) { return softmax(x[0]); }, {{{2, 3}}, {{4}}, {{0, 3}}},
       {{}}, {}, {masked}},
      {"softmax", "softmax", [](Inputs x) { return softmax(x[0], 0); }, {{{3, 2}}, {{3, 2, 2}}}},
      {"log_softmax", "log_softmax", [](Inputs x) { return log_softmax(x[0]); },
       {{{2, 3}}, {{4}}, {{0, 3}}}, {{}}, {}, {log_masked}},
      {"log_softmax", "log_softmax", [](Inputs x) { return log_softmax(x[0], 0); },
       {{{3, 2}}, {{3, 2, 2}}}},
      {"cross_entropy", "cross_entropy", [=](Inputs x) { return cross_entropy(x[0], classes); },
       {{{3, 4}}, {{3, 3}}}},
      {"cross_entropy", "cross_entropy", [](Inputs x) { return cross_entropy(x[0], indices({1})); },
       {{{1, 2}}}, {{}}, {}, {sure}},
      {"mul", "dropout", fixed_dropout, {{{3, 4}}, {{0}}}, {{}}, {}, {}, false, true},
  };
}

// clang-format on

}  // namespace

const std::vector<OpSample>& op_samples() {
  static const Rows all = [] {
    Rows rows;
    for (const auto& family : {arithmetic(), elementwise(), activations(), reductions(), shapes(),
                               indexing(), products(), classification()})
      rows.insert(rows.end(), family.begin(), family.end());
    return rows;
  }();
  return all;
}

const std::vector<ValueSample>& value_samples() {
  static const Tensor a = tensor({1, 2, 3}), b = tensor({3, 2, 1}), yes = tensor({true, false}),
                      both = tensor({true, true});
  static const auto is = [](const Tensor& x, bool p, bool q, bool r) {
    return array_equal(x, tensor({p, q, r}));
  };
  static const std::vector<ValueSample> all{
      {"eq", "operator==", [] { return is(a == b, false, true, false); }},
      {"ne", "operator!=", [] { return is(a != b, true, false, true); }},
      {"lt", "operator<", [] { return is(a < b, true, false, false); }},
      {"le", "operator<=", [] { return is(a <= b, true, true, false); }},
      {"gt", "operator>", [] { return is(a > b, false, false, true); }},
      {"ge", "operator>=", [] { return is(a >= b, false, true, true); }},
      {"logical_and", "logical_and", [] { return array_equal(logical_and(yes, both), yes); }},
      {"logical_or", "logical_or", [] { return array_equal(logical_or(yes, both), both); }},
      {"logical_not", "logical_not",
       [] {
         return array_equal(logical_not(yes), tensor({false, true}));
       }},
      {"", "array_equal",
       [] { return array_equal(a, a) && !array_equal(a, b) && !array_equal(a, a.to(float32)); }},
      {"", "allclose",
       [] { return allclose(scalar(1), scalar(1 + 1e-9)) && !allclose(scalar(1), scalar(1.1)); }},
      {"argmax", "argmax",
       [] {
         return argmax(b).item<int>() == 0 && argmax(tensor({1, 5, 5}), 0).item<int>() == 1;
       }},
      {"argmin", "argmin",
       [] {
         return argmin(b).item<int>() == 2 && argmin(tensor({1, 0, 0}), 0).item<int>() == 1;
       }},
      {"one_hot", "one_hot",
       [] {
         return array_equal(one_hot(indices({1, 0}), 3),
                            tensor({{0.0f, 1.0f, 0.0f}, {1.0f, 0.0f, 0.0f}}));
       }},
      {"to", "",
       [] {
         const Tensor x = vec({1, 2}).requires_grad();
         const auto g = grad(x.to(float32), {x}, {.seed = tensor({3.0f, 4.0f})})[0];
         return array_equal(x.to(float32), tensor({1.0f, 2.0f})) && array_equal(g, vec({3, 4}));
       }},
  };
  return all;
}

std::vector<Tensor> sample_inputs(const OpSample& sample, const std::vector<Shape>& shapes) {
  Generator generator(3);
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto [low, high] = sample.ranges[std::min(i, sample.ranges.size() - 1)];
    const auto n = shapes[i].numel();
    const Tensor order = randperm(n, generator), jitter = rand({n}, float64, generator);
    std::vector<double> x;
    for (std::size_t k = 0; k < static_cast<std::size_t>(n); ++k) {
      const double place =
          static_cast<double>(order.data<std::int64_t>()[k]) + 0.3 + 0.4 * jitter.data<double>()[k];
      x.push_back(low + (high - low) * place / static_cast<double>(n));
      for (double kink : sample.kinks)
        if (std::abs(x.back() - kink) < 0.05) x.back() = kink + (x.back() < kink ? -0.05 : 0.05);
    }
    inputs.push_back(tensor(x, shapes[i]));
  }
  return inputs;
}

}  // namespace gradtape::testing
