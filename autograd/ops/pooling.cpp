#include "gradtape/autograd/ops/pooling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/detail/windows.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/index.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

constexpr const char* max_names[] = {"max_pool1d", "max_pool2d", "max_pool3d"};
constexpr const char* avg_names[] = {"avg_pool1d", "avg_pool2d", "avg_pool3d"};
constexpr const char* lp_names[] = {"lp_pool1d", "lp_pool2d", "lp_pool3d"};
constexpr const char* adaptive_max_names[] = {"adaptive_max_pool1d", "adaptive_max_pool2d",
                                              "adaptive_max_pool3d"};
constexpr const char* adaptive_avg_names[] = {"adaptive_avg_pool1d", "adaptive_avg_pool2d",
                                              "adaptive_avg_pool3d"};

/// Windows of one kernel at regular steps, checked.
struct Pool {
  Spatial in, kernel, stride, padding, dilation, out;
};

Pool pool(const char* op, const Tensor& x, int axes, const SpatialSize& kernel,
          const SpatialSize& stride, const SpatialSize& padding, const SpatialSize& dilation,
          bool ceil_mode) {
  check_pixels(op, x, axes);
  Pool p;
  p.in = spatial_of(x.shape(), axes);
  p.kernel = spatial(op, "kernel", kernel, axes, 1);
  p.stride = stride.list.empty() ? p.kernel : spatial(op, "stride", stride, axes, 1);
  p.padding = spatial(op, "padding", padding, axes, 0);
  p.dilation = spatial(op, "dilation", dilation, axes, 1);
  for (std::size_t i = 0; i < 3; ++i) {
    if (2 * p.padding[i] > p.kernel[i])
      fail<ValueError>(op, fmt::format("padding {} must be at most half of the kernel {}",
                                       str(p.padding, axes), str(p.kernel, axes)));
    // Windows that fit, and with ceil_mode one more that hangs over, if it starts inside.
    const auto room = p.in[i] + 2 * p.padding[i] - p.dilation[i] * (p.kernel[i] - 1) - 1 +
                      (ceil_mode ? p.stride[i] - 1 : 0);
    if (room < 0)
      fail<ShapeError>(op, fmt::format("the kernel {} with dilation {} is larger than x {} with "
                                       "padding {}",
                                       str(p.kernel, axes), str(p.dilation, axes), describe(x),
                                       str(p.padding, axes)));
    p.out[i] = room / p.stride[i] + 1;
    if (ceil_mode && (p.out[i] - 1) * p.stride[i] >= p.in[i] + p.padding[i]) --p.out[i];
  }
  return p;
}

kernels::WindowsOfAxes max_windows(const char* op, const Tensor& x, int axes, const Pool& p) {
  return windows_of(p.in, axes, [&](std::size_t axis) {
    kernels::Windows w{.inputs = p.in[axis]};
    const auto dilation = p.dilation[axis];
    for (std::int64_t o = 0; o < p.out[axis]; ++o) {
      const auto from = o * p.stride[axis] - p.padding[axis];
      const auto first = from < 0 ? (-from + dilation - 1) / dilation : 0;  // inside
      for (auto k = first; k < p.kernel[axis] && from + k * dilation < w.inputs; ++k)
        w.add(from + k * dilation, 1);
      if (static_cast<std::int64_t>(w.taps.size()) == w.starts.back())
        fail<ShapeError>(op, fmt::format("window {} of an axis sees nothing but padding: x is {}, "
                                         "kernel {}, padding {}, dilation {}",
                                         o, describe(x), str(p.kernel, axes), str(p.padding, axes),
                                         str(p.dilation, axes)));
      w.end_row();
    }
    return w;
  });
}

/// The maxima of the windows of x: [batch, channels, spatial...]. The gradient goes where they were
/// found.
MaxPooled max_over(const char* op, const Tensor& x, int axes, const kernels::WindowsOfAxes& w) {
  const auto batch = x.size(0), channels = x.size(1), planes = batch * channels;
  const Shape shape = image_shape(batch, channels, outputs_of(w), axes);
  const Tensor y = empty(shape, x.dtype()), index = empty(shape, int64);
  visit_floating(x.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    kernels::window_max(static_cast<const T*>(x.raw()), mutable_data<T>(y),
                        mutable_data<std::int64_t>(index), planes, w);
  });
  const auto pixels = [&](const Spatial& e) { return e[0] * e[1] * e[2]; };
  const Shape flat_out{planes, pixels(outputs_of(w))};
  const Shape flat_in{planes, pixels(spatial_of(x.shape(), axes))};
  const auto backward = [=, at = reshape(index, flat_out), whole = x.shape()](const Tensor& g) {
    return reshape(scatter_add(zeros(flat_in, g.dtype()), 1, at, reshape(g, flat_out)), whole);
  };
  return {record(op, y, {x}, {backward}), index};
}

