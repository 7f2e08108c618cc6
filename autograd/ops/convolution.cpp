#include "gradtape/autograd/ops/convolution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "gradtape/autograd/kernels/matmul/gemm.hpp"
#include "gradtape/autograd/kernels/spatial/convolution.hpp"
#include "gradtape/autograd/ops/detail/spatial.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// A checked convolution of x [batch, in_channels, in...] with weight to y [batch, out_channels,
/// out...] over `axes` spatial axes.
struct Convolution : kernels::ConvShape {
  int axes = 0;

  Shape x_shape() const { return image_shape(batch, in_channels, in, axes); }
  Shape y_shape() const { return image_shape(batch, out_channels, out, axes); }
  Shape weight_shape() const {
    return image_shape(out_channels, in_channels / groups, kernel, axes);
  }
};
using Plan = std::shared_ptr<const Convolution>;

constexpr const char* forward_names[] = {"conv1d", "conv2d", "conv3d"};
constexpr const char* transposed_names[] = {"conv_transpose1d", "conv_transpose2d",
                                            "conv_transpose3d"};

// The three ops that the gradients of each other are made of: <g, convolve(x, weight)> is linear
// in g, in x and in weight, and each op is its gradient with respect to one of them.
Tensor convolve(const Tensor& x, const Tensor& weight, const Tensor& bias, const Plan& plan);
Tensor convolve_transposed(const Tensor& g, const Tensor& weight, const Tensor& bias,
                           const Plan& plan);
Tensor weight_gradient(const Tensor& g, const Tensor& x, const Plan& plan);

/// g: [batch, channels, spatial...] -> [channels]
Tensor bias_gradient(const Tensor& g) {
  std::vector<std::int64_t> axes{0};
  for (int axis = 2; axis < g.ndim(); ++axis) axes.push_back(axis);
  return sum(g, axes);
}

/// Records y with its bias where it has one.
Tensor record_biased(const char* name, const Tensor& y, const Tensor& x, const Tensor& weight,
                     const Tensor& bias, Vjp for_x, Vjp for_weight) {
  if (!bias.defined())
    return record(name, y, {x, weight}, {std::move(for_x), std::move(for_weight)});
  return record(name, y, {x, weight, bias},
                {std::move(for_x), std::move(for_weight), bias_gradient});
}

Tensor convolve(const Tensor& x, const Tensor& weight, const Tensor& bias, const Plan& plan) {
  const char* const name = forward_names[plan->axes - 1];
  const Tensor y = empty(plan->y_shape(), x.dtype());
  visit_floating(x.dtype(), name, [&](auto zero) {
    using T = decltype(zero);
    kernels::convolve(elements<T>(x), elements<T>(weight), elements<T>(bias), mutable_data<T>(y),
                      *plan);
  });
  return record_biased(
      name, y, x, weight, bias,
      [weight, plan](const Tensor& g) { return convolve_transposed(g, weight, {}, plan); },
      [x, plan](const Tensor& g) { return weight_gradient(g, x, plan); });
}

Tensor convolve_transposed(const Tensor& g, const Tensor& weight, const Tensor& bias,
                           const Plan& plan) {
  const char* const name = transposed_names[plan->axes - 1];
  const Tensor x = empty(plan->x_shape(), g.dtype());
  visit_floating(g.dtype(), name, [&](auto zero) {
    using T = decltype(zero);
    kernels::convolve_transposed(elements<T>(g), elements<T>(weight), elements<T>(bias),
                                 mutable_data<T>(x), *plan);
  });
  return record_biased(
      name, x, g, weight, bias,
      [weight, plan](const Tensor& h) { return convolve(h, weight, {}, plan); },
      [g, plan](const Tensor& h) { return weight_gradient(g, h, plan); });
}

Tensor weight_gradient(const Tensor& g, const Tensor& x, const Plan& plan) {
  const Tensor dw = empty(plan->weight_shape(), g.dtype());
  visit_floating(g.dtype(), "conv_weight_gradient", [&](auto zero) {
    using T = decltype(zero);
    kernels::convolve_weight_gradient(elements<T>(g), elements<T>(x), mutable_data<T>(dw), *plan);
  });
  return record("conv_weight_gradient", dw, {g, x},
                {[x, plan](const Tensor& h) { return convolve(x, h, {}, plan); },
                 [g, plan](const Tensor& h) { return convolve_transposed(g, h, {}, plan); }});
}

