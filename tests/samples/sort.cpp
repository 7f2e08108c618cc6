#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

const std::vector<std::vector<Shape>> matrices{{{2, 4}}, {{3, 3}}, {{2, 4, 2}}};

Rows values_of(const char* function, std::function<WithIndices(const Tensor&)> f,
               std::vector<EdgePoint> edges = {}) {
  return {{"gather",
           function,
           [=](Inputs x) { return f(x[0]).values; },
           matrices,
           {{}},
           {},
           std::move(edges)}};
}

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  const auto quantiles = [](Axes axes, QuantileOptions options) {
    return Rows{{"where", "quantile",
                 [=](Inputs x) { return quantile(x[0], vec({.2, .5, 1}).to(x[0].dtype()), axes, options); },
                 matrices}};
  };
  Rows rows;
  const std::vector<Rows> all{
      values_of("sort", [](const Tensor& x) { return sort(x, 1); }),
      values_of("sort", [](const Tensor& x) { return sort(x, 0, {.descending = true}); }),
      values_of("topk", [](const Tensor& x) { return topk(x, 2); }),
      values_of("topk", [](const Tensor& x) { return topk(x, 1, {.axis = 0, .largest = false}); }),
      values_of("topk", [](const Tensor& x) { return topk(x, 0); }),
      values_of("kthvalue", [](const Tensor& x) { return kthvalue(x, 2); }),
      values_of("kthvalue", [](const Tensor& x) { return kthvalue(x, 1, 0, {.keepdim = true}); },
                {{{vec({4, 1, 1})}, vec({1}), {vec({0, 1, 0})}}}),
      values_of("median", [](const Tensor& x) { return median(x, -1); },
                {{{vec({4, 1, 2, 3})}, scalar(2), {vec({0, 0, 1, 0})}},
                 {{vec({4, nan, 2})}, scalar(nan), {vec({0, 1, 0})}}}),
      values_of("mode", [](const Tensor& x) { return mode(x, 1); }),
      quantiles({}, {}), quantiles(1, {.keepdim = true}),
      quantiles({0, 1}, {.interpolation = Interpolation::midpoint}),
      quantiles(0, {.interpolation = Interpolation::lower}),
      quantiles(-1, {.interpolation = Interpolation::higher}),
      quantiles(-1, {.interpolation = Interpolation::nearest}),
  };
  for (const auto& some : all) rows.insert(rows.end(), some.begin(), some.end());
  return rows;
}

ValueRows values() {
  return {
      {"", "argsort",
       [] {
         return array_equal(argsort(vec({2, 1, nan, 1})), indices({1, 3, 0, 2})) &&
                array_equal(argsort(vec({2, 1, nan, 1}), 0, {.descending = true}),
                            indices({2, 0, 1, 3}));
       }},
      {"", "unique",
       [] {
         const auto [values, inverse, counts] = unique(tensor({{3, 1}, {1, 2}}));
         return array_equal(values, indices({1, 2, 3})) && array_equal(inverse, tensor({{2, 0}, {0, 1}})) &&
                array_equal(counts, indices({2, 1, 1}));
       }},
      {"", "searchsorted",
       [] {
         const Tensor sorted = vec({1, 3, 3, 5}), x = vec({0, 3, 4, 9});
         return array_equal(searchsorted(sorted, x), indices({0, 1, 3, 4})) &&
                array_equal(searchsorted(sorted, x, {.right = true}), indices({0, 3, 3, 4}));
       }},
      {"", "bucketize",
       [] {
         return array_equal(bucketize(tensor({{1, 5}, {2, 9}}), tensor({2, 8})),
                            tensor({{0, 1}, {0, 2}}));
       }},
  };
}

const Family family("sort", rows, values);

}  // namespace
}  // namespace gradtape::testing
