#include "samples/rows.hpp"

#include "gradtape/autograd/ops/detail/scan.hpp"

namespace gradtape::testing {
namespace {

const std::vector<std::vector<Shape>> rows_and_columns{
    {{2, 4}}, {{3}}, {{2, 3, 2}}, {{0, 3}}, {{2, 0}}};

OpSample scan(const char* name, Tensor (*f)(const Tensor&, std::int64_t),
              std::vector<EdgePoint> edges = {}) {
  return {name,
          name,
          [f](Inputs x) { return f(x[0], -1); },
          rows_and_columns,
          {{-1, 3}},
          {},
          std::move(edges)};
}

OpSample column_scan(const char* name, Tensor (*f)(const Tensor&, std::int64_t)) {
  return {name, name, [f](Inputs x) { return f(x[0], 0); }, {{{4, 2}}, {{3, 2, 2}}}};
}

OpSample recurrence(kernels::Direction direction) {
  return {"recurrence",
          "",
          [=](Inputs x) { return detail::recurrence(x[0], x[1], 1, direction); },
          {{{2, 4}, {2, 4}}, {{2, 3, 2}, {2, 3, 2}}, {{2, 0}, {2, 0}}}};
}

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  return {
      scan("cumsum", cumsum), column_scan("cumsum", cumsum),
      scan("cumprod", cumprod, {
          {{vec({2, 0, 3, 0, 5})}, vec({2, 0, 0, 0, 0}), {vec({1, 8, 0, 0, 0})}},
          {{vec({0, 0})}, vec({0, 0}), {vec({1, 0})}}}),
      column_scan("cumprod", cumprod),
      scan("logcumsumexp", logcumsumexp, {
          {{vec({-inf, -inf, 0})}, vec({-inf, -inf, 0}), {vec({0, 0, 1})}},
          {{vec({0, 0})}, vec({0, ln2}), {vec({1.5, .5})}}}),
      column_scan("logcumsumexp", logcumsumexp),
      {"gather", "cummax", [](Inputs x) { return cummax(x[0], -1).values; }, rows_and_columns, {{}},
       {}, {{{vec({1, 3, 3, 2})}, vec({1, 3, 3, 3}), {vec({1, 1, 2, 0})}}}},
      {"gather", "cummin", [](Inputs x) { return cummin(x[0], 0).values; }, rows_and_columns, {{}},
       {}, {{{vec({3, 1, 1, 2})}, vec({3, 1, 1, 1}), {vec({1, 1, 2, 0})}}}},
      {"sub", "diff", [](Inputs x) { return diff(x[0]); }, {{{2, 4}}, {{3}}, {{1}}, {{0, 3}}}},
      {"sub", "diff", [](Inputs x) { return diff(x[0], 0, 2); }, {{{4, 2}}, {{2, 2}}}},
      recurrence(kernels::Direction::forward), recurrence(kernels::Direction::reverse),
  };
}

const Family family("scan", rows);

}  // namespace
}  // namespace gradtape::testing
