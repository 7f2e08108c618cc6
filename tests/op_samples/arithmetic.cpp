#include "rows.hpp"

namespace gradtape::testing {

namespace {

OpSample extremum(OpSample sample) {
  std::erase(sample.shapes, std::vector<Shape>{{}, {}});  // one of the two would get no gradient
  return sample;
}

}  // namespace

// clang-format off: a row a line, or as few as it takes

Rows arithmetic_rows() {
  return {
      binary("add", "operator+", operator+),
      binary("sub", "operator-", operator-),
      binary("mul", "operator*", operator*, {}, {}, {at(0, inf, nan, inf, 0)}),
      binary("div", "operator/", operator/, {}, {0.5, 2},
             {at(1, inf, 0, 0, 0), at(1, 0, inf, inf, -inf)}),
      unary("neg", operator-),
      binary("pow", "pow", pow, {0.4, 2}, {},
             {at(0, 2, 0, 0, 0), at(0, 1, 0, 1, 0), at(0, 0, 1, 0, 0), at(2, 0, 1, 0, ln2)}),
      {"pow", "pow", [](Inputs x) { return pow(x[0], 3.0); }, {{{2, 3}}, {{}}, {{0}}}, {{}}, {},
       {at(0, 0, 0), at(-2, -8, 12), at(inf, inf, inf)}},
      {"pow", "pow", [](Inputs x) { return pow(x[0], -1.5); }, {{{2, 3}}}, {{0.5, 2}}},
      extremum(binary("maximum", "maximum", maximum, {}, {},
                      {at(1, 1, 1, .5, .5), at(0., -0., 0, .5, .5), at(inf, 1, inf, 1, 0),
                       at(-inf, -inf, -inf, .5, .5)})),
      extremum(binary("minimum", "minimum", minimum, {}, {},
                      {at(1, 1, 1, .5, .5), at(inf, 1, 1, 0, 1), at(inf, inf, inf, .5, .5)})),
      {"clamp", "clamp", [](Inputs x) { return clamp(x[0], -0.5, 1); }, {{{2, 5}}, {{0}}}, {{}},
       {-0.5, 1}, {at(-0.5, -0.5, 1), at(1, 1, 1), at(inf, 1, 0), at(-inf, -0.5, 0)}},
      binary("chain", "chain", chain, {}, {}, {at(0, inf, 0, inf, 0), at(0, nan, 0, nan, 0)}),
  };
}

ValueRows arithmetic_values() {
  return {};
}

}  // namespace gradtape::testing
