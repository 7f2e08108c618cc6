#include <algorithm>
#include <span>
#include <vector>

#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/kernels/finite.hpp"
#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_direct.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_planes.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_sum.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_winograd.hpp"
#include "gradtape/autograd/parallel.hpp"

// dw[o, c, tap] is the dot product of a channel of g with a shifted copy of a channel of x (see
// Planes). A kernel holds some of these sums, for some channels of g and some pairs (c, tap), in a
// register each.

namespace gradtape::kernels::direct {
namespace {

using detail::parallel_for;
using Spatial = ConvShape::Spatial;

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int most_sums = 24;  ///< registers for sums
#else
constexpr int most_sums = 12;
#endif
constexpr int widest = 4;  ///< channels of g for which one kernel sums

/// Where g and x start, of elements that are multiplied with each other.
struct Line {
  std::int64_t g, x;
};
/// `length` elements a line, a multiple of a register's; channels of g are `channel` apart.
struct Lines {
  std::span<const Line> lines;
  std::int64_t length, channel;
};

/// dw[b * leading + k] += the sum over lines and i of g[b][i] x[offset[k] + i].
template <class T, int Channels>
void dot_shifted(const T* g, const T* x, const std::int64_t* offset, const Lines& of, T* dw,
                 std::int64_t leading, std::int64_t channels, std::int64_t taps) {
  using Register = xsimd::batch<T>;
  constexpr int Taps = most_sums / Channels;
  Register sum[Channels][Taps];
  for (auto& row : sum)
    for (auto& s : row) s = Register(T(0));
  for (const Line& line : of.lines) {
    const T* const from = g + line.g;
    const T* at[Taps];
    for (int k = 0; k < Taps; ++k) at[k] = x + line.x + offset[k];
    for (std::int64_t i = 0; i < of.length; i += lanes<T>) {
      Register values[Channels];
      for (int b = 0; b < Channels; ++b)
        values[b] = Register::load_unaligned(from + b * of.channel + i);
      for (int k = 0; k < Taps; ++k) {
        auto shifted = Register::load_unaligned(at[k] + i);
        detail::hold(shifted);  // half of these loads cross two lines of a cache
        for (int b = 0; b < Channels; ++b)
          sum[b][k] = detail::multiply_add(values[b], shifted, sum[b][k]);
      }
    }
  }
  constexpr auto n = static_cast<int>(lanes<T>);
  constexpr int count = Channels * Taps, whole = (count + n - 1) / n * n;
  Register all[whole];
#pragma GCC unroll 32
  for (int i = 0; i < whole; ++i) all[i] = i < count ? sum[i / Taps][i % Taps] : Register(T(0));
  T sums[whole];
#pragma GCC unroll 4
  for (int i = 0; i < whole; i += n) detail::sum_each(all + i).store_unaligned(sums + i);
  for (int b = 0; b < channels; ++b)
    for (int k = 0; k < taps; ++k) dw[b * leading + k] += sums[b * Taps + k];
}

template <class T>
using DotShifted = void (*)(const T*, const T*, const std::int64_t*, const Lines&, T*, std::int64_t,
                            std::int64_t, std::int64_t);
template <class T>
constexpr DotShifted<T> dot_kernels[] = {dot_shifted<T, 1>, dot_shifted<T, 2>, dot_shifted<T, 3>,
                                         dot_shifted<T, 4>};

/// The planes that hold a channel of g where x's hold what outputs read.
Planes cotangent_planes(const ConvShape& s, const Planes& x) {
  Planes p = x;
  for (std::size_t i = 0; i < 3; ++i) {
    p.axes[i].source = s.out[i];
    p.axes[i].origin = 0;
    p.axes[i].step = p.axes[i].phases = 1;
  }
  return p;
}

/// How dw is divided into the sums of kernels.
struct Division {
  Division(const ConvShape& s, const Planes& planes, std::int64_t element)
      : outs(s.out_channels / s.groups),
        ins(s.in_channels / s.groups),
        pairs(ins * s.taps()),
        channel(planes.channel() * element),
        groups(s.groups),
        blocks(ceil_div(outs, widest)),
        block(ceil_div(outs, blocks)),
        width(most_sums / block),
        columns(ceil_div(pairs, width)) {
    for (std::int64_t c = 0; c < ins; ++c)
      for_each_tap(s, [&](std::int64_t, const Spatial& k) {
        Spatial plane, shift;
        for (std::size_t i = 0; i < 3; ++i) {
          plane[i] = k[i] * s.dilation[i] % s.stride[i];
          shift[i] = k[i] * s.dilation[i] / s.stride[i];
        }
        offsets.push_back(c * channel + planes.offset(plane, shift) * element);
      });
    offsets.resize(static_cast<std::size_t>(columns * width), 0);
  }

