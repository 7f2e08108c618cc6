#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

// A row a line, or as few as it takes.
// clang-format off

Tensor ramp(const Shape& shape, Dtype dtype) {
  return reshape(linspace(0.5, 1.5, shape.numel(), float64), shape).to(dtype);
}

/// batch_norm or instance_norm of x alone, with weight and bias, and by running statistics.
Rows batch(const char* name, BatchNormResult (*f)(const Tensor&, const BatchNormOptions&),
           const std::vector<std::vector<Shape>>& shapes) {
  std::vector<std::vector<Shape>> affine, weighted;
  for (const auto& x : shapes) {
    affine.push_back({x[0], {x[0][1]}, {x[0][1]}});
    weighted.push_back({x[0], {x[0][1]}});
  }
  return {
      {name, name, [=](Inputs x) { return f(x[0], {}).y; }, shapes},
      {name, name, [=](Inputs x) { return f(x[0], {.weight = x[1], .bias = x[2], .eps = 0.1}).y; }, affine},
      {name, name, [=](Inputs x) { return f(x[0], {.weight = x[1], .eps = 0.1}).y; }, weighted},
      {"", name, [=](Inputs x) {
         const Shape channels{x[0].size(1)};
         return f(x[0], {.weight = x[1], .bias = x[2], .running_mean = ramp(channels, x[0].dtype()),
                         .running_var = ramp(channels, x[0].dtype()), .training = false}).y; }, affine},
      {"normalise_by", name, [=](Inputs x) {
         const Shape channels{x[0].size(1)};
         return f(x[0], {.running_mean = ramp(channels, x[0].dtype()),
                         .running_var = ramp(channels, x[0].dtype()), .training = false}).y; }, shapes},
  };
}

Rows rows() {
  Rows rows{
      {"layer_norm", "layer_norm", [](Inputs x) { return layer_norm(x[0], {x[0].size(-1)}); },
       {{{2, 3}}, {{4}}, {{0, 3}}, {{2, 2, 3}}, {{2, 0}}}, {{}}, {},
       {{{vec({1, 1})}, vec({0, 0}), {vec({0, 0})}}}},
      {"layer_norm", "layer_norm", [](Inputs x) {
         const Tensor w = ramp({3}, x[0].dtype());
         return layer_norm(x[0], {3}, {w, w, 0.1}); }, {{{2, 3}}}},
      {"layer_norm", "layer_norm", [](Inputs x) { return layer_norm(x[0], x[1].shape(), {x[1], x[2], 0.1}); },
       {{{2, 3}, {3}, {3}}, {{2, 2, 3}, {2, 3}, {2, 3}}, {{3}, {3}, {3}}}},
      {"layer_norm", "layer_norm", [](Inputs x) { return layer_norm(x[0], x[1].shape(), {.bias = x[1]}); },
       {{{2, 3}, {3}}}},
      {"group_norm", "group_norm", [](Inputs x) { return group_norm(x[0], 2); },
       {{{2, 4}}, {{2, 4, 3}}, {{1, 2, 2, 2}}, {{0, 2, 3}}}},
      {"group_norm", "group_norm", [](Inputs x) { return group_norm(x[0], 2, {x[1], x[2], 0.1}); },
       {{{2, 4}, {4}, {4}}, {{2, 4, 3}, {4}, {4}}}},
      {"rms_norm", "rms_norm", [](Inputs x) { return rms_norm(x[0], {x[0].size(-1)}); },
       {{{2, 3}}, {{4}}, {{0, 3}}, {{2, 2, 3}}}},
      {"rms_norm", "rms_norm", [](Inputs x) { return rms_norm(x[0], x[1].shape(), {x[1], 0.1}); },
       {{{2, 3}, {3}}, {{2, 2, 3}, {2, 3}}}},
      {"local_response_norm", "local_response_norm", [](Inputs x) { return local_response_norm(x[0], 3); },
       {{{2, 4}}, {{2, 5, 3}}, {{0, 2, 3}}}},
      {"local_response_norm", "local_response_norm",
       [](Inputs x) { return local_response_norm(x[0], 2, {.alpha = 0.5, .beta = 0.5, .k = 1.25}); },
       {{{2, 4}}, {{1, 1, 3}}}},
  };
  for (const auto& more : {batch("batch_norm", batch_norm, {{{4, 3}}, {{3, 2, 4}}, {{2, 3, 2, 2}}}),
                           batch("instance_norm", instance_norm, {{{2, 3, 4}}, {{1, 2, 2, 2}}})})
    rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

const Family family("normalisation", rows);

}  // namespace
}  // namespace gradtape::testing
