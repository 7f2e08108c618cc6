/// What the rows of the table are written with. One file a family, named like the header of its
/// ops; a new file needs to be named nowhere.
#pragma once

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "support/op_samples.hpp"
#include "support/tensors.hpp"

namespace gradtape::testing {

inline constexpr double inf = std::numeric_limits<double>::infinity();
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double pi = std::numbers::pi, ln2 = std::numbers::ln2;

using Inputs = const std::vector<Tensor>&;
using Rows = std::vector<OpSample>;
using ValueRows = std::vector<ValueSample>;

inline Tensor indices(const std::vector<std::int64_t>& i) { return tensor(i); }

/// f(x) and f'(x)
inline EdgePoint at(double x, double value, double slope) {
  return {{scalar(x)}, scalar(value), {scalar(slope)}};
}
/// f(a, b), df/da and df/db
inline EdgePoint at(double a, double b, double value, double slope_a, double slope_b) {
  return {{scalar(a), scalar(b)}, scalar(value), {scalar(slope_a), scalar(slope_b)}};
}

inline OpSample unary(const char* name, Tensor (*f)(const Tensor&), Range range = {},
                      std::vector<EdgePoint> edges = {}, std::vector<double> kinks = {}) {
  return {name,
          name,
          [f](Inputs x) { return f(x[0]); },
          {{{2, 3}}, {{}}, {{0}}, {{2, 0, 3}}},
          {range},
          std::move(kinks),
          std::move(edges)};
}

/// `sample` of an op with several results, all of which `results` gives.
inline OpSample with_results(OpSample sample, std::function<std::vector<Tensor>(Inputs)> results) {
  sample.results = std::move(results);
  return sample;
}

inline OpSample flat(OpSample sample) {
  sample.flat = true;
  return sample;
}

/// Shapes of two operands that broadcast together.
inline const std::vector<std::vector<Shape>> pairs{
    {{2, 3}, {2, 3}}, {{2, 1}, {3}},       {{}, {3}},  {{3}, {}},
    {{}, {}},         {{2, 1, 2}, {3, 1}}, {{0}, {1}}, {{0, 3}, {3}}};

inline OpSample binary(const char* name, const char* function,
                       Tensor (*f)(const Tensor&, const Tensor&), Range a = {}, Range b = {},
                       std::vector<EdgePoint> edges = {}) {
  return {name, function,        [f](Inputs x) { return f(x[0], x[1]); }, pairs, {a, b},
          {},   std::move(edges)};
}

/// The rows of one file, which join the table when the program starts.
struct Family {
  Family(const char* name, Rows (*rows)(), ValueRows (*values)() = nullptr);
};

}  // namespace gradtape::testing
