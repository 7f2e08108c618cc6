#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  return {
      unary("abs", abs, {}, {at(0, 0, 0), at(-0., 0, 0), at(inf, inf, 1), at(-inf, inf, -1)}, {0}),
      flat(unary("sign", sign, {}, {at(0, 0, 0), at(-inf, -1, 0)}, {0})),
      flat(unary("unit_step", unit_step, {}, {at(0, 0, 0), at(inf, 1, 0)}, {0})),
      flat(unary("floor", floor, {}, {at(1, 1, 0), at(-0.5, -1, 0), at(inf, inf, 0)},
                 {-2, -1, 0, 1, 2})),
      flat(unary("ceil", ceil, {}, {at(1, 1, 0), at(0.5, 1, 0), at(inf, inf, 0)},
                 {-2, -1, 0, 1, 2})),
      flat(unary("trunc", trunc, {}, {at(1, 1, 0), at(-0.5, -0., 0), at(-inf, -inf, 0)},
                 {-2, -1, 0, 1, 2})),
      flat(unary("round", [](const Tensor& x) { return round(x); }, {},
                 {at(0.5, 0, 0), at(1.5, 2, 0), at(-inf, -inf, 0)}, {-1.5, -0.5, 0.5, 1.5})),
      flat({"round", "round", [](Inputs x) { return round(x[0], 1); }, {{{3}}, {{0}}},
            {{-0.14, 0.14}}, {-0.15, -0.05, 0.05, 0.15},
            {at(0.25, 0.2, 0), at(inf, inf, 0), at(3e38, 3e38, 0)}}),
      flat({"round", "round", [](Inputs x) { return round(x[0], -2); }, {{{3}}}, {{-140, 140}},
            {-150, -50, 50, 150}, {at(150, 200, 0), at(-251, -300, 0), at(inf, inf, 0)}}),
      unary("frac", frac, {}, {at(1.5, 0.5, 1), at(-1.5, -0.5, 1), at(2, 0, 1), at(inf, nan, 1)},
            {-2, -1, 0, 1, 2}),
      unary("square", square, {}, {at(0, 0, 0), at(-inf, inf, -inf)}),
      unary("sqrt", sqrt, {0.3, 3}, {at(0, 0, inf), at(inf, inf, 0)}),
      unary("cbrt", cbrt, {0.3, 3}, {at(-8, -2, 1. / 12), at(0, 0, inf), at(inf, inf, 0)}),
      unary("rsqrt", rsqrt, {0.4, 3}, {at(0, inf, -inf), at(inf, 0, 0)}),
      unary("reciprocal", reciprocal, {0.4, 3}, {at(0, inf, -inf), at(inf, 0, 0)}),
      unary("exp", exp, {}, {at(-inf, 0, 0), at(inf, inf, inf), at(0, 1, 1)}),
      unary("exp2", exp2, {}, {at(-inf, 0, 0), at(inf, inf, inf), at(3, 8, 8 * ln2)}),
      unary("expm1", expm1, {}, {at(-inf, -1, 0), at(0, 0, 1), at(-0., -0., 1), at(inf, inf, inf)}),
      unary("log", log, {0.3, 3}, {at(0, -inf, inf), at(inf, inf, 0)}),
      unary("log2", log2, {0.3, 3}, {at(8, 3, 1 / (8 * ln2)), at(0, -inf, inf), at(inf, inf, 0)}),
      unary("log10", log10, {0.3, 3}, {at(0, -inf, inf), at(inf, inf, 0), at(-1, nan, -1 / std::log(10.))}),
      unary("log1p", log1p, {-0.6, 2}, {at(-1, -inf, inf), at(0, 0, 1)}),
      unary("logit", logit, {0.05, 0.95},
            {at(0, -inf, inf), at(1, inf, inf), at(0.5, 0, 4), at(2, nan, nan), at(-1, nan, nan)}),
      unary("sin", sin, {}, {at(0, 0, 1), at(inf, nan, nan)}),
      unary("cos", cos, {}, {at(0, 1, 0), at(inf, nan, nan)}),
      unary("tan", tan, {-1.2, 1.2}, {at(0, 0, 1)}),
      unary("asin", asin, {-0.8, 0.8}, {at(1, pi / 2, inf), at(-1, -pi / 2, inf)}),
      unary("acos", acos, {-0.8, 0.8}, {at(1, 0, -inf)}),
      unary("atan", atan, {}, {at(inf, pi / 2, 0), at(0, 0, 1)}),
      unary("sinh", sinh, {}, {at(0, 0, 1)}),
      unary("cosh", cosh, {}, {at(0, 1, 0)}),
      unary("tanh", tanh, {}, {at(0, 0, 1), at(inf, 1, 0), at(-inf, -1, 0)}),
      unary("asinh", asinh, {}, {at(0, 0, 1), at(inf, inf, 0), at(-inf, -inf, 0)}),
      unary("acosh", acosh, {1.2, 3}, {at(1, 0, inf), at(inf, inf, 0), at(0, nan, nan)}),
      unary("atanh", atanh, {-0.8, 0.8}, {at(0, 0, 1), at(1, inf, inf), at(-1, -inf, inf)}),
      unary("sinc", sinc, {}, {at(0, 1, 0), at(nan, nan, nan)}),
      unary("sinc", sinc, {-0.28, 0.28}),
      unary("erf", erf, {}, {at(inf, 1, 0), at(-inf, -1, 0)}),
      unary("erfc", erfc, {}, {at(inf, 0, 0), at(-inf, 2, 0), at(nan, nan, nan)}),
      unary("erfinv", erfinv, {-0.9, 0.9},
            {at(1, inf, inf), at(-1, -inf, inf), at(0, 0, std::sqrt(pi) / 2), at(2, nan, nan)}),
      unary("lgamma", lgamma, {0.3, 4}, {at(0, inf, -inf), at(inf, inf, inf), at(-1, inf, nan)}),
      unary("lgamma", lgamma, {-1.8, -1.2}),
      unary("digamma", digamma, {0.3, 4},
            {at(0, -inf, inf), at(-0., inf, inf), at(-1, nan, inf), at(inf, inf, 0)}),
      unary("digamma", digamma, {-1.8, -1.2}),
      {"polygamma", "polygamma", [](Inputs x) { return polygamma(2, x[0]); }, {{{2, 3}}, {{0}}},
       {{0.5, 4}}, {}, {at(0, -inf, inf), at(inf, 0, 0), at(nan, nan, nan)}},
      {"polygamma", "polygamma", [](Inputs x) { return polygamma(1, x[0]); }, {{{2, 3}}},
       {{-1.8, -1.2}}, {}, {at(-2, inf, -inf)}},
      {"nan_to_num", "nan_to_num", [](Inputs x) { return nan_to_num(x[0]); }, {{{2, 3}}, {{0}}}, {{}},
       {}, {at(nan, 0, 0), at(1, 1, 1)}},
      {"nan_to_num", "nan_to_num",
       [](Inputs x) { return nan_to_num(x[0], {.nan = 3, .posinf = 7, .neginf = -5}); }, {{{2, 3}}},
       {{}}, {}, {at(nan, 3, 0), at(inf, 7, 0), at(-inf, -5, 0), at(-2, -2, 1)}},
  };
}

ValueRows values() {
  return {
      {"to", "",
       [] {
         const Tensor x = vec({1, 2}).requires_grad();
         const auto g = grad(x.to(float32), {x}, {.seed = tensor({3.0f, 4.0f})})[0];
         return array_equal(x.to(float32), tensor({1.0f, 2.0f})) && array_equal(g, vec({3, 4}));
       }},
  };
}

const Family family("elementwise", rows, values);

}  // namespace
}  // namespace gradtape::testing