void check_dtypes(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const bool same =
      x.dtype() == weight.dtype() && (!bias.defined() || bias.dtype() == weight.dtype());
  if (!is_floating(x.dtype()) || !same)
    fail<DtypeError>(
        op, fmt::format("x, weight and bias need one dtype, float32 or float64: x is {}, weight {} "
                        "is {}{}; convert x or the model with to()",
                        name(x.dtype()), describe(weight), name(weight.dtype()),
                        bias.defined() ? fmt::format(", bias {}", name(bias.dtype())) : ""));
}

/// Throws ShapeError by `rule` unless the channels fit, and unless bias is [outputs].
void check_channels(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                    std::int64_t groups, bool fits, std::int64_t outputs, const char* rule) {
  if (!fits)
    fail<ShapeError>(op, fmt::format("{}: x is {}, weight {}, groups {}", rule, describe(x),
                                     describe(weight), groups));
  if (bias.defined() && (bias.ndim() != 1 || bias.size(0) != outputs))
    fail<ShapeError>(op, fmt::format("bias must be [{}] for weight {}, got {}", outputs,
                                     describe(weight), describe(bias)));
}

void check_weight(const char* op, const Tensor& weight, std::int64_t groups, int axes) {
  if (groups < 1 || groups > std::numeric_limits<std::int32_t>::max())
    fail<ValueError>(op, fmt::format("groups must be at least 1 and below 2^31, got {}", groups));
  if (weight.ndim() != axes + 2)
    fail<ShapeError>(op, fmt::format("needs weight [out, in, {} kernel extents], got {}", axes,
                                     describe(weight)));
  const auto kernel = spatial_of(weight.shape(), axes);
  if (std::ranges::min(kernel) < 1)
    fail<ShapeError>(op, fmt::format("the kernel of weight {} is empty", describe(weight)));
}

/// The products are BLAS calls.
void check_size(const char* op, const Convolution& c, const Tensor& x, const Tensor& weight) {
  if (!kernels::fits_blas(c.out_channels, c.column_rows(), c.pixels_out()))
    fail<ShapeError>(op, fmt::format("more than 2^31 - 1 columns are not supported: x is {}, "
                                     "weight {}",
                                     describe(x), describe(weight)));
}

/// How far apart the first and the last element of the dilated kernel are.
std::int64_t reach(const kernels::ConvShape& c, std::size_t axis) {
  return c.dilation[axis] * (c.kernel[axis] - 1);
}

/// The zeros before and after each axis, in sum; c.padding becomes those before.
Spatial set_padding(const char* op, const Padding& padding, Convolution& c) {
  Spatial total{0, 0, 0};
  if (padding.mode == "same") {
    if (c.stride != Spatial{1, 1, 1})
      fail<ValueError>(
          op, fmt::format("padding \"same\" needs stride 1, got {}", str(c.stride, c.axes)));
    for (std::size_t i = 0; i < 3; ++i) total[i] = reach(c, i);
  } else if (padding.mode.empty()) {
    const auto each = spatial(op, "padding", padding, c.axes, 0);
    for (std::size_t i = 0; i < 3; ++i) total[i] = 2 * each[i];
  } else if (padding.mode != "valid") {
    fail<ValueError>(op, fmt::format("padding must be numbers, \"same\" or \"valid\", got \"{}\"",
                                     padding.mode));
  }
  for (std::size_t i = 0; i < 3; ++i) c.padding[i] = total[i] / 2;
  return total;
}

