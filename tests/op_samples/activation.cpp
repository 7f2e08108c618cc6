#include "rows.hpp"

namespace gradtape::testing {

// clang-format off: a row a line, or as few as it takes

Rows activation_rows() {
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

ValueRows activation_values() {
  return {};
}

}  // namespace gradtape::testing
