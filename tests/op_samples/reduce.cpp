#include "rows.hpp"

namespace gradtape::testing {

namespace {

using Reduction = Tensor (*)(const Tensor&, const Axes&, ReduceOptions);

/// A reduction over everything and over one axis; of nothing too where it has an identity.
Rows reduction(const char* name, Reduction f, bool has_identity,
               std::vector<EdgePoint> edges = {}) {
  std::vector<std::vector<Shape>> whole{{{2, 3}}, {{1}}, {{}}};
  if (has_identity) whole.push_back({{0, 2}});
  return {
      {name, name, [f](Inputs x) { return f(x[0], {}, {}); }, whole, {{-1, 3}}, {},
       std::move(edges)},
      {name, name, [f](Inputs x) { return f(x[0], -1, {}); }, {{{2, 3}}, {{4}}, {{0, 3}}}},
      {name, name, [f](Inputs x) { return f(x[0], 0, {true}); }, {{{3, 2}}, {{2, 2, 2}}}},
  };
}

/// The same over several axes at once.
Rows wide_reduction(const char* name, Reduction f, bool has_identity,
                    std::vector<EdgePoint> edges = {}) {
  Rows rows = reduction(name, f, has_identity, std::move(edges));
  rows.push_back({name, name, [f](Inputs x) { return f(x[0], {1, 2}, {}); }, {{{2, 2, 3}}}});
  rows.push_back({name, name, [f](Inputs x) { return f(x[0], {0, -1}, {true}); },
                  {{{2, 3, 2}}, {{2, 1, 3, 2}}}});
  return rows;
}

OpSample variance(const Axes& axes, VarOptions options) {
  return {"var", "var", [=](Inputs x) { return var(x[0], axes, options); },
          {{{2, 3}}, {{2, 2, 3}}}};
}

}  // namespace

// clang-format off: a row a line, or as few as it takes

Rows reduce_rows() {
  Rows rows{variance({}, {}), variance(-1, {}),
            variance({0, 1}, {.keepdim = true, .correction = 0})};
  const std::vector<Rows> others{
      wide_reduction("sum", sum, true),
      wide_reduction("mean", mean, false),
      wide_reduction("amax", amax, false, {
          {{vec({1, 3, 3})}, scalar(3), {vec({0, .5, .5})}},
          {{vec({1, inf, inf})}, scalar(inf), {vec({0, .5, .5})}}}),
      wide_reduction("amin", amin, false, {{{vec({3, 1, 1})}, scalar(1), {vec({0, .5, .5})}}}),
      wide_reduction("max", max, false, {
          {{vec({1, 3, 3})}, scalar(3), {vec({0, 1, 0})}},
          {{vec({-inf, -inf})}, scalar(-inf), {vec({1, 0})}}}),
      wide_reduction("min", min, false, {{{vec({3, 1, 1})}, scalar(1), {vec({0, 1, 0})}}}),
      wide_reduction("prod", prod, true, {
          {{vec({0, 2, 3})}, scalar(0), {vec({6, 0, 0})}},
          {{vec({0, 0, 3})}, scalar(0), {vec({0, 0, 0})}}}),
      wide_reduction("logsumexp", logsumexp, true, {
          {{vec({-inf, 0})}, scalar(0), {vec({0, 1})}},
          {{vec({-inf, -inf})}, scalar(-inf), {vec({0, 0})}}}),
  };
  for (const auto& other : others) rows.insert(rows.end(), other.begin(), other.end());
  return rows;
}

ValueRows reduce_values() {
  static const Tensor b = tensor({3, 2, 1});
  return {
      {"argmax", "argmax",
       [] {
         return argmax(b).item<int>() == 0 && argmax(tensor({1, 5, 5}), 0).item<int>() == 1;
       }},
      {"argmin", "argmin",
       [] {
         return argmin(b).item<int>() == 2 && argmin(tensor({1, 0, 0}), 0).item<int>() == 1;
       }},
  };
}

}  // namespace gradtape::testing