Tensor conv(int axes, const Tensor& input, const Tensor& weight, const Tensor& bias,
            const ConvOptions& options) {
  const char* const op = forward_names[axes - 1];
  check_weight(op, weight, options.groups, axes);
  check_dtypes(op, input, weight, bias);
  return batched(op, input, axes, [&](const Tensor& x) {
    Convolution c;
    c.axes = axes;
    c.batch = x.size(0);
    c.in_channels = x.size(1);
    c.out_channels = weight.size(0);
    c.groups = options.groups;
    const bool fits = c.in_channels % c.groups == 0 && c.out_channels % c.groups == 0 &&
                      weight.size(1) == c.in_channels / c.groups;
    check_channels(op, input, weight, bias, c.groups, fits, c.out_channels,
                   "weight must be [out, in / groups, ...] for x [n, in, ...], with in and out "
                   "multiples of groups");
    c.in = spatial_of(x.shape(), axes);
    c.kernel = spatial_of(weight.shape(), axes);
    c.stride = spatial(op, "stride", options.stride, axes, 1);
    c.dilation = spatial(op, "dilation", options.dilation, axes, 1);
    const auto padding = set_padding(op, options.padding, c);
    for (std::size_t i = 0; i < 3; ++i) {
      const auto room = c.in[i] + padding[i] - reach(c, i) - 1;
      if (room < 0)
        fail<ShapeError>(op, fmt::format("the kernel of weight {} with dilation {} is larger than "
                                         "x {} with padding {}",
                                         describe(weight), str(c.dilation, axes), describe(input),
                                         str(c.padding, axes)));
      c.out[i] = room / c.stride[i] + 1;
    }
    check_size(op, c, input, weight);
    return convolve(x, weight, bias, std::make_shared<const Convolution>(c));
  });
}

Tensor conv_transpose(int axes, const Tensor& input, const Tensor& weight, const Tensor& bias,
                      const ConvTransposeOptions& options) {
  const char* const op = transposed_names[axes - 1];
  check_weight(op, weight, options.groups, axes);
  check_dtypes(op, input, weight, bias);
  return batched(op, input, axes, [&](const Tensor& y) {
    Convolution c;  // of which this is the gradient: y is its output, and our output its x
    c.axes = axes;
    c.batch = y.size(0);
    c.out_channels = y.size(1);
    c.groups = options.groups;
    c.in_channels = weight.size(1) * c.groups;
    const bool fits = c.out_channels % c.groups == 0 && weight.size(0) == c.out_channels;
    check_channels(op, input, weight, bias, c.groups, fits, c.in_channels,
                   "weight must be [in, out / groups, ...] for x [n, in, ...], with in a multiple "
                   "of groups");
    c.out = spatial_of(y.shape(), axes);
    c.kernel = spatial_of(weight.shape(), axes);
    c.stride = spatial(op, "stride", options.stride, axes, 1);
    c.padding = spatial(op, "padding", options.padding, axes, 0);
    c.dilation = spatial(op, "dilation", options.dilation, axes, 1);
    const auto extra = spatial(op, "output_padding", options.output_padding, axes, 0);
    for (auto i = static_cast<std::size_t>(3 - axes); i < 3; ++i) {
      if (extra[i] >= std::max(c.stride[i], c.dilation[i]))
        fail<ValueError>(op,
                         fmt::format("output_padding {} must be smaller than stride {} or "
                                     "dilation {}",
                                     str(extra, axes), str(c.stride, axes), str(c.dilation, axes)));
      c.in[i] = (c.out[i] - 1) * c.stride[i] - 2 * c.padding[i] + reach(c, i) + extra[i] + 1;
      if (c.in[i] < 1 || c.out[i] < 1)
        fail<ShapeError>(op, fmt::format("the output would be empty: x is {}, weight {}, padding "
                                         "{}",
                                         describe(input), describe(weight), str(c.padding, axes)));
    }
    check_size(op, c, input, weight);
    return convolve_transposed(y, weight, bias, std::make_shared<const Convolution>(c));
  });
}

}  // namespace

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options) {
  return conv(1, x, weight, bias, options);
}
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options) {
  return conv(2, x, weight, bias, options);
}
Tensor conv3d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options) {
  return conv(3, x, weight, bias, options);
}

Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTransposeOptions& options) {
  return conv_transpose(1, x, weight, bias, options);
}
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTransposeOptions& options) {
  return conv_transpose(2, x, weight, bias, options);
}
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTransposeOptions& options) {
  return conv_transpose(3, x, weight, bias, options);
}

}  // namespace gradtape
