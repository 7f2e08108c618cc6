#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

OpSample extremum(OpSample sample) {
  std::erase(sample.shapes, std::vector<Shape>{{}, {}});  // one of the two would get no gradient
  return sample;
}

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
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
      flat({"pow", "pow", [](Inputs x) { return pow(x[0], 0.0); }, {{{2, 3}}, {{}}}, {{}}, {},
            {at(0, 1, 0), at(inf, 1, 0), at(nan, 1, 0)}}),
      {"pow", "pow", [](Inputs x) { return pow(x[0], -1.5); }, {{{2, 3}}}, {{0.5, 2}}},
      extremum(binary("maximum", "maximum", maximum, {}, {},
                      {at(1, 1, 1, .5, .5), at(0., -0., 0, .5, .5), at(inf, 1, inf, 1, 0),
                       at(-inf, -inf, -inf, .5, .5)})),
      extremum(binary("minimum", "minimum", minimum, {}, {},
                      {at(1, 1, 1, .5, .5), at(inf, 1, 1, 0, 1), at(inf, inf, inf, .5, .5)})),
      extremum(binary("fmax", "fmax", fmax, {}, {},
                      {at(1, 1, 1, 1, 0), at(nan, 1, 1, 0, 1), at(1, nan, 1, 1, 0), at(2, inf, inf, 0, 1),
                       at(nan, nan, nan, 1, 0)})),
      extremum(binary("fmin", "fmin", fmin, {}, {},
                      {at(1, 1, 1, 1, 0), at(nan, 1, 1, 0, 1), at(1, nan, 1, 1, 0), at(2, inf, 2, 1, 0)})),
      {"clamp", "clamp", [](Inputs x) { return clamp(x[0], -0.5, 1); }, {{{2, 5}}, {{0}}}, {{}},
       {-0.5, 1}, {at(-0.5, -0.5, 1), at(1, 1, 1), at(inf, 1, 0), at(-inf, -0.5, 0)}},
      {"clamp", "clamp", [](Inputs x) { return clamp(x[0], x[1], x[2]); },
       {{{2, 5}, {5}, {2, 1}}, {{0}, {1}, {}}}, {{-2, 2}, {-1.2, -0.4}, {0.4, 1.2}}, {},
       {{{vec({-1, -1, 2, 2, 0, nan}), vec({-1, 0, 0, 3, 1, 0}), vec({1, 1, 1, 2, 0, 1})},
         vec({-1, 0, 1, 2, 0, nan}),
         {vec({1, 0, 0, 0, 0, 1}), vec({0, 1, 0, 0, 0, 0}), vec({0, 0, 1, 1, 1, 0})}}}},
      {"clamp", "clamp", [](Inputs x) { return clamp(x[0], x[1], Tensor()); }, {{{2, 5}, {5}}},
       {{-2, 2}, {-0.5, 0.5}}, {}, {at(1, 1, 1, 1, 0), at(0, 1, 1, 0, 1), at(0, nan, nan, 0, 1)}},
      {"clamp", "clamp", [](Inputs x) { return clamp(x[0], Tensor(), x[1]); }, {{{2, 5}, {5}}},
       {{-2, 2}, {-0.5, 0.5}}, {}, {at(1, 1, 1, 1, 0), at(2, 1, 1, 0, 1), at(nan, 1, nan, 1, 0)}},
      binary("fmod", "fmod", fmod, {3.1, 3.8}, {1.3, 1.5},
             {at(-5, 3, -2, 1, 1), at(5, -3, 2, 1, 1), at(6, 3, 0, 1, -2), at(1, 0, nan, 1, -inf)}),
      binary("remainder", "remainder", remainder, {3.1, 3.8}, {1.3, 1.5},
             {at(-5, 3, 1, 1, 2), at(5, -3, -1, 1, 2), at(-6, 3, 0, 1, 2), at(1, 0, nan, 1, -inf)}),
      binary("remainder", "operator%", operator%, {3.1, 3.8}, {1.3, 1.5}),
      flat(binary("floor_divide", "floor_divide", floor_divide, {3.1, 3.8}, {1.3, 1.5},
                  {at(-5, 3, -2, 0, 0), at(6, 2, 3, 0, 0), at(1, 0, inf, 0, 0), at(-5, -3, 1, 0, 0)})),
      binary("atan2", "atan2", atan2, {0.3, 2}, {},
             {at(0, 1, 0, 1, 0), at(0, -1, pi, -1, 0), at(1, 0, pi / 2, 0, -1), at(0, 0, 0, 0, 0), at(inf, 1, pi / 2, 0, 0)}),
      binary("hypot", "hypot", hypot, {0.3, 2}, {},
             {at(3, -4, 5, 0.6, -0.8), at(0, 0, 0, 0, 0), at(0, 2, 2, 0, 1), at(inf, 1, inf, 1, 0)}),
      binary("logaddexp", "logaddexp", logaddexp, {}, {},
             {at(0, 0, ln2, .5, .5), at(inf, 1, inf, 1, 0), at(-inf, 1, 1, 0, 1),
              at(-inf, -inf, -inf, .5, .5), at(inf, inf, inf, .5, .5), at(900, 0, 900, 1, 0)}),
      binary("xlogy", "xlogy", xlogy, {}, {0.3, 2},
             {at(0, 0, 0, 0, 0), at(0, 2, 0, ln2, 0), at(0, nan, nan, nan, nan), at(2, 0, -inf, -inf, inf),
              at(0, -1, 0, 0, 0)}),
      // copysign passes its second operand no gradient; the sum does, for there must be one to check.
      {"copysign", "copysign", [](Inputs x) { return copysign(x[0], x[1]) + x[1]; }, pairs,
       {{0.3, 2}, {-2, -0.3}}},
      {"copysign", "copysign", [](Inputs x) { return copysign(x[0], x[1]); }, {}, {{}}, {},
       {at(2, -0., -2, -1, 0), at(-2, -1, -2, 1, 0), at(0, -1, -0., 0, 0), at(inf, -1, -inf, -1, 0)}},
      {"heaviside", "heaviside", [](Inputs x) { return heaviside(tensor({-1., 0., 2.}).to(x[0].dtype()), x[0]); },
       {{{3}}, {{}}, {{2, 3}}}},
      flat(binary("heaviside", "heaviside", heaviside, {-2, -1}, {},
                  {at(-1, 5, 0, 0, 0), at(0, 5, 5, 0, 1), at(2, 5, 1, 0, 0), at(nan, 5, nan, 0, 0)})),
      {"lerp", "lerp", [](Inputs x) { return lerp(x[0], x[1], x[2]); },
       {{{2, 3}, {3}, {}}, {{2}, {2}, {2}}, {{0}, {1}, {}}}, {{}, {}, {0, 1}}, {},
       {{{scalar(1), scalar(4), scalar(1)}, scalar(4), {scalar(0), scalar(1), scalar(3)}},
        {{scalar(1), scalar(4), scalar(0)}, scalar(1), {scalar(1), scalar(0), scalar(3)}}}},
      {"addcmul", "addcmul", [](Inputs x) { return addcmul(x[0], x[1], x[2], -1.5); },
       {{{2, 3}, {3}, {2, 1}}, {{}, {}, {}}, {{0}, {1}, {}}}},
      {"addcdiv", "addcdiv", [](Inputs x) { return addcdiv(x[0], x[1], x[2], -1.5); },
       {{{2, 3}, {3}, {2, 1}}, {{}, {}, {}}, {{0}, {1}, {}}}, {{}, {}, {0.5, 2}}},
      binary("masked_mul", "masked_mul", masked_mul, {}, {}, {at(0, inf, 0, inf, 0), at(0, nan, 0, nan, 0)}),
  };
}

const Family family("arithmetic", rows);

}  // namespace
}  // namespace gradtape::testing
