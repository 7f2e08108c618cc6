/// What the rows of the table are written with. One file a family, named like the header of its
/// ops.
#pragma once

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <cmath>
#include <limits>
#include <numbers>

#include "support/op_samples.hpp"

namespace gradtape::testing {

inline constexpr double inf = std::numeric_limits<double>::infinity();
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double pi = std::numbers::pi, ln2 = std::numbers::ln2;

using Inputs = const std::vector<Tensor>&;
using Rows = std::vector<OpSample>;
using ValueRows = std::vector<ValueSample>;

inline Tensor scalar(double x) { return full({}, x, float64); }
inline Tensor vec(const std::vector<double>& x) { return tensor(x); }
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

// The families; op_samples.cpp joins them. Differentiable ops, then the others.
Rows activation_rows();
Rows arithmetic_rows();
Rows arrange_rows();
Rows attention_rows();
Rows comparison_rows();
Rows convolution_rows();
Rows distance_rows();
Rows elementwise_rows();
Rows index_rows();
Rows linalg_rows();
Rows loss_rows();
Rows matmul_rows();
Rows normalisation_rows();
Rows pooling_rows();
Rows random_rows();
Rows reduce_rows();
Rows resample_rows();
Rows scan_rows();
Rows shape_rows();
Rows softmax_rows();
Rows sort_rows();
ValueRows activation_values();
ValueRows arithmetic_values();
ValueRows arrange_values();
ValueRows attention_values();
ValueRows comparison_values();
ValueRows convolution_values();
ValueRows distance_values();
ValueRows elementwise_values();
ValueRows index_values();
ValueRows linalg_values();
ValueRows loss_values();
ValueRows matmul_values();
ValueRows normalisation_values();
ValueRows pooling_values();
ValueRows random_values();
ValueRows reduce_values();
ValueRows resample_values();
ValueRows scan_values();
ValueRows shape_values();
ValueRows softmax_values();
ValueRows sort_values();

}  // namespace gradtape::testing
