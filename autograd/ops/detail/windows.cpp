#include "gradtape/autograd/ops/detail/windows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "gradtape/autograd/tape.hpp"

namespace gradtape::detail {

namespace {

using kernels::WindowsOfAxes;

/// A linear map of images, and its transpose.
struct Resampling {
  const char* op;
  int axes;
  WindowsOfAxes forward, backward;
};
using Plan = std::shared_ptr<const Resampling>;

bool is_identity(const kernels::Windows& w) {
  if (w.outputs() != w.inputs || static_cast<std::int64_t>(w.taps.size()) != w.inputs) return false;
  for (std::size_t i = 0; i < w.taps.size(); ++i)
    if (w.taps[i] != static_cast<std::int64_t>(i) || w.weights[i] != 1) return false;
  return true;
}

/// The windows of each axis in turn, from the first: the later ones then run over fewer elements
/// where the map makes images smaller.
template <class T> Tensor apply(const Tensor& x, int axes, const WindowsOfAxes& windows) {
  Tensor y = x.detach();
  auto extents = spatial_of(x.shape(), axes);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (is_identity(windows[axis])) continue;
    std::int64_t outer = x.size(0) * x.size(1), inner = 1;
    for (std::size_t i = 0; i < axis; ++i) outer *= extents[i];
    for (std::size_t i = axis + 1; i < 3; ++i) inner *= extents[i];
    extents[axis] = windows[axis].outputs();
    const Tensor next = empty(image_shape(x.size(0), x.size(1), extents, axes), x.dtype());
    kernels::window_sum(static_cast<const T*>(y.raw()), mutable_data<T>(next), outer, inner,
                        windows[axis]);
    y = next;
  }
  return y;
}

Tensor apply(const char* op, const Tensor& x, int axes, const WindowsOfAxes& windows) {
  return visit_floating(x.dtype(), op,
                        [&](auto zero) { return apply<decltype(zero)>(x, axes, windows); });
}

// Each is the transpose of the other, and so its gradient.
Tensor resample(const Tensor& x, const Plan& plan);
Tensor resample_backward(const Tensor& g, const Plan& plan);

Tensor resample(const Tensor& x, const Plan& plan) {
  return record(plan->op, apply(plan->op, x, plan->axes, plan->forward), {x},
                {[plan](const Tensor& g) { return resample_backward(g, plan); }});
}

Tensor resample_backward(const Tensor& g, const Plan& plan) {
  return record("resample_backward", apply(plan->op, g, plan->axes, plan->backward), {g},
                {[plan](const Tensor& h) { return resample(h, plan); }});
}

}  // namespace

kernels::Windows identity_windows(std::int64_t extent) {
  kernels::Windows w{.inputs = extent};
  for (std::int64_t i = 0; i < extent; ++i) {
    w.add(i, 1);
    w.end_row();
  }
  return w;
}

kernels::Windows adaptive_windows(std::int64_t extent, std::int64_t size) {
  kernels::Windows w{.inputs = extent};
  for (std::int64_t o = 0; o < size; ++o) {
    const auto begin = o * extent / size, end = ((o + 1) * extent + size - 1) / size;
    for (auto i = begin; i < end; ++i) w.add(i, 1.0 / static_cast<double>(end - begin));
    w.end_row();
  }
  return w;
}

Spatial outputs_of(const WindowsOfAxes& windows) {
  return {windows[0].outputs(), windows[1].outputs(), windows[2].outputs()};
}

void check_memory(const char* op, const Tensor& x, int axes, const Spatial& out) {
  Shape shape = x.shape();
  for (int i = 1; i <= axes; ++i) shape[shape.ndim() - i] = out[static_cast<std::size_t>(3 - i)];
  (void)empty(shape, x.dtype(), op);
}

void check_pixels(const char* op, const Tensor& x, int axes) {
  check_image(op, x, axes);
  if (std::ranges::min(spatial_of(x.shape(), axes)) == 0)
    fail<ShapeError>(op, fmt::format("the images of x {} have no pixels", describe(x)));
}

Tensor resample(const char* op, const Tensor& x, int axes, WindowsOfAxes windows) {
  auto plan = std::make_shared<Resampling>();
  plan->op = op;
  plan->axes = axes;
  plan->forward = std::move(windows);
  for (std::size_t axis = 0; axis < 3; ++axis)
    plan->backward[axis] = plan->forward[axis].transposed();
  return resample(x, plan);
}

}  // namespace gradtape::detail
