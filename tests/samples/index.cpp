#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  const Tensor repeated = indices({2, 0, 2, -1});
  const Tensor table = tensor({{0, 2, 1}, {1, 1, 0}});
  return {
      {"index_select", "index_select", [=](Inputs x) { return index_select(x[0], 0, repeated); },
       {{{3, 2}}, {{3}}, {{3, 0}}}},
      {"index_select", "index_select", [=](Inputs x) { return index_select(x[0], -1, repeated); },
       {{{2, 3}}}},
      {"index_select_backward", "index_select",
       [=](Inputs x) { return exp(index_select(x[0], 1, repeated)); }, {{{2, 4, 2}}}},
      {"index_add", "index_add",
       [=](Inputs x) { return index_add(x[0], 0, repeated, x[1]); },
       {{{5, 2}, {4, 2}}, {{3}, {4}}, {{3, 0}, {4, 0}}}},
      {"index_add", "index_add",
       [=](Inputs x) { return exp(index_add(x[0], 1, repeated, x[1])); }, {{{2, 3, 2}, {2, 4, 2}}}},
      {"gather", "gather", [=](Inputs x) { return gather(x[0], 1, table); }, {{{2, 3}}, {{4, 3}}}},
      {"gather", "gather", [=](Inputs x) { return gather(x[0], 0, table); }, {{{3, 3}}}},
      {"gather_backward", "gather", [=](Inputs x) { return exp(gather(x[0], 0, table)); }, {{{4, 5}}}},
      {"gather", "take_along", [=](Inputs x) { return take_along(x[0], 1, table); },
       {{{1, 3}}, {{2, 4}}}},
      {"scatter", "scatter", [=](Inputs x) { return scatter(x[0], 1, table, x[1]); },
       {{{2, 3}, {2, 3}}, {{2, 3}, {}}, {{2, 4}, {3, 3}}}},
      {"scatter", "scatter", [=](Inputs x) { return exp(scatter(x[0], 0, table, x[1])); },
       {{{3, 4}, {2, 3}}}},
      {"scatter", "scatter",
       [](Inputs x) { return scatter(x[0], 0, zeros({0, 2}, int64), x[1]); }, {{{3, 2}, {0, 2}}}},
      {"scatter_add", "scatter_add", [=](Inputs x) { return scatter_add(x[0], 1, table, x[1]); },
       {{{2, 3}, {2, 3}}, {{4, 3}, {2, 5}}}},
      {"scatter_reduce", "scatter_reduce",
       [=](Inputs x) { return scatter_reduce(x[0], 1, table, x[1], ScatterReduction::sum,
                                             {.include_self = false}); }, {{{2, 3}, {2, 3}}}},
      {"scatter_reduce", "scatter_reduce",
       [=](Inputs x) { return scatter_reduce(x[0], 1, table, x[1], ScatterReduction::prod); },
       {{{2, 3}, {2, 3}}, {{3, 3}, {2, 4}}}, {{}}, {},
       {{{tensor({{5, 0, 2}, {3, 4, 7}}, float64), tensor({{1, 3, 0}, {0, 2, 1}}, float64)},
         tensor({{5, 0, 6}, {3, 0, 7}}, float64),
         {tensor({{1, 0, 3}, {1, 0, 1}}, float64), tensor({{5, 2, 0}, {8, 0, 3}}, float64)}}}},
      {"scatter_reduce", "scatter_reduce",
       [=](Inputs x) { return scatter_reduce(x[0], 1, table, x[1], ScatterReduction::mean); },
       {{{2, 3}, {2, 3}}}},
      {"scatter_reduce", "scatter_reduce",
       [=](Inputs x) { return scatter_reduce(x[0], 0, table, x[1], ScatterReduction::amax); },
       {{{3, 3}, {2, 3}}}},
      {"scatter_reduce", "scatter_reduce",
       [=](Inputs x) { return scatter_reduce(x[0], 1, table, x[1], ScatterReduction::amin,
                                             {.include_self = false}); },
       {{{2, 3}, {2, 3}}}, {{}}, {},
       {{{tensor({{5, 5, 5}, {5, 5, 5}}, float64), tensor({{1, 2, 3}, {4, 4, 9}}, float64)},
         tensor({{1, 3, 2}, {9, 4, 5}}, float64),
         {tensor({{0, 0, 0}, {0, 0, 1}}, float64), tensor({{1, 1, 1}, {0.5, 0.5, 1}}, float64)}}}},
      {"at", "at", [](Inputs x) { return at(x[0], {range(1, to_end, 2), newaxis, ellipsis, -1}); },
       {{{4, 3}}, {{5, 2, 2}}, {{3, 0, 1}}}},
      {"at", "at", [](Inputs x) { return exp(at(x[0], {1})); }, {{{3, 2}}, {{2}}, {{2, 0}}}},
      {"index_select", "at",
       [=](Inputs x) { return at(x[0], {indices({2, 0, 2, -1}), range(), indices({1, 1, 1, 0})}); },
       {{{3, 2, 2}}, {{3, 0, 4}}}},
      {"index_select", "at", [=](Inputs x) { return at(x[0], {ellipsis, table}); },
       {{{2, 3}}, {{3}}, {{0, 3}}}},
      {"index_select", "at", [](Inputs x) { return at(x[0], {tensor({true, false, true})}); },
       {{{3, 2}}, {{3, 0}}}},
      {"index_put", "index_put",
       [](Inputs x) { return index_put(x[0], {ellipsis, range(0, to_end, 2)}, x[1]); },
       {{{3, 4}, {2}}, {{3}, {}}, {{2, 0}, {2, 0}}}},
      {"index_put", "index_put", [=](Inputs x) { return index_put(x[0], {repeated}, x[1]); },
       {{{3, 2}, {4, 2}}, {{3}, {4}}}},
      {"index_put", "index_put",
       [=](Inputs x) { return exp(index_put(x[0], {repeated, 1}, x[1], {.accumulate = true})); },
       {{{3, 2}, {4}}, {{3, 2}, {}}}},
      {"where", "masked_fill",
       [](Inputs x) { return masked_fill(x[0], tensor({true, false, true}), x[1]); },
       {{{2, 3}, {}}, {{0, 3}, {}}}, {{}}, {},
       {{{vec({nan, 1, inf}), scalar(2)}, vec({2, 1, 2}), {vec({0, 1, 0}), scalar(2)}}}},
      {"index_select", "masked_select",
       [](Inputs x) { return masked_select(x[0], tensor({true, false, true})); },
       {{{2, 3}}, {{2, 1}}, {{0, 3}}}},
      {"index_select", "embedding", [=](Inputs x) { return embedding(x[0], table); },
       {{{3, 2}}, {{3, 0}}}},
  };
}

