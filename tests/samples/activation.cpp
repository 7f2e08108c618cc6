#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  return {
      unary("relu", relu, {-1, 3},
            {at(0, 0, 0), at(-0., 0, 0), at(inf, inf, 1), at(-inf, 0, 0), at(nan, nan, 0)}, {0}),
      {"leaky_relu", "leaky_relu", [](Inputs x) { return leaky_relu(x[0], 0.1); },
       {{{2, 3}}, {{0}}}, {{}}, {0}, {at(0, 0, 0.1), at(inf, inf, 1), at(-inf, -inf, 0.1)}},
      {"elu", "elu", [](Inputs x) { return elu(x[0], 0.7); }, {{{2, 3}}, {{0}}}, {{}}, {0},
       {at(0, 0, 0.7), at(inf, inf, 1), at(-inf, -0.7, 0)}},
      unary("selu", selu, {}, {at(inf, inf, 1.0507009873554805)}, {0}),
      {"celu", "celu", [](Inputs x) { return celu(x[0], 0.7); }, {{{2, 3}}, {{0}}}, {{}}, {0},
       {at(0, 0, 1), at(inf, inf, 1), at(-inf, -0.7, 0)}},
      unary("gelu", [](const Tensor& x) { return gelu(x); }, {}, {at(0, 0, 0.5), at(-40, 0, 0)}),
      unary("gelu", [](const Tensor& x) { return gelu(x, Gelu::tanh); }, {}, {at(0, 0, 0.5), at(-40, 0, 0)}),
      unary("silu", silu, {}, {at(0, 0, 0.5)}),
      unary("mish", mish, {}, {at(0, 0, 0.6)}),
      unary("softplus", [](const Tensor& x) { return softplus(x); }, {},
            {at(inf, inf, 1), at(-inf, 0, 0)}),
      unary("softplus", [](const Tensor& x) { return softplus(x, 3); }, {},
            {at(0, ln2 / 3, 0.5), at(inf, inf, 1), at(-inf, 0, 0)}),
      unary("softsign", softsign, {}, {at(0, 0, 1), at(inf, 1, 0), at(-inf, -1, 0)}, {0}),
      unary("tanhshrink", tanhshrink, {}, {at(0, 0, 0), at(inf, inf, 1)}),
      unary("tanhshrink", tanhshrink, {-0.09, 0.09}),
      unary("relu6", relu6, {-3, 9}, {at(0, 0, 0), at(6, 6, 0), at(inf, 6, 0), at(nan, nan, 1)}, {0, 6}),
      {"prelu", "prelu", [](Inputs x) { return prelu(x[0], x[1]); },
       {{{2, 3}, {3}}, {{2, 3, 2}, {3}}, {{4}, {1}}, {{}, {}}, {{2, 3}, {}}, {{0, 2}, {2}}}, {{}}, {0},
       {at(0, 0.3, 0, 0.3, 0), at(2, 0.3, 2, 1, 0), at(-2, 0.3, -0.6, 0.3, -2)}},
      {"hardtanh", "hardtanh", [](Inputs x) { return hardtanh(x[0], -0.5, 1); }, {{{2, 3}}, {{0}}}, {{}},
       {-0.5, 1}, {at(-0.5, -0.5, 0), at(1, 1, 0), at(inf, 1, 0), at(nan, nan, 1)}},
      unary("hardsigmoid", hardsigmoid, {-4, 4}, {at(-3, 0, 0), at(3, 1, 0), at(-inf, 0, 0)}, {-3, 3}),
      unary("hardswish", hardswish, {-4, 4}, {at(-3, 0, -0.5), at(3, 3, 1), at(-inf, 0, 0), at(inf, inf, 1)},
            {-3, 3}),
      {"hardshrink", "hardshrink", [](Inputs x) { return hardshrink(x[0], 0.7); }, {{{2, 3}}, {{0}}}, {{}},
       {-0.7, 0.7}, {at(0, 0, 0), at(0.5, 0, 0), at(-1, -1, 1), at(inf, inf, 1), at(nan, nan, 1)}},
      {"softshrink", "softshrink", [](Inputs x) { return softshrink(x[0], 0.5); }, {{{2, 3}}, {{0}}}, {{}},
       {-0.5, 0.5}, {at(0.5, 0, 0), at(-0.5, 0, 0), at(-1, -0.5, 1), at(inf, inf, 1), at(nan, nan, 0)}},
      {"threshold", "threshold", [](Inputs x) { return threshold(x[0], 0.5, -3); }, {{{2, 3}}, {{0}}}, {{}},
       {0.5}, {at(0.5, -3, 0), at(1, 1, 1), at(-inf, -3, 0)}},
      {"glu", "glu", [](Inputs x) { return glu(x[0]); }, {{{2, 4}}, {{2}}, {{0, 2}}, {{3, 0}}}},
      {"glu", "glu", [](Inputs x) { return glu(x[0], 0); }, {{{4, 3}}}},
      {"amax", "maxout", [](Inputs x) { return maxout(x[0], 2); }, {{{2, 4}}, {{6}}, {{0, 2}}}, {{}}, {},
       {{{vec({1, 1, 2, 5})}, vec({1, 5}), {vec({.5, .5, 0, 1})}}}},
      {"amax", "maxout", [](Inputs x) { return maxout(x[0], 3, 0); }, {{{6, 2}}}},
      {"rbf", "rbf", [](Inputs x) { return rbf(x[0], x[1], x[2]); },
       {{{2, 3}, {4, 3}, {4}}, {{3}, {2, 3}, {}}, {{2, 2, 1}, {1, 1}, {1}}, {{0, 2}, {3, 2}, {3}}},
       {{}, {}, {1, 2}}},
      {"rbf", "rbf", [](Inputs x) { return rbf(x[0], x[1]); }, {{{2, 3}, {4, 3}}}},
      unary("sigmoid", sigmoid, {}, {at(inf, 1, 0), at(-inf, 0, 0), at(0, 0.5, 0.25)}),
      unary("log_sigmoid", log_sigmoid, {}, {at(inf, 0, 0), at(-inf, -inf, 1)}),
  };
}

const Family family("activation", rows);

}  // namespace
}  // namespace gradtape::testing
