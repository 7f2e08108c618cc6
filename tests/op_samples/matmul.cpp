#include "rows.hpp"

namespace gradtape::testing {

// clang-format off: a row a line, or as few as it takes

Rows matmul_rows() {
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

ValueRows matmul_values() {
  return {};
}

}  // namespace gradtape::testing
