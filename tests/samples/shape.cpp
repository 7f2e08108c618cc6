#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

/// The gradient of a slice as a function of the cotangent.
Tensor slice_backward(Inputs x) {
  const Tensor whole = zeros({2, 5}, x[0].dtype()).requires_grad();
  return grad(slice(whole, 1, 0, to_end, 2), {whole}, {.create_graph = true, .seed = x[0]})[0];
}

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
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
      {"slice", "slice", [](Inputs x) { return slice(x[0], -1, -4, to_end, 2); },
       {{{2, 5}}, {{2, 3}}}},
      {"slice_backward", "", slice_backward, {{{2, 3}}}},
      {"select", "select", [](Inputs x) { return select(x[0], 0, -1); },
       {{{3, 2}}, {{3}}, {{2, 0}}}},
      {"select", "select", [](Inputs x) { return select(x[0], 1, 1); }, {{{2, 3, 2}}}},
      {"unsqueeze", "unsqueeze", [](Inputs x) { return unsqueeze(x[0], -1); },
       {{{2, 3}}, {{}}, {{0}}}},
      {"squeeze", "squeeze", [](Inputs x) { return squeeze(x[0], 1); }, {{{2, 1, 3}}, {{0, 1}}}},
      {"squeeze", "squeeze", [](Inputs x) { return squeeze(x[0]); }, {{{2, 1, 3, 1}}, {{0, 1}}}},
      {"squeeze", "squeeze", [](Inputs x) { return squeeze(x[0], {0, -1}); }, {{{1, 2, 1}}}},
      {"reshape", "unflatten", [](Inputs x) { return unflatten(x[0], 1, {-1, 2}); },
       {{{2, 6}}, {{0, 4, 2}}}},
      {"permute", "movedim", [](Inputs x) { return movedim(x[0], {0, 1}, {-1, 0}); },
       {{{2, 3, 4}}, {{2, 0, 3}}}},
      {"permute", "movedim", [](Inputs x) { return exp(movedim(x[0], 0, 2)); }, {{{2, 3, 2}}}},
      {"slice", "narrow", [](Inputs x) { return narrow(x[0], 1, 1, 2); }, {{{2, 4}}, {{0, 3}}}},
      with_results({"split", "split", [](Inputs x) { auto p = split(x[0], 2, 1); return p[0] * exp(p[2]); },
                    {{{3, 6}}, {{0, 6}}}},
                   [](Inputs x) { return split(x[0], 2, 1); }),
      {"split", "split", [](Inputs x) { return split(x[0], {1, 0, 2})[2]; }, {{{3, 2}}, {{3, 0}}}},
      with_results({"chunk", "chunk", [](Inputs x) { return exp(chunk(x[0], 2, -1)[1]); }, {{{3, 5}}, {{2, 0}}}},
                   [](Inputs x) { return chunk(x[0], 2, -1); }),
      with_results({"unbind", "unbind", [](Inputs x) { auto p = unbind(x[0], 1); return p[0] * exp(p[1]); },
                    {{{3, 2}}, {{0, 2}}, {{2, 2, 3}}}},
                   [](Inputs x) { return unbind(x[0], 1); }),
      {"concat", "concat", [](Inputs x) { return concat({x[0], x[1], x[0]}, 1); },
       {{{2, 3}, {2, 1}}, {{2, 3}, {2, 0}}}},
      {"concat", "concat", [](Inputs x) { return concat({x[0], x[1]}); },
       {{{2}, {3}}, {{2, 2}, {1, 2}}}},
      {"stack", "stack", [](Inputs x) { return stack({x[0], x[1]}, -1); },
       {{{2, 3}, {2, 3}}, {{}, {}}, {{0}, {0}}}},
  };
}

const Family family("shape", rows);

}  // namespace
}  // namespace gradtape::testing
