#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

bool throws_value(const char* equation, const std::vector<Tensor>& x) {
  try {
    (void)einsum(equation, x);
    return false;
  } catch (const ValueError&) {
    return true;
  }
}

OpSample einsum_row(const char* equation, std::vector<std::vector<Shape>> shapes) {
  return {"", "einsum", [equation](Inputs x) { return einsum(equation, x); }, std::move(shapes)};
}

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
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
      {"", "bmm", [](Inputs x) { return bmm(x[0], x[1]); },
       {{{2, 2, 3}, {2, 3, 2}}, {{0, 2, 3}, {0, 3, 2}}, {{2, 2, 0}, {2, 0, 2}}}},
      {"", "dot", [](Inputs x) { return dot(x[0], x[1]); }, {{{3}, {3}}, {{1}, {1}}, {{0}, {0}}}},
      {"", "outer", [](Inputs x) { return outer(x[0], x[1]); }, {{{3}, {2}}, {{0}, {2}}}},
      {"", "tensordot", [](Inputs x) { return tensordot(x[0], x[1]); },
       {{{2, 3, 2}, {3, 2, 2}}, {{2, 3}, {2, 3}}, {{2, 0, 2}, {0, 2, 2}}}},
      {"", "tensordot", [](Inputs x) { return tensordot(x[0], x[1], 0); },
       {{{2, 3}, {2}}, {{0}, {2}}}},
      {"", "tensordot", [](Inputs x) { return tensordot(x[0], x[1], {2, 0}, {0, 1}); },
       {{{2, 3, 4}, {4, 2}}, {{2, 3, 4}, {4, 2, 3}}}},
      {"", "kron", [](Inputs x) { return kron(x[0], x[1]); },
       {{{2, 3}, {3, 2}}, {{2}, {3, 2}}, {{2, 1, 2}, {2}}, {{}, {2}}, {{0, 2}, {2, 2}}}},
      {"", "cross", [](Inputs x) { return cross(x[0], x[1]); },
       {{{3}, {3}}, {{2, 3}, {3}}, {{2, 1, 3}, {4, 3}}, {{0, 3}, {3}}}},
      {"", "cross", [](Inputs x) { return cross(x[0], x[1], 0); }, {{{3, 2}, {3, 2}}}},
      einsum_row("ij,jk->ik", {{{2, 3}, {3, 4}}, {{2, 1}, {3, 4}}, {{2, 0}, {0, 4}}}),
      einsum_row("bij,bkj", {{{2, 2, 3}, {2, 4, 3}}, {{1, 2, 3}, {2, 4, 3}}}),
      einsum_row("...ij,j...->i...", {{{2, 2, 3}, {3, 2}}, {{2, 3}, {3}}}),
      einsum_row("iij,jk->k", {{{3, 3, 2}, {2, 2}}}),
      einsum_row("ab,bc,cd->ad", {{{2, 3}, {3, 2}, {2, 2}}}),
      einsum_row("ij->i", {{{2, 3}}, {{2, 0}}}),
      einsum_row("ii", {{{3, 3}}, {{0, 0}}}),
      einsum_row("ijk->kij", {{{2, 3, 4}}}),
      einsum_row("i,j,i->ij", {{{2}, {3}, {2}}}),
  };
}

ValueRows values() {
  return {
      {"", "einsum", [] { return throws_value("ij->ji->ij", {zeros({2, 2})}); }},
  };
}

const Family family("matmul", rows, values);

}  // namespace
}  // namespace gradtape::testing
