#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  return {
      {"where", "where", [](Inputs x) { return where(tensor({true, false, true}), x[0], x[1]); },
       {{{3}, {3}}, {{2, 3}, {}}, {{1}, {2, 1}}, {{0, 3}, {3}}}, {{}}, {},
       {{{vec({1, nan, 2}), vec({nan, 3, inf})}, vec({1, 3, 2}),
         {vec({1, 0, 1}), vec({0, 1, 0})}}}},
  };
}

ValueRows values() {
  static const Tensor a = tensor({1, 2, 3}), b = tensor({3, 2, 1}), yes = tensor({true, false}),
                      both = tensor({true, true});
  static const auto is = [](const Tensor& x, bool p, bool q, bool r) {
    return array_equal(x, tensor({p, q, r}));
  };
  return {
      {"eq", "operator==", [] { return is(a == b, false, true, false); }},
      {"ne", "operator!=", [] { return is(a != b, true, false, true); }},
      {"lt", "operator<", [] { return is(a < b, true, false, false); }},
      {"le", "operator<=", [] { return is(a <= b, true, true, false); }},
      {"gt", "operator>", [] { return is(a > b, false, false, true); }},
      {"ge", "operator>=", [] { return is(a >= b, false, true, true); }},
      {"logical_and", "logical_and", [] { return array_equal(logical_and(yes, both), yes); }},
      {"logical_or", "logical_or", [] { return array_equal(logical_or(yes, both), both); }},
      {"logical_not", "logical_not",
       [] {
         return array_equal(logical_not(yes), tensor({false, true}));
       }},
      {"logical_xor", "logical_xor",
       [] { return array_equal(logical_xor(yes, both), tensor({false, true})); }},
      {"isnan", "isnan", [] { return is(isnan(vec({nan, inf, 1})), true, false, false) &&
                                     is(isnan(a), false, false, false); }},
      {"isinf", "isinf", [] { return is(isinf(vec({nan, -inf, 1})), false, true, false); }},
      {"isfinite", "isfinite",
       [] {
         return is(isfinite(vec({nan, -inf, 1})), false, false, true) &&
                is(isfinite(a), true, true, true);
       }},
      {"isclose", "isclose",
       [] {
         const Tensor x = vec({1, inf, nan}), y = vec({1.05, inf, nan});
         return is(isclose(x, y), false, true, false) && is(isclose(x, y, 0.1), true, true, false) &&
                is(isclose(x, y, 0, 0.1, true), true, true, true) &&
                is(isclose(x, vec({inf, -inf, 1}), 1), false, false, false);
       }},
      {"", "array_equal",
       [] { return array_equal(a, a) && !array_equal(a, b) && !array_equal(a, a.to(float32)); }},
      {"", "allclose",
       [] { return allclose(scalar(1), scalar(1 + 1e-9)) && !allclose(scalar(1), scalar(1.1)); }},
  };
}

const Family family("comparison", rows, values);

}  // namespace
}  // namespace gradtape::testing