  /// Adds the products of some lines to dw.
  template <class T> void add(const T* g, const T* x, const Lines& of, T* dw) const {
    constexpr std::int64_t grain = 1 << 20;
    const auto work = static_cast<std::int64_t>(of.lines.size()) * of.length * most_sums;
    parallel_for(
        groups * blocks * columns, grain / work + 1, [&](std::int64_t begin, std::int64_t end) {
          for (auto i = begin; i < end; ++i) {
            const auto group = i / (blocks * columns);
            const auto o = i / columns % blocks * block, k = i % columns * width;
            dot_kernels<T>[block - 1](g + (group * outs + o) * of.channel,
                                      x + group * ins * channel, offsets.data() + k, of,
                                      dw + (group * outs + o) * pairs + k, pairs,
                                      std::min(block, outs - o), std::min(width, pairs - k));
          }
        });
  }

  std::int64_t outs, ins, pairs, channel;  // of one group; elements of a copy of x
  std::int64_t groups, blocks, block, width, columns;
  std::vector<std::int64_t> offsets;  // of pairs
};

/// dw += its sums along images.
template <class T> void add_along_images(const T* g, const T* x, T* dw, const ConvShape& s) {
  const auto x_planes = input_planes(s), g_planes = cotangent_planes(s, x_planes);
  const auto channel = x_planes.channel();
  const auto pitch = ceil_div(g_planes.plane(), lanes<T>) * lanes<T>;
  const Division division(s, x_planes, 1);

  // Several images at a time: as many as their copies stay in the cache, or as a sum needs to be
  // long.
  constexpr std::int64_t bytes = 1 << 20, length = 2048;
  const auto g_size = s.out_channels * pitch, x_size = s.in_channels * channel;
  const auto most = std::clamp<std::int64_t>(
      std::max(bytes / static_cast<std::int64_t>(sizeof(T)) / (g_size + x_size), length / pitch), 1,
      s.batch);
  // channels of g that do not exist are multiplied too, so that there is room behind the last
  const auto g_slack = widest * pitch, x_slack = pitch + lanes<T>;
  const Scratch<T> gs(most * g_size + g_slack), xs(most * x_size + x_slack);
  std::fill_n(gs + most * g_size, g_slack, T(0));
  std::fill_n(xs + most * x_size, x_slack, T(0));
  std::vector<Line> lines;
  for (std::int64_t n = 0; n < most; ++n) lines.push_back({n * g_size, n * x_size});
  for (std::int64_t image = 0; image < s.batch; image += most) {
    const auto count = std::min(most, s.batch - image);
    parallel_for(count * s.in_channels, (1 << 16) / channel + 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (auto c = begin; c < end; ++c)
                     copy_channel(x + (image * s.in_channels + c) * s.pixels_in(), x_planes,
                                  xs + c * channel);
                 });
    parallel_for(count * s.out_channels, (1 << 16) / pitch + 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (auto c = begin; c < end; ++c) {
                     T* const to = gs + c * pitch;
                     copy_channel(g + (image * s.out_channels + c) * s.pixels_out(), g_planes, to);
                     std::fill(to + g_planes.plane(), to + pitch, T(0));
                   }
                 });
    division.add<T>(gs, xs, {{lines.data(), static_cast<std::size_t>(count)}, pitch, pitch}, dw);
  }
}