ValueRows values() {
  return {
      {"embedding", "embedding",
       [] {
         const Tensor rows = full({3, 1}, 2, float64).requires_grad();
         const EmbeddingOptions options{.padding_idx = -1, .scale_grad_by_freq = true};
         const Tensor y = embedding(rows, tensor({{0, 2}, {0, 1}}), options);
         y.backward(tensor({{{1}, {2}}, {{3}, {4}}}, float64));
         return array_equal(y, full({2, 2, 1}, 2, float64)) &&
                array_equal(rows.grad(), tensor({{2}, {4}, {0}}, float64));
       }},
      {"", "nonzero",
       [] {
         return array_equal(nonzero(tensor({{0, 3}, {-1, 0}})), tensor({{0, 1}, {1, 0}})) &&
                array_equal(nonzero(tensor({nan, 0.0, -0.0, inf})), tensor({{0}, {3}})) &&
                nonzero(Tensor(2)).shape() == Shape{1, 0} &&
                nonzero(zeros({0, 3})).shape() == Shape{0, 2};
       }},
      {"one_hot", "one_hot",
       [] {
         return array_equal(one_hot(indices({1, 0}), 3),
                            tensor({{0.0f, 1.0f, 0.0f}, {1.0f, 0.0f, 0.0f}}));
       }},
  };
}

const Family family("index", rows, values);

}  // namespace
}  // namespace gradtape::testing
