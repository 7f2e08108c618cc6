#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  const EdgePoint masked{{vec({-inf, 0})}, vec({0, 1}), {vec({0, 0})}};
  const EdgePoint log_masked{{vec({-inf, 0})}, vec({-inf, 0}), {vec({1, -1})}};
  return {
      {"softmax", "softmax", [](Inputs x) { return softmax(x[0]); }, {{{2, 3}}, {{4}}, {{0, 3}}},
       {{}}, {}, {masked}},
      {"softmax", "softmax", [](Inputs x) { return softmax(x[0], 0); }, {{{3, 2}}, {{3, 2, 2}}}},
      {"log_softmax", "log_softmax", [](Inputs x) { return log_softmax(x[0]); },
       {{{2, 3}}, {{4}}, {{0, 3}}}, {{}}, {}, {log_masked}},
      {"log_softmax", "log_softmax", [](Inputs x) { return log_softmax(x[0], 0); },
       {{{3, 2}}, {{3, 2, 2}}}},
      {"softmax", "softmin", [](Inputs x) { return softmin(x[0]); }, {{{2, 3}}, {{4}}, {{0, 3}}},
       {{}}, {}, {{{vec({inf, 0})}, vec({0, 1}), {vec({0, 0})}}}},
      {"softmax", "softmin", [](Inputs x) { return softmin(x[0], 0); }, {{{3, 2}}}},
  };
}

const Family family("softmax", rows);

}  // namespace
}  // namespace gradtape::testing
