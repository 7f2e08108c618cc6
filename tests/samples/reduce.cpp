#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

using Reduction = Tensor (*)(const Tensor&, const Axes&, ReduceOptions);

/// A reduction over everything and over one axis; of nothing too where it has an identity.
Rows reduction(const char* name, Reduction f, bool has_identity,
               std::vector<EdgePoint> edges = {}) {
  std::vector<std::vector<Shape>> whole{{{2, 3}}, {{1}}, {{}}};
  if (has_identity) whole.push_back({{0, 2}});
  return {
      {name,
       name,
       [f](Inputs x) { return f(x[0], {}, {}); },
       whole,
       {{-1, 3}},
       {},
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
  rows.push_back({name,
                  name,
                  [f](Inputs x) {
                    return f(x[0], {0, -1}, {true});
                  },
                  {{{2, 3, 2}}, {{2, 1, 3, 2}}}});
  return rows;
}

OpSample variance(const Axes& axes, VarOptions options) {
  return {
      "var", "var", [=](Inputs x) { return var(x[0], axes, options); }, {{{2, 3}}, {{2, 2, 3}}}};
}

OpSample deviation(const Axes& axes, VarOptions options, std::vector<EdgePoint> edges = {}) {
  return {"stddev",
          "stddev",
          [=](Inputs x) { return stddev(x[0], axes, options); },
          {{{2, 3}}, {{2, 2, 3}}},
          {{}},
          {},
          std::move(edges)};
}

/// The norm of every order that has a rule of its own, over everything and over some axes.
Rows norms() {
  const auto of = [](const char* name, double p, std::vector<EdgePoint> edges = {}, Axes axes = {},
                     bool keepdim = false) {
    return OpSample{name,
                    "norm",
                    [=](Inputs x) { return norm(x[0], p, axes, {keepdim}); },
                    {{{2, 3}}, {{2, 2, 3}}},
                    {{-2, 3}},
                    {0},
                    std::move(edges)};
  };
  const EdgePoint zero{{vec({0, 0})}, scalar(0), {vec({0, 0})}};
  Rows rows{of("norm", 2, {zero, {{vec({3e-30, 4e-30})}, scalar(5e-30), {vec({.6, .8})}}}),
            of("norm", 2, {}, -1, true),
            of("norm", 2, {}, {0, 1}),
            of("norm", 3, {zero, {{vec({0, -2})}, scalar(2), {vec({0, -1})}}}),
            of("norm", 3, {}, 0),
            of("norm", 1.5, {zero, {{vec({0, -2})}, scalar(2), {vec({0, -1})}}}),
            of("norm", 0.5, {zero, {{vec({0, 4})}, scalar(4), {vec({0, 1})}}}),
            of("norm", 0.5, {}, {0, -1}, true),
            of("norm", -2, {zero, {{vec({0, 4})}, scalar(0), {vec({0, 0})}}}, -1),
            of("sum", 1, {{{vec({0, -2})}, scalar(2), {vec({0, -1})}}}),
            of("amax", inf, {zero, {{vec({2, -2, 1})}, scalar(2), {vec({.5, -.5, 0})}}}, -1),
            of("amin", -inf, {{{vec({2, -2, 3})}, scalar(2), {vec({.5, -.5, 0})}}}, -1)};
  rows.push_back(flat({"norm",
                       "norm",
                       [](Inputs x) { return norm(x[0], 0, 0); },
                       {{{2, 3}}, {{0, 2}}},
                       {{1, 3}},
                       {},
                       {{{vec({0, 5, nan})}, scalar(2), {vec({0, 0, 0})}}}}));
  rows.push_back({"norm", "norm", [](Inputs x) { return norm(x[0]); }, {{{0, 2}}, {{}}}, {{1, 3}}});
  return rows;
}

/// The values of max_with_index or min_with_index.
Rows indexed(const char* name, WithIndices (*f)(const Tensor&, std::int64_t, ReduceOptions)) {
  return {{"gather",
           name,
           [=](Inputs x) { return f(x[0], 1, {}).values; },
           {{{2, 3}}, {{2, 3, 2}}, {{0, 3}}}},
          {"gather", name, [=](Inputs x) { return f(x[0], 0, {true}).values; }, {{{2, 3}}, {{4}}}}};
}

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  const EdgePoint level{{vec({3, 3, 3})}, scalar(0), {vec({0, 0, 0})}};
  Rows rows{variance({}, {}), variance(-1, {}),
            variance({0, 1}, {.keepdim = true, .correction = 0}),
            deviation({}, {}, {level}), deviation(-1, {}),
            deviation({0, 1}, {.keepdim = true, .correction = 0}),
            {"sum", "trace", [](Inputs x) { return trace(x[0]); },
             {{{3, 3}}, {{2, 4}}, {{2, 3, 2}}, {{0, 2}}, {{2, 0, 3}}}}};
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
      norms(),
      indexed("max_with_index", max_with_index),
      indexed("min_with_index", min_with_index),
  };
  for (const auto& other : others) rows.insert(rows.end(), other.begin(), other.end());
  return rows;
}

ValueRows values() {
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
      {"", "max_with_index",
       [] {
         const auto [values, places] = max_with_index(tensor({{1, 5, 5}, {7, 2, 0}}), 1);
         return array_equal(values, indices({5, 7})) && array_equal(places, indices({1, 0}));
       }},
      {"", "min_with_index",
       [] {
         const auto [values, places] = min_with_index(tensor({{1, 5, 1}, {7, 2, 0}}), 1);
         return array_equal(values, indices({1, 0})) && array_equal(places, indices({0, 2}));
       }},
      {"", "count_nonzero",
       [] {
         const Tensor x = tensor({{0.0, -0.0, nan}, {1.0, 2.0, 0.0}}, float64);
         return count_nonzero(x).item<int>() == 3 &&
                array_equal(count_nonzero(x, 1), indices({1, 2})) &&
                array_equal(count_nonzero(tensor({true, false})), tensor(1)) &&
                count_nonzero(zeros({0})).item<int>() == 0;
       }},
      {"", "all",
       [] {
         const Tensor x = tensor({{1, 0}, {2, 3}});
         return array_equal(all(x, 1), tensor({false, true})) && !all(x).item<bool>() &&
                all(zeros({0})).item<bool>() && all(tensor({nan})).item<bool>();
       }},
      {"", "any",
       [] {
         const Tensor x = tensor({{1, 0}, {0, 0}});
         return array_equal(any(x, 1, {.keepdim = true}), tensor({{true}, {false}})) &&
                any(x).item<bool>() && !any(zeros({0})).item<bool>();
       }},
  };
}

const Family family("reduce", rows, values);

}  // namespace
}  // namespace gradtape::testing