/// max_over with or without a batch axis; windows(x) makes what it runs over.
template <class Make>
MaxPooled max_of(const char* op, const Tensor& x, int axes, const Make& windows) {
  check_pixels(op, x, axes);
  if (x.ndim() == axes + 2) return max_over(op, x, axes, windows());
  const auto [values, indices] = max_over(op, unsqueeze(x, 0), axes, windows());
  return {squeeze(values, 0), squeeze(indices, 0)};
}

MaxPooled max_pool(int axes, const Tensor& x, const SpatialSize& kernel,
                   const MaxPoolOptions& options) {
  const char* const op = max_names[axes - 1];
  return max_of(op, x, axes, [&] {
    const Pool p = pool(op, x, axes, kernel, options.stride, options.padding, options.dilation,
                        options.ceil_mode);
    return max_windows(op, x, axes, p);
  });
}

/// The means of one axis. A window is counted with the padding it lies on, as far as there is any,
/// or by its elements alone.
kernels::Windows mean_windows(const Pool& p, std::size_t axis, const AvgPoolOptions& options) {
  kernels::Windows w{.inputs = p.in[axis]};
  for (std::int64_t o = 0; o < p.out[axis]; ++o) {
    const auto from = o * p.stride[axis] - p.padding[axis];
    const auto to = std::min(from + p.kernel[axis], w.inputs + p.padding[axis]);
    const auto begin = std::max<std::int64_t>(0, from), end = std::min(to, w.inputs);
    const auto count = options.count_include_pad ? to - from : end - begin;
    const double weight = options.divisor_override ? 1.0 : 1.0 / static_cast<double>(count);
    for (auto i = begin; i < end; ++i) w.add(i, weight);
    w.end_row();
  }
  return w;
}

Tensor avg_pool(const char* op, int axes, const Tensor& x, const SpatialSize& kernel,
                const AvgPoolOptions& options) {
  const Pool p = pool(op, x, axes, kernel, options.stride, options.padding, 1, options.ceil_mode);
  auto windows =
      windows_of(p.in, axes, [&](std::size_t axis) { return mean_windows(p, axis, options); });
  if (options.divisor_override)
    for (auto& weight : windows[2].weights) weight /= static_cast<double>(options.divisor_override);
  return batched(op, x, axes,
                 [&](const Tensor& images) { return resample(op, images, axes, windows); });
}
Tensor avg_pool(int axes, const Tensor& x, const SpatialSize& kernel,
                const AvgPoolOptions& options) {
  return avg_pool(avg_names[axes - 1], axes, x, kernel, options);
}

/// z^(1/p). Where 1 / p is rounded, the power of a large or a small z loses up to three digits,
/// which its quotient by y^p, close to 1, gives back.
Tensor root(const Tensor& z, double p) {
  int exponent = 0;
  if (std::frexp(p, &exponent) == 0.5) return pow(z, 1 / p);
  const Tensor y = pow(z.detach(), 1 / p), power = pow(y, p);
  const Tensor in_range = logical_and(power > 0.0, power < std::numeric_limits<double>::infinity());
  return where(in_range, y, 1.0) * pow(z / where(in_range, power, 1.0), 1 / p);
}

Tensor lp_pool(int axes, const Tensor& x, double p, const SpatialSize& kernel,
               const LpPoolOptions& options) {
  const char* const op = lp_names[axes - 1];
  visit_floating(x.dtype(), op, [](auto) {});  // or throws
  if (!(p > 0) || std::isinf(p))
    fail<ValueError>(op, fmt::format("p must be positive and finite, got {}", p));
  const auto extents = spatial(op, "kernel", kernel, axes, 1);
  const auto count = static_cast<double>(extents[0] * extents[1] * extents[2]);
  const Tensor means = avg_pool(op, axes, pow(x, p), kernel,
                                {.stride = options.stride, .ceil_mode = options.ceil_mode});
  const Tensor empty = means == 0.0;
  return where(empty, 0.0, root(where(empty, 1.0, count * means), p));
}

/// `size` with the extents of x for -1, checked.
Spatial adaptive_size(const char* op, const Tensor& x, int axes, const SpatialSize& size) {
  check_pixels(op, x, axes);
  SpatialSize given = size;
  if (given.list.size() == 1) given.list.resize(static_cast<std::size_t>(axes), size.list[0]);
  for (std::size_t i = 0; i < given.list.size() && i < static_cast<std::size_t>(axes); ++i)
    if (given.list[i] == -1) given.list[i] = x.size(static_cast<std::int64_t>(i) - axes);
  return spatial(op, "size", given, axes, 1);
}

