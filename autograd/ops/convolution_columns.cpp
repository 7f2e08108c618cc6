#include "gradtape/autograd/ops/convolution.hpp"

#include <fmt/format.h>

#include <memory>

#include "gradtape/autograd/kernels/spatial/convolution.hpp"
#include "gradtape/autograd/ops/detail/spatial.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

using Plan = std::shared_ptr<const kernels::ConvShape>;

// Each is the transpose of the other, and so its gradient.
Tensor to_columns(const Tensor& x, const Plan& plan);
Tensor from_columns(const Tensor& columns, const Plan& plan);

Tensor to_columns(const Tensor& x, const Plan& plan) {
  const Tensor y =
      empty({plan->batch, plan->column_rows(), plan->pixels_out()}, x.dtype(), "im2col");
  visit_floating(x.dtype(), "im2col", [&](auto zero) {
    using T = decltype(zero);
    kernels::im2col(static_cast<const T*>(x.raw()), mutable_data<T>(y), *plan);
  });
  return record("im2col", y, {x}, {[plan](const Tensor& g) { return from_columns(g, plan); }});
}

Tensor from_columns(const Tensor& columns, const Plan& plan) {
  const Tensor x = empty(image_shape(plan->batch, plan->in_channels, plan->in, 2), columns.dtype());
  visit_floating(columns.dtype(), "col2im", [&](auto zero) {
    using T = decltype(zero);
    kernels::col2im(static_cast<const T*>(columns.raw()), mutable_data<T>(x), *plan);
  });
  return record("col2im", x, {columns}, {[plan](const Tensor& g) { return to_columns(g, plan); }});
}

/// Throws ShapeError where the columns have too many elements to count.
void check_columns(const char* op, const kernels::ConvShape& s) {
  const Shape columns{s.batch, s.in_channels, s.kernel[1], s.kernel[2], s.out[1], s.out[2]};
  (void)columns.numel(op);
}

/// The windows over images of the extents `in`.
kernels::ConvShape windows(const char* op, const Spatial& in, const SpatialSize& kernel,
                           const ColumnOptions& options) {
  kernels::ConvShape s;
  s.in = in;
  s.kernel = spatial(op, "kernel", kernel, 2, 1);
  s.stride = spatial(op, "stride", options.stride, 2, 1);
  s.padding = spatial(op, "padding", options.padding, 2, 0);
  s.dilation = spatial(op, "dilation", options.dilation, 2, 1);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto room = in[i] + 2 * s.padding[i] - s.dilation[i] * (s.kernel[i] - 1) - 1;
    if (room < 0)
      fail<ShapeError>(
          op, fmt::format("the kernel {} with dilation {} is larger than an image {} "
                          "with padding {}",
                          str(s.kernel, 2), str(s.dilation, 2), str(in, 2), str(s.padding, 2)));
    s.out[i] = room / s.stride[i] + 1;
  }
  check_columns(op, s);
  return s;
}

}  // namespace

Tensor im2col(const Tensor& x, const SpatialSize& kernel, const ColumnOptions& options) {
  return batched("im2col", x, 2, [&](const Tensor& images) {
    auto s = windows("im2col", spatial_of(images.shape(), 2), kernel, options);
    s.batch = images.size(0);
    s.in_channels = images.size(1);
    check_columns("im2col", s);
    return to_columns(images, std::make_shared<const kernels::ConvShape>(s));
  });
}

Tensor col2im(const Tensor& columns, const SpatialSize& size, const SpatialSize& kernel,
              const ColumnOptions& options) {
  need_defined("col2im", columns, "columns");
  auto s = windows("col2im", spatial("col2im", "size", size, 2, 1), kernel, options);
  const bool fits = (columns.ndim() == 2 || columns.ndim() == 3) &&
                    columns.size(-2) % s.taps() == 0 && columns.size(-1) == s.pixels_out();
  if (!fits)
    fail<ShapeError>(
        "col2im",
        fmt::format("needs columns [n, channels {}, {}], or that without n, for "
                    "images {} and the kernel {}; got {}",
                    s.taps(), s.pixels_out(), str(s.in, 2), str(s.kernel, 2), describe(columns)));
  return batched("col2im", columns, 1, [&](const Tensor& batch) {
    s.batch = batch.size(0);
    s.in_channels = batch.size(1) / s.taps();
    return from_columns(batch, std::make_shared<const kernels::ConvShape>(s));
  });
}

}  // namespace gradtape