/// dw += its sums across images, of which there are a multiple of a register's lanes.
template <class T> void add_across_images(const T* g, const T* x, T* dw, const ConvShape& s) {
  const auto planes = input_planes(s);
  const auto channel = planes.channel(), width = planes.axes[2].outputs;
  const auto in = s.pixels_in(), out = s.pixels_out();
  const Division division(s, planes, lanes<T>);

  constexpr std::int64_t bytes = 1 << 20;
  const auto g_size = s.out_channels * out, x_size = s.in_channels * channel;
  const auto sets = s.batch / lanes<T>;
  const auto most = std::clamp<std::int64_t>(
      bytes / static_cast<std::int64_t>(sizeof(Lanes<T>)) / (g_size + x_size), 1, sets);
  const Scratch<Lanes<T>> gs(most * g_size + widest * out), xs(most * x_size);
  std::fill_n(gs + most * g_size, widest * out, Lanes<T>{});  // for channels that do not exist
  std::vector<Line> lines;
  for (std::int64_t n = 0; n < most; ++n)
    for (std::int64_t d = 0; d < s.out[0]; ++d)
      for (std::int64_t h = 0; h < s.out[1]; ++h)
        lines.push_back(
            {(n * g_size + (d * s.out[1] + h) * width) * lanes<T>,
             (n * x_size + (d * planes.axes[1].extent() + h) * planes.row()) * lanes<T>});
  for (std::int64_t set = 0; set < sets; set += most) {
    const auto count = std::min(most, sets - set);
    parallel_for(count * s.in_channels, (1 << 12) / channel + 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   const Scratch<Lanes<T>> whole(in);
                   for (auto i = begin; i < end; ++i) {
                     const auto n = (set + i / s.in_channels) * lanes<T>, c = i % s.in_channels;
                     interleave_images(x + (n * s.in_channels + c) * in, s.in_channels * in, in,
                                       whole.get());
                     copy_channel<Lanes<T>>(whole, planes, xs + i * channel);
                   }
                 });
    parallel_for(count * s.out_channels, (1 << 12) / out + 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (auto i = begin; i < end; ++i) {
                     const auto n = (set + i / s.out_channels) * lanes<T>, c = i % s.out_channels;
                     interleave_images(g + (n * s.out_channels + c) * out, s.out_channels * out,
                                       out, gs + i * out);
                   }
                 });
    const auto all = count * s.out[0] * s.out[1],
               part = std::max<std::int64_t>(1, most_terms / width);
    for (std::int64_t first = 0; first < all; first += part)
      division.add<T>(
          gs.get()->of_image, xs.get()->of_image,
          {{lines.data() + first, static_cast<std::size_t>(std::min(part, all - first))},
           width * lanes<T>,
           out * lanes<T>},
          dw);
  }
}

}  // namespace

template <class T>
void convolve_weight_gradient(const T* g, const T* x, T* dw, const ConvShape& s, Way way) {
  const auto size = s.out_channels * s.in_channels / s.groups * s.taps();
  ConvShape part = s;
  part.batch = way == Way::along ? 0 : s.batch / lanes<T> * lanes<T>;
  if (way == Way::winograd && !is_filtering(s)) way = Way::across;
  if (part.batch > 0 && way == Way::winograd) {
    filter_weight_gradient(forward_filtering(s), g, x, dw, part.batch);
    if (!all_finite(dw, size)) way = Way::across;  // may be so by the transforms alone
  }
  if (part.batch == 0 || way == Way::across) std::fill_n(dw, size, T(0));
  if (part.batch > 0 && way == Way::across) add_across_images(g, x, dw, part);
  g += part.batch * s.out_channels * s.pixels_out();
  x += part.batch * s.in_channels * s.pixels_in();
  part.batch = s.batch - part.batch;
  if (part.batch > 0) add_along_images(g, x, dw, part);
}

template void convolve_weight_gradient(const float*, const float*, float*, const ConvShape&, Way);
template void convolve_weight_gradient(const double*, const double*, double*, const ConvShape&,
                                       Way);

}  // namespace gradtape::kernels::direct
