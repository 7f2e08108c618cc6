#include "../value.hpp"
#include "extents.hpp"

namespace gradtape::conformance {
namespace {

Value tuple(const MaxPooled& pooled) { return List{pooled.values, pooled.indices}; }

/// max_pool(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
/// return_indices=False)
Function maximum(MaxPooled (*f)(const Tensor&, const SpatialSize&, const MaxPoolOptions&),
                 bool with_indices = false) {
  return [=](Call& c) -> Value {
    const auto pooled = f(c.tensor(0, "input"), c.integers(1, "kernel_size"),
                          {.stride = stride_or_kernel(c, 2),
                           .padding = c.integers(3, "padding", {{0}}),
                           .dilation = c.integers(4, "dilation", {{1}}),
                           .ceil_mode = c.flag(5, "ceil_mode", false)});
    return c.flag(6, "return_indices", with_indices) ? tuple(pooled) : Value(pooled.values);
  };
}

/// avg_pool(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
/// divisor_override=None)
Function average(Tensor (*f)(const Tensor&, const SpatialSize&, const AvgPoolOptions&)) {
  return [=](Call& c) -> Value {
    return f(c.tensor(0, "input"), c.integers(1, "kernel_size"),
             {.stride = stride_or_kernel(c, 2),
              .padding = c.integers(3, "padding", {{0}}),
              .ceil_mode = c.flag(4, "ceil_mode", false),
              .count_include_pad = c.flag(5, "count_include_pad", true),
              .divisor_override = c.integer(6, "divisor_override", 0)});
  };
}

/// lp_pool(input, norm_type, kernel_size, stride=None, ceil_mode=False)
Function norm(Tensor (*f)(const Tensor&, double, const SpatialSize&, const LpPoolOptions&)) {
  return [=](Call& c) -> Value {
    return f(c.tensor(0, "input"), c.number(1, "norm_type"), c.integers(2, "kernel_size"),
             {.stride = stride_or_kernel(c, 3), .ceil_mode = c.flag(4, "ceil_mode", false)});
  };
}

/// adaptive_avg_pool(input, output_size)
Function adaptive_average(Tensor (*f)(const Tensor&, const SpatialSize&)) {
  return [=](Call& c) -> Value { return f(c.tensor(0, "input"), output_size(c, 1)); };
}

/// adaptive_max_pool(input, output_size, return_indices=False)
Function adaptive_maximum(MaxPooled (*f)(const Tensor&, const SpatialSize&),
                          bool with_indices = false) {
  return [=](Call& c) -> Value {
    const auto pooled = f(c.tensor(0, "input"), output_size(c, 1));
    return c.flag(2, "return_indices", with_indices) ? tuple(pooled) : Value(pooled.values);
  };
}

Mapping functions() {
  return {
      {"max_pool1d", maximum(max_pool1d_with_indices)},
      {"max_pool2d", maximum(max_pool2d_with_indices)},
      {"max_pool3d", maximum(max_pool3d_with_indices)},
      {"max_pool1d_with_indices", maximum(max_pool1d_with_indices, true)},
      {"max_pool2d_with_indices", maximum(max_pool2d_with_indices, true)},
      {"max_pool3d_with_indices", maximum(max_pool3d_with_indices, true)},
      {"avg_pool1d", average(avg_pool1d)},
      {"avg_pool2d", average(avg_pool2d)},
      {"avg_pool3d", average(avg_pool3d)},
      {"lp_pool1d", norm(lp_pool1d)},
      {"lp_pool2d", norm(lp_pool2d)},
      {"adaptive_avg_pool1d", adaptive_average(adaptive_avg_pool1d)},
      {"adaptive_avg_pool2d", adaptive_average(adaptive_avg_pool2d)},
      {"adaptive_avg_pool3d", adaptive_average(adaptive_avg_pool3d)},
      {"adaptive_max_pool1d", adaptive_maximum(adaptive_max_pool1d_with_indices)},
      {"adaptive_max_pool2d", adaptive_maximum(adaptive_max_pool2d_with_indices)},
      {"adaptive_max_pool3d", adaptive_maximum(adaptive_max_pool3d_with_indices)},
      {"adaptive_max_pool1d_with_indices",
       adaptive_maximum(adaptive_max_pool1d_with_indices, true)},
      {"adaptive_max_pool2d_with_indices",
       adaptive_maximum(adaptive_max_pool2d_with_indices, true)},
      {"adaptive_max_pool3d_with_indices",
       adaptive_maximum(adaptive_max_pool3d_with_indices, true)},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
