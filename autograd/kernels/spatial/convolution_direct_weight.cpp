#include <algorithm>
#include <functional>
#include <vector>

#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_direct.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_planes.hpp"
#include "gradtape/autograd/parallel.hpp"

// dw[o, c, tap] is the dot product of a channel of g with a shifted copy of a channel of x (see
// Planes), where g is 0 at outputs that mean nothing. A kernel holds some of these sums, for some
// channels of g and some pairs (c, tap), in a register each.

namespace gradtape::kernels::direct {
namespace {

using detail::parallel_for;
using Spatial = ConvShape::Spatial;

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int sums = 24;  ///< registers for sums
#else
constexpr int sums = 12;
#endif
constexpr int widest = 4;  ///< channels of g for which one kernel sums

template <class T> constexpr std::int64_t lanes = xsimd::batch<T>::size;

/// Images side by side: channels of g are `pitch` elements apart, images `g_image` and `x_image`.
struct Images {
  std::int64_t count, pitch, g_image, x_image;
};

/// dw[b * leading + k] += the sum over images and outputs i of g[b][i] x[offset[k] + i].
template <class T, int Channels>
void dot_shifted(const T* g, const T* x, const std::int64_t* offset, const Images& images, T* dw,
                 std::int64_t leading, std::int64_t channels, std::int64_t taps) {
  using Register = xsimd::batch<T>;
  constexpr int Taps = sums / Channels;
  Register sum[Channels][Taps];
  for (auto& row : sum)
    for (auto& s : row) s = Register(T(0));
  for (std::int64_t n = 0; n < images.count; ++n, g += images.g_image, x += images.x_image) {
    const T* at[Taps];
    for (int k = 0; k < Taps; ++k) at[k] = x + offset[k];
    for (std::int64_t i = 0; i < images.pitch; i += lanes<T>) {
      Register values[Channels];
      for (int b = 0; b < Channels; ++b)
        values[b] = Register::load_unaligned(g + b * images.pitch + i);
      for (int k = 0; k < Taps; ++k) {
        auto shifted = Register::load_unaligned(at[k] + i);
        detail::hold(shifted);  // half of these loads cross two lines of a cache
        for (int b = 0; b < Channels; ++b)
          sum[b][k] = detail::multiply_add(values[b], shifted, sum[b][k]);
      }
    }
  }
  for (int b = 0; b < channels; ++b)
    for (int k = 0; k < taps; ++k)
      dw[b * leading + k] += detail::combine_lanes(sum[b][k], std::plus<>());
}

template <class T>
using DotShifted = void (*)(const T*, const T*, const std::int64_t*, const Images&, T*,
                            std::int64_t, std::int64_t, std::int64_t);
template <class T>
constexpr DotShifted<T> dot_kernels[] = {dot_shifted<T, 1>, dot_shifted<T, 2>, dot_shifted<T, 3>,
                                         dot_shifted<T, 4>};

/// The planes that hold a channel of g where x's hold what outputs read.
Planes output_planes(const ConvShape& s, const Planes& x) {
  Planes p = x;
  for (std::size_t i = 0; i < 3; ++i) {
    p.axes[i].source = s.out[i];
    p.axes[i].origin = 0;
    p.axes[i].step = p.axes[i].phases = 1;
  }
  return p;
}

}  // namespace

template <class T>
void convolve_weight_gradient(const T* g, const T* x, T* dw, const ConvShape& s) {
  const auto outs = s.out_channels / s.groups, ins = s.in_channels / s.groups, taps = s.taps();
  const auto x_planes = input_planes(s), g_planes = output_planes(s, x_planes);
  const auto channel = x_planes.channel(), pairs = ins * taps;
  const auto pitch = ceil_div(g_planes.plane(), lanes<T>) * lanes<T>;

  const auto blocks = ceil_div(outs, widest), block = ceil_div(outs, blocks), width = sums / block;
  std::vector<std::int64_t> offsets;
  for (std::int64_t c = 0; c < ins; ++c)
    for_each_tap(s, [&](std::int64_t, const Spatial& k) {
      Spatial plane, shift;
      for (std::size_t i = 0; i < 3; ++i) {
        plane[i] = k[i] * s.dilation[i] % s.stride[i];
        shift[i] = k[i] * s.dilation[i] / s.stride[i];
      }
      offsets.push_back(c * channel + x_planes.offset(plane, shift));
    });
  offsets.resize(static_cast<std::size_t>(ceil_div(pairs, width) * width), 0);

  // Several images at a time: as many as their copies stay in the cache, or as a sum needs to be
  // long.
  constexpr std::int64_t bytes = 1 << 20, length = 2048, grain = 1 << 20;
  const auto g_size = s.out_channels * pitch, x_size = s.in_channels * channel;
  const auto most = std::clamp<std::int64_t>(
      std::max(bytes / static_cast<std::int64_t>(sizeof(T)) / (g_size + x_size), length / pitch), 1,
      s.batch);
  // channels of g that do not exist are multiplied too, so that there is room behind the last
  const auto g_slack = widest * pitch, x_slack = pitch + lanes<T>;
  const Scratch<T> gs(most * g_size + g_slack), xs(most * x_size + x_slack);
  std::fill_n(gs + most * g_size, g_slack, T(0));
  std::fill_n(xs + most * x_size, x_slack, T(0));
  std::fill_n(dw, s.out_channels * pairs, T(0));
  for (std::int64_t image = 0; image < s.batch; image += most) {
    const Images images{std::min(most, s.batch - image), pitch, g_size, x_size};
    parallel_for(images.count * s.in_channels, (1 << 16) / channel + 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (auto c = begin; c < end; ++c)
                     copy_channel(x + (image * s.in_channels + c) * s.pixels_in(), x_planes,
                                  xs + c * channel);
                 });
    parallel_for(images.count * s.out_channels, (1 << 16) / pitch + 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (auto c = begin; c < end; ++c) {
                     T* const to = gs + c * pitch;
                     copy_channel(g + (image * s.out_channels + c) * s.pixels_out(), g_planes, to);
                     std::fill(to + g_planes.plane(), to + pitch, T(0));
                   }
                 });
    const auto columns = ceil_div(pairs, width), work = images.count * pitch * sums;
    parallel_for(
        s.groups * blocks * columns, grain / work + 1, [&](std::int64_t begin, std::int64_t end) {
          for (auto i = begin; i < end; ++i) {
            const auto group = i / (blocks * columns);
            const auto o = i / columns % blocks * block, k = i % columns * width;
            dot_kernels<T>[block - 1](gs + (group * outs + o) * pitch, xs + group * ins * channel,
                                      offsets.data() + k, images,
                                      dw + (group * outs + o) * pairs + k, pairs,
                                      std::min(block, outs - o), std::min(width, pairs - k));
          }
        });
  }
}

