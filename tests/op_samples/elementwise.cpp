#include "rows.hpp"

namespace gradtape::testing {

// clang-format off: a row a line, or as few as it takes

Rows elementwise_rows() {
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

ValueRows elementwise_values() {
  return {
      {"to", "",
       [] {
         const Tensor x = vec({1, 2}).requires_grad();
         const auto g = grad(x.to(float32), {x}, {.seed = tensor({3.0f, 4.0f})})[0];
         return array_equal(x.to(float32), tensor({1.0f, 2.0f})) && array_equal(g, vec({3, 4}));
       }},
  };
}

}  // namespace gradtape::testing
