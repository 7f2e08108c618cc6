#include "rows.hpp"

namespace gradtape::testing {

// clang-format off: a row a line, or as few as it takes

Rows index_rows() {
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

ValueRows index_values() {
  return {
      {"one_hot", "one_hot",
       [] {
         return array_equal(one_hot(indices({1, 0}), 3),
                            tensor({{0.0f, 1.0f, 0.0f}, {1.0f, 0.0f, 0.0f}}));
       }},
  };
}

}  // namespace gradtape::testing
