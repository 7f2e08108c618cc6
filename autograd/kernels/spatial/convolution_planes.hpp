/// Images laid out for convolutions without a matrix of columns; for the sources of kernels only.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/kernels/spatial/convolution.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_interleaved.hpp"

namespace gradtape::kernels {

/// One spatial axis of a copy of images. Plane r of `phases` holds the elements origin + r, origin
/// + r + step, ... of the source, and 0 where these lie outside, `reach` more than there are
/// outputs.
struct PlaneAxis {
  std::int64_t source = 1, origin = 0, step = 1, phases = 1, reach = 0, outputs = 1;

  std::int64_t extent() const { return outputs + reach; }
};

/// A copy of a channel in which output i reads, for a tap of the kernel, the element i + offset:
/// one offset a tap, whatever the padding, stride and dilation, so that a convolution is a sum of
/// shifted copies. The outputs are numbered in the rows of a plane, over the `reach` at their ends,
/// where what is computed means nothing.
struct Planes {
  std::array<PlaneAxis, 3> axes;

  std::int64_t row() const { return axes[2].extent(); }
  std::int64_t plane() const { return axes[0].extent() * axes[1].extent() * row(); }
  std::int64_t channel() const {
    return axes[0].phases * axes[1].phases * axes[2].phases * plane();
  }
  /// From the first output to the last, with those between that mean nothing.
  std::int64_t outputs() const {
    return ((axes[0].outputs - 1) * axes[1].extent() + axes[1].outputs - 1) * row() +
           axes[2].outputs;
  }
  /// Where a tap finds output 0's element: its phase and its shift along each axis.
  std::int64_t offset(const ConvShape::Spatial& phase, const ConvShape::Spatial& shift) const {
    const auto at = [&](const ConvShape::Spatial& i, std::int64_t rows, std::int64_t columns) {
      return (i[0] * rows + i[1]) * columns + i[2];
    };
    return at(phase, axes[1].phases, axes[2].phases) * plane() + at(shift, axes[1].extent(), row());
  }
};

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return a <= 0 ? -(-a / b) : (a - 1) / b + 1;
}

/// Copies a row, in registers; the last one overlaps the one before. Rows are short here, so that
/// loops element by element at their ends would take most of the time.
template <class T> void copy_row(const T* from, std::int64_t count, T* to) {
  using Register = xsimd::batch<T>;
  constexpr std::int64_t lanes = Register::size;
  if (count < lanes) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
    return;
  }
  const auto at = [&](std::int64_t i) {
    Register::load_unaligned(from + i).store_unaligned(to + i);
  };
  for (std::int64_t i = 0; i + lanes < count; i += lanes) at(i);
  at(count - lanes);
}
/// Of interleaved images, whose elements are registers.
template <class T> void copy_row(const Lanes<T>* from, std::int64_t count, Lanes<T>* to) {
  std::copy_n(from, count, to);
}

/// Copies one channel of an image, or of interleaved images.
template <class T> void copy_channel(const T* source, const Planes& p, T* to) {
  struct Range {
    std::int64_t start, first,
        last;  // elements first ... last of a plane are source[start + i step]
  };
  const auto range = [&](std::size_t axis, std::int64_t phase) {
    const PlaneAxis& a = p.axes[axis];
    const auto start = a.origin + phase;
    const auto first = std::clamp<std::int64_t>(ceil_div(-start, a.step), 0, a.extent());
    return Range{start, first, std::clamp(ceil_div(a.source - start, a.step), first, a.extent())};
  };
  const auto& [depth, height, width] = p.axes;
  std::fill_n(to, p.channel(), T{});
  for (std::int64_t pd = 0; pd < depth.phases; ++pd)
    for (std::int64_t ph = 0; ph < height.phases; ++ph)
      for (std::int64_t pw = 0; pw < width.phases; ++pw, to += p.plane()) {
        const Range d = range(0, pd), h = range(1, ph), w = range(2, pw);
        if (w.first == w.last) continue;
        const auto count = w.last - w.first;
        for (auto i = d.first; i < d.last; ++i) {
          const T* from =
              source +
              ((d.start + i * depth.step) * height.source + h.start + h.first * height.step) *
                  width.source +
              w.start + w.first * width.step;
          T* row = to + (i * height.extent() + h.first) * p.row() + w.first;
          for (auto j = h.first; j < h.last;
               ++j, from += height.step * width.source, row += p.row())
            if (width.step == 1)
              copy_row(from, count, row);
            else if (width.step == 2)
              for (std::int64_t k = 0; k < count; ++k) row[k] = from[2 * k];
            else
              for (std::int64_t k = 0; k < count; ++k) row[k] = from[k * width.step];
        }
      }
}

/// The planes of x in which convolve finds its outputs.
inline Planes input_planes(const ConvShape& s) {
  Planes p;
  for (std::size_t i = 0; i < 3; ++i) {
    std::int64_t phases = 1;
    for (std::int64_t k = 0; k < s.kernel[i]; ++k)
      phases = std::max(phases, k * s.dilation[i] % s.stride[i] + 1);
    p.axes[i] = {s.in[i],
                 -s.padding[i],
                 s.stride[i],
                 phases,
                 (s.kernel[i] - 1) * s.dilation[i] / s.stride[i],
                 s.out[i]};
  }
  return p;
}

/// The planes of g in which the gradient with respect to x finds its outputs: for each phase of the
/// stride as many as for the first.
inline Planes output_planes(const ConvShape& s) {
  Planes p;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto first = s.padding[i] / s.stride[i];
    const auto last = (s.in[i] - 1 + s.padding[i]) / s.stride[i];
    const auto reach = (s.kernel[i] - 1) * s.dilation[i] / s.stride[i];
    p.axes[i] = {s.out[i], first - reach, 1, 1, reach, last - first + 1};
  }
  return p;
}

/// f(tap, its place along each axis of the kernel) in order.
template <class F> void for_each_tap(const ConvShape& s, F f) {
  std::int64_t tap = 0;
  ConvShape::Spatial k;
  for (k[0] = 0; k[0] < s.kernel[0]; ++k[0])
    for (k[1] = 0; k[1] < s.kernel[1]; ++k[1])
      for (k[2] = 0; k[2] < s.kernel[2]; ++k[2]) f(tap++, k);
}

}  // namespace gradtape::kernels