bool possible(const ConvShape& s) {
  if (std::min({s.batch, s.in_channels, s.out_channels, s.pixels_in(), s.pixels_out()}) < 1)
    return false;
  double size = 1;  // of a channel's copy, which may be beyond all integers
  for (const PlaneAxis& axis : input_planes(s).axes)
    size *= static_cast<double>(axis.phases) * static_cast<double>(axis.extent());
  constexpr std::int64_t most = 4, small = 1024;
  return size <= static_cast<double>(most * (s.pixels_in() + s.pixels_out()) + small);
}

template <class T> bool pays(const ConvShape& s, Result result) {
  if (!possible(s)) return false;
  const auto outs = s.out_channels / s.groups, pairs = s.column_rows() / s.groups;
  const Planes planes = input_planes(s);
  // copies of an image and its cotangent, which dw holds whole
  if (result == Result::dw &&
      s.in_channels * planes.channel() + s.out_channels * planes.plane() > 1 << 24)
    return false;
  if (s.groups > 1 && std::min(outs, pairs) < 16) return true;  // products would be tiny
  if (s.stride[0] >= s.kernel[0] && s.stride[1] >= s.kernel[1] && s.stride[2] >= s.kernel[2])
    return false;  // the columns are the image
  if (result == Result::dw) return outs < 64 || pairs < 512 || s.pixels_out() >= 600;
  // what of a register's work is wanted, as rows end in outputs that mean nothing
  const auto computed = ceil_div(planes.outputs(), lanes<T>) * lanes<T>;
  const double used = static_cast<double>(s.pixels_out()) / static_cast<double>(computed);
  return used >= (outs * pairs > 1 << 18 ? 0.85 : 0.5);
}

template bool pays<float>(const ConvShape&, Result);
template bool pays<double>(const ConvShape&, Result);
template void convolve_weight_gradient(const float*, const float*, float*, const ConvShape&);
template void convolve_weight_gradient(const double*, const double*, double*, const ConvShape&);

}  // namespace gradtape::kernels::direct
