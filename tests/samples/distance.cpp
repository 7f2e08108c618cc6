#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

// A row a line, or as few as it takes.
// clang-format off

OpSample pairwise(PairwiseDistanceOptions options, std::vector<std::vector<Shape>> shapes,
                  std::vector<EdgePoint> edges = {}) {
  return {"", "pairwise_distance",
          [=](Inputs x) { return pairwise_distance(x[0], x[1], options); }, std::move(shapes),
          {{-1, 2}, {3, 6}}, {}, std::move(edges)};
}

OpSample all_pairs(const char* name, double p, std::vector<EdgePoint> edges = {}) {
  return {name, "cdist", [=](Inputs x) { return cdist(x[0], x[1], p); },
          {{{3, 2}, {4, 2}}, {{2, 3, 2}, {2, 2}}, {{2, 1, 2, 3}, {3, 1, 3}}, {{0, 2}, {3, 2}},
           {{2, 2}, {0, 2}}, {{2, 0}, {3, 0}}},
          {{-1, 2}, {3, 6}}, {}, std::move(edges)};
}

/// The distances of rows from two fixed ones, for what their derivatives are made of.
OpSample among_rows(const char* name) {
  return {name, "cdist", [](Inputs x) {
            return cdist(x[0], tensor({{3.0, 4.0}, {5.0, 3.5}}, float64).to(x[0].dtype())); },
          {{{3, 2}}, {{2, 1, 2}}, {{0, 2}}}, {{-1, 2}}};
}

OpSample direction(const char* name, NormalizeOptions options,
                   std::vector<EdgePoint> edges = {}) {
  return {name, "normalize", [=](Inputs x) { return normalize(x[0], options); },
          {{{2, 3}}, {{3, 2, 2}}, {{0, 3}}}, {{0.5, 3}}, {}, std::move(edges)};
}

Rows rows() {
  const Tensor o = tensor({{0.0, 0.0}}, float64), none = zeros({2}, float64);
  const Tensor axis = tensor({{3.0, 4.0}}, float64);
  const EdgePoint coincident{{none, none}, scalar(0), {none, none}};
  return {
      pairwise({}, {{{2, 3}, {2, 3}}, {{3}, {2, 3}}, {{3}, {3}}, {{0, 3}, {3}}}),
      pairwise({.p = 1, .keepdim = true}, {{{2, 3}, {2, 3}}}),
      pairwise({.p = 3, .eps = 0.1}, {{{2, 3}, {2, 3}}, {{4}, {2, 1}}}),
      pairwise({.p = inf, .eps = 0}, {{{2, 3}, {2, 3}}},
               {{{vec({0, 1}), vec({3, 5})}, scalar(4), {vec({0, -1}), vec({0, 1})}}}),
      pairwise({.p = 2, .eps = 0}, {{{2, 3}, {2, 3}}}, {coincident}),
      pairwise({.p = 1, .eps = 0}, {{{2, 3}, {2, 3}}}, {coincident}),
      pairwise({.p = 0.5, .eps = 0}, {{{2, 3}, {2, 3}}},
               {coincident, {{vec({4, 0}), none}, scalar(4), {vec({1, 0}), vec({-1, 0})}}}),
      pairwise({.p = 1.5, .eps = 0}, {{{2, 3}, {2, 3}}}, {coincident}),
      all_pairs("cdist", 2, {
          {{o, o}, tensor({{0.0}}, float64), {o, o}},
          {{axis, o}, tensor({{5.0}}, float64), {tensor({{.6, .8}}, float64), tensor({{-.6, -.8}}, float64)}},
          {{o, concat({axis, o})}, tensor({{5.0, 0.0}}, float64),
           {tensor({{-.6, -.8}}, float64), tensor({{.6, .8}, {0.0, 0.0}}, float64)}}}),
      among_rows("weighted_differences"), among_rows("products_with_differences"),
      all_pairs("", 1), all_pairs("", inf), all_pairs("", 3),
      flat(all_pairs("", 0)),
      {"", "cosine_similarity", [](Inputs x) { return cosine_similarity(x[0], x[1]); },
       {{{2, 3}, {2, 3}}, {{3}, {2, 3}}, {{3}, {3}}, {{0, 3}, {3}}, {{2, 1, 3}, {2, 3}}}, {{0.5, 2}}, {},
       {{{none, none}, scalar(0), {none, none}}}},
      {"", "cosine_similarity", [](Inputs x) { return cosine_similarity(x[0], x[1], {.axis = 1}); },
       {{{2, 3}, {2, 3}}, {{2, 3, 2}, {3, 2}}}, {{0.5, 2}}},
      direction("", {}, {{{none}, none, {vec({1e12, 1e12})}}}),
      direction("", {.p = 1}), direction("", {.p = inf}),
      direction("", {.p = 3, .axis = 0}),
  };
}

ValueRows values() {
  return {
      {"", "pairwise_distance", [] {  // ||a - b||_0 counts
        const Tensor a = vec({1, 0, 2}).requires_grad(), b = vec({1, 5, 3});
        const Tensor y = pairwise_distance(a, b, {.p = 0, .eps = 0});
        return y.item<double>() == 2 && array_equal(grad(y, {a})[0], zeros({3}, float64));
      }},
  };
}

const Family family("distance", rows, values);

}  // namespace
}  // namespace gradtape::testing