kernels::WindowsOfAxes adaptive(const char* op, const Tensor& x, int axes,
                                const SpatialSize& size) {
  const Spatial in = spatial_of(x.shape(), axes), out = adaptive_size(op, x, axes, size);
  check_memory(op, x, axes, out);
  return windows_of(in, axes,
                    [&](std::size_t axis) { return adaptive_windows(in[axis], out[axis]); });
}

Tensor adaptive_avg_pool(int axes, const Tensor& x, const SpatialSize& size) {
  const char* const op = adaptive_avg_names[axes - 1];
  return batched(op, x, axes, [&](const Tensor& images) {
    return resample(op, images, axes, adaptive(op, images, axes, size));
  });
}

MaxPooled adaptive_max_pool(int axes, const Tensor& x, const SpatialSize& size) {
  const char* const op = adaptive_max_names[axes - 1];
  return max_of(op, x, axes, [&] { return adaptive(op, x, axes, size); });
}

}  // namespace

Tensor max_pool1d(const Tensor& x, const SpatialSize& kernel, const MaxPoolOptions& options) {
  return max_pool(1, x, kernel, options).values;
}
MaxPooled max_pool1d_with_indices(const Tensor& x, const SpatialSize& kernel,
                                  const MaxPoolOptions& options) {
  return max_pool(1, x, kernel, options);
}
Tensor avg_pool1d(const Tensor& x, const SpatialSize& kernel, const AvgPoolOptions& options) {
  return avg_pool(1, x, kernel, options);
}
Tensor lp_pool1d(const Tensor& x, double p, const SpatialSize& kernel,
                 const LpPoolOptions& options) {
  return lp_pool(1, x, p, kernel, options);
}
Tensor adaptive_avg_pool1d(const Tensor& x, const SpatialSize& size) {
  return adaptive_avg_pool(1, x, size);
}
Tensor adaptive_max_pool1d(const Tensor& x, const SpatialSize& size) {
  return adaptive_max_pool(1, x, size).values;
}
MaxPooled adaptive_max_pool1d_with_indices(const Tensor& x, const SpatialSize& size) {
  return adaptive_max_pool(1, x, size);
}

Tensor max_pool2d(const Tensor& x, const SpatialSize& kernel, const MaxPoolOptions& options) {
  return max_pool(2, x, kernel, options).values;
}
MaxPooled max_pool2d_with_indices(const Tensor& x, const SpatialSize& kernel,
                                  const MaxPoolOptions& options) {
  return max_pool(2, x, kernel, options);
}
Tensor avg_pool2d(const Tensor& x, const SpatialSize& kernel, const AvgPoolOptions& options) {
  return avg_pool(2, x, kernel, options);
}
Tensor lp_pool2d(const Tensor& x, double p, const SpatialSize& kernel,
                 const LpPoolOptions& options) {
  return lp_pool(2, x, p, kernel, options);
}
Tensor adaptive_avg_pool2d(const Tensor& x, const SpatialSize& size) {
  return adaptive_avg_pool(2, x, size);
}
Tensor adaptive_max_pool2d(const Tensor& x, const SpatialSize& size) {
  return adaptive_max_pool(2, x, size).values;
}
MaxPooled adaptive_max_pool2d_with_indices(const Tensor& x, const SpatialSize& size) {
  return adaptive_max_pool(2, x, size);
}

Tensor max_pool3d(const Tensor& x, const SpatialSize& kernel, const MaxPoolOptions& options) {
  return max_pool(3, x, kernel, options).values;
}
MaxPooled max_pool3d_with_indices(const Tensor& x, const SpatialSize& kernel,
                                  const MaxPoolOptions& options) {
  return max_pool(3, x, kernel, options);
}
Tensor avg_pool3d(const Tensor& x, const SpatialSize& kernel, const AvgPoolOptions& options) {
  return avg_pool(3, x, kernel, options);
}
Tensor lp_pool3d(const Tensor& x, double p, const SpatialSize& kernel,
                 const LpPoolOptions& options) {
  return lp_pool(3, x, p, kernel, options);
}
Tensor adaptive_avg_pool3d(const Tensor& x, const SpatialSize& size) {
  return adaptive_avg_pool(3, x, size);
}
Tensor adaptive_max_pool3d(const Tensor& x, const SpatialSize& size) {
  return adaptive_max_pool(3, x, size).values;
}
MaxPooled adaptive_max_pool3d_with_indices(const Tensor& x, const SpatialSize& size) {
  return adaptive_max_pool(3, x, size);
}

}  // namespace gradtape
