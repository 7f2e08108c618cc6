#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

// A row a line, or as few as it takes.
// clang-format off

OpSample attention(const AttentionOptions& options, std::vector<std::vector<Shape>> shapes,
                   std::vector<EdgePoint> edges = {}) {
  return {"scaled_dot_product_attention", "scaled_dot_product_attention",
          [=](Inputs x) { return scaled_dot_product_attention(x[0], x[1], x[2], options); },
          std::move(shapes), {{}}, {}, std::move(edges)};
}

Rows rows() {
  const Tensor some = tensor({{true, false, true}, {false, false, false}});
  const Tensor most = tensor({{true, true, true}, {true, true, false}, {true, false, true}});
  const Tensor one = ones({1, 1}, float64), none = zeros({1, 1}, float64);
  return {
      attention({}, {{{2, 3}, {4, 3}, {4, 2}}, {{2, 2, 3}, {2, 3, 3}, {2, 3, 2}},
                     {{2, 1, 2, 2}, {3, 2, 2}, {3, 2, 1}}, {{0, 2}, {3, 2}, {3, 2}}}),
      attention({.causal = true, .scale = 0.3}, {{{3, 2}, {3, 2}, {3, 2}}, {{2, 2, 3}, {2, 4, 3}, {2, 4, 2}}}),
      attention({.mask = some}, {{{2, 2}, {3, 2}, {3, 2}}}),
      attention({.mask = most, .causal = true}, {{{3, 2}, {3, 2}, {3, 2}}}),
      attention({.mask = tensor({{false}})}, {},  // sees nothing: every gradient is 0
                {{{one, one, one}, none, {none, none, none}}}),
      {"", "scaled_dot_product_attention",
       [](Inputs x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.mask = x[3]}); },
       {{{2, 2}, {3, 2}, {3, 2}, {2, 3}}, {{2, 2, 2}, {2, 3, 2}, {2, 3, 2}, {3}}}},
  };
}

const Family family("attention", rows);

}  // namespace
}  // namespace gradtape::testing
