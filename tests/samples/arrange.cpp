#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  return {
      {"flip", "flip", [](Inputs x) { return flip(x[0]); }, {{{2, 3}}, {{4}}, {{}}, {{2, 0}}}},
      {"flip", "flip", [](Inputs x) { return flip(x[0], {0, -1}); }, {{{2, 3, 2}}}},
      {"roll", "roll", [](Inputs x) { return roll(x[0], 2); }, {{{2, 3}}, {{}}, {{0}}, {{5}}}},
      {"roll", "roll", [](Inputs x) { return roll(x[0], {-1, 4}, {1, 0}); }, {{{3, 4}}, {{2, 0}}}},
      {"flip", "rot90", [](Inputs x) { return rot90(x[0]); }, {{{2, 3}}, {{0, 2}}}},
      {"flip", "rot90", [](Inputs x) { return rot90(x[0], -1, 0, -1); }, {{{2, 2, 3}}}},
      {"expand", "tile", [](Inputs x) { return tile(x[0], {2, 1, 3}); },
       {{{2, 3}}, {{}}, {{0}}, {{2, 1, 1, 2}}}},
      {"expand", "tile", [](Inputs x) { return tile(x[0], {2, 0}); }, {{{3}}}},
      {"expand", "repeat_interleave", [](Inputs x) { return repeat_interleave(x[0], 3, 1); },
       {{{2, 3}}, {{2, 0}}}},
      {"index_select", "repeat_interleave",
       [](Inputs x) { return repeat_interleave(x[0], indices({2, 0, 1})); }, {{{3, 2}}, {{3, 0}}}},
      with_results({"expand", "meshgrid", [](Inputs x) { return meshgrid({x[0], x[0]}, MeshOrder::xy)[0]; },
                    {{{3}}, {{}}, {{0}}}},
                   [](Inputs x) { return meshgrid({x[0], x[0]}); }),
      {"pad", "pad", [](Inputs x) { return pad(x[0], {1, 2, 0, -1}, {.value = 1.5}); },
       {{{3, 2}}, {{2, 3, 2}}, {{1, 0}}}},
      {"index_select", "pad",
       [](Inputs x) { return pad(x[0], {2, 1, 1, -1}, {.mode = PadMode::reflect}); },
       {{{3, 3}}, {{2, 2, 4}}, {{0, 2, 3}}}},
      {"index_select", "pad",
       [](Inputs x) { return pad(x[0], {2, 4}, {.mode = PadMode::replicate}); }, {{{2, 3}}, {{0, 1}}}},
      {"index_select", "pad",
       [](Inputs x) { return pad(x[0], {2, 1, -1, 2}, {.mode = PadMode::circular}); },
       {{{3, 3}}, {{0, 3, 2}}}},
      {"unfold", "unfold", [](Inputs x) { return unfold(x[0], 0, 3, 1); }, {{{5}}, {{4, 2}}, {{3, 0}}}},
      {"unfold", "unfold", [](Inputs x) { return unfold(x[0], -1, 2, 3); }, {{{2, 6}}, {{0, 2}}}},
      {"strided_add", "diag", [](Inputs x) { return diag(x[0], 1); }, {{{3}}, {{0}}}},
      {"diagonal", "diag", [](Inputs x) { return diag(x[0], -1); }, {{{3, 2}}, {{0, 3}}}},
      {"diagonal", "diagonal", [](Inputs x) { return diagonal(x[0], 1, 0, 2); },
       {{{2, 3, 4}}, {{2, 0, 3}}, {{2, 2, 1}}}},
      {"strided_add", "diag_embed", [](Inputs x) { return diag_embed(x[0], -1, 0, 1); },
       {{{2, 3}}, {{3}}, {{2, 0}}}},
      {"strided_copy", "diag_embed", [](Inputs x) { return exp(diag_embed(x[0], 1)); }, {{{2, 3}}}},
      {"tril", "tril", [](Inputs x) { return tril(x[0]); }, {{{3, 4}}, {{2, 3, 2}}, {{0, 2}}, {{2, 0}}},
       {{}}, {}, {{{tensor({{inf, nan}, {-inf, 1.0}}, float64)}, tensor({{inf, 0.0}, {-inf, 1.0}}, float64),
                   {tensor({{1, 0}, {1, 1}}, float64)}}}},
      {"triu", "triu", [](Inputs x) { return triu(x[0], -1); }, {{{3, 4}}, {{4, 2}}, {{0, 2}}}},
  };
}

const Family family("arrange", rows);

}  // namespace
}  // namespace gradtape::testing
