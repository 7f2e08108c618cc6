#include "gradtape/autograd/kernels/spatial/convolution_direct.hpp"

#include <algorithm>
#include <vector>

#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_planes.hpp"
#include "gradtape/autograd/parallel.hpp"

// Every output is a sum over channels and taps of weight times a shifted copy of a channel (see
// Planes). A kernel holds the sums of some channels and some registers of neighbouring outputs, and
// goes once through channels and taps. A convolution and its gradient with respect to x differ in
// the copies and weights that they take; for a stride above 1 the latter computes every stride-th
// element at a time.

namespace gradtape::kernels::direct {
namespace {

using detail::parallel_for;
using Spatial = ConvShape::Spatial;

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int registers = 32;
#else
constexpr int registers = 16;
#endif
constexpr int widest = registers == 32 ? 8 : 4;  ///< output channels that one kernel computes

/// Registers of outputs beside `block` channels: all sums, a row of x and a weight must fit.
constexpr int columns_for(int block) { return std::min(8, (registers - 1) / (block + 1)); }

template <class T> constexpr std::int64_t lanes = xsimd::batch<T>::size;

/// The sums of `Block` channels over `Columns` registers of outputs: out[b][i] (+)= the sum over k
/// of weight[k][b] x[offset[k] + i].
template <class T, int Block, int Columns>
void sum_shifted(const T* weight, const T* x, const std::int64_t* offset, std::int64_t count,
                 T* out, std::int64_t pitch, bool add) {
  using Register = xsimd::batch<T>;
  Register sum[Block][Columns];
  for (auto& row : sum)
    for (auto& s : row) s = Register(T(0));
  for (std::int64_t k = 0; k < count; ++k, weight += Block) {
    Register values[Columns];
    for (int c = 0; c < Columns; ++c)
      values[c] = Register::load_unaligned(x + offset[k] + c * lanes<T>);
    for (int b = 0; b < Block; ++b) {
      const Register w(weight[b]);
      for (int c = 0; c < Columns; ++c) sum[b][c] = detail::multiply_add(w, values[c], sum[b][c]);
    }
  }
  // Unrolled, or the sums would go through memory.
#pragma GCC unroll 8
  for (int b = 0; b < Block; ++b)
#pragma GCC unroll 8
    for (int c = 0; c < Columns; ++c) {
      T* const to = out + b * pitch + c * lanes<T>;
      if (add) sum[b][c] += Register::load_unaligned(to);
      sum[b][c].store_unaligned(to);
    }
}

template <class T>
using SumShifted = void (*)(const T*, const T*, const std::int64_t*, std::int64_t, T*, std::int64_t,
                            bool);

/// What is computed: out[m] = bias[m] + the sum over n and taps of weight[m, n, tap] source[n].
struct Sum {
  /// Outputs i of an axis that lie at start + i step.
  struct Target {
    std::int64_t extent, step;
  };
  /// The outputs of one phase, and what they read: the taps and their offsets within a channel.
  struct Phase {
    Spatial start;
    std::vector<std::int64_t> taps, offsets;
  };

  std::int64_t groups, outs, ins, taps;              // channels: those of one group
  std::int64_t group_stride, out_stride, in_stride;  // of weight
  Planes planes;
  std::size_t band_axis;  // bands of outputs along it fit into the cache
  std::int64_t bands;
  std::array<Target, 3> target;
  std::vector<Phase> phases;

  std::int64_t out_pixels() const { return target[0].extent * target[1].extent * target[2].extent; }
  std::int64_t source_pixels() const {
    return planes.axes[0].source * planes.axes[1].source * planes.axes[2].source;
  }
};

/// Divides the outputs into bands whose copies of all channels take at most half a megabyte.
void divide(Sum& sum, std::size_t element) {
  constexpr std::int64_t bytes = 1 << 19;
  auto& axes = sum.planes.axes;
  sum.band_axis = axes[0].outputs > 1 ? 0 : axes[1].outputs > 1 ? 1 : 2;
  auto& axis = axes[sum.band_axis];
  const auto whole =
      sum.groups * sum.ins * sum.planes.channel() * static_cast<std::int64_t>(element);
  const auto rest = whole / axis.extent() * axis.reach;  // that every band needs besides its own
  const auto bands = std::clamp<std::int64_t>(
      (whole - rest) / std::max(bytes / 2, bytes - rest) + 1, 1, axis.outputs);
  const auto size = ceil_div(axis.outputs, bands);
  sum.bands = ceil_div(axis.outputs, size);
  axis.outputs = size;
}

template <class T> Sum forward_sum(const ConvShape& s) {
  const auto outs = s.out_channels / s.groups, ins = s.in_channels / s.groups, taps = s.taps();
  Sum sum{s.groups, outs, ins, taps, outs * ins * taps, ins * taps, taps, input_planes(s),
          0,        1,    {},  {}};
  for (std::size_t i = 0; i < 3; ++i) sum.target[i] = {s.out[i], 1};
  divide(sum, sizeof(T));
  Sum::Phase phase{{0, 0, 0}, {}, {}};
  for_each_tap(s, [&](std::int64_t tap, const Spatial& k) {
    Spatial plane, shift;
    for (std::size_t i = 0; i < 3; ++i) {
      plane[i] = k[i] * s.dilation[i] % s.stride[i];
      shift[i] = k[i] * s.dilation[i] / s.stride[i];
    }
    phase.taps.push_back(tap);
    phase.offsets.push_back(sum.planes.offset(plane, shift));
  });
  sum.phases.push_back(std::move(phase));
  return sum;
}

/// The gradient with respect to x: its element p = j stride + phase - padding is reached from
/// output j - k dilation / stride by those taps k whose k dilation % stride is its phase.
template <class T> Sum transposed_sum(const ConvShape& s) {
  const auto outs = s.in_channels / s.groups, ins = s.out_channels / s.groups, taps = s.taps();
  Sum sum{s.groups, outs, ins, taps, outs * ins * taps, taps, outs * taps, {}, 0, 1, {}, {}};
  Spatial first;
  for (std::size_t i = 0; i < 3; ++i) {
    first[i] = s.padding[i] / s.stride[i];  // the least j
    const auto reach = (s.kernel[i] - 1) * s.dilation[i] / s.stride[i];
    const auto last = (s.in[i] - 1 + s.padding[i]) / s.stride[i];
    sum.planes.axes[i] = {s.out[i], first[i] - reach, 1, 1, reach, last - first[i] + 1};
    sum.target[i] = {s.in[i], s.stride[i]};
  }
  divide(sum, sizeof(T));
  Spatial a;
  for (a[0] = 0; a[0] < s.stride[0]; ++a[0])
    for (a[1] = 0; a[1] < s.stride[1]; ++a[1])
      for (a[2] = 0; a[2] < s.stride[2]; ++a[2]) {
        Sum::Phase phase;
        for (std::size_t i = 0; i < 3; ++i)
          phase.start[i] = first[i] * s.stride[i] + a[i] - s.padding[i];
        for_each_tap(s, [&](std::int64_t tap, const Spatial& k) {
          Spatial shift;
          for (std::size_t i = 0; i < 3; ++i) {
            if (k[i] * s.dilation[i] % s.stride[i] != a[i]) return;
            shift[i] = sum.planes.axes[i].reach - k[i] * s.dilation[i] / s.stride[i];
          }
          phase.taps.push_back(tap);
          phase.offsets.push_back(sum.planes.offset({0, 0, 0}, shift));
        });
        sum.phases.push_back(std::move(phase));
      }
  return sum;
}

/// The weights of one phase, a block of output channels after the other:
/// [group][block][channel][tap] [channel of the block], 0 beyond the last channel.
template <class T, int Block>
void pack(const T* weight, T* to, const Sum& sum, const Sum::Phase& phase) {
  const auto blocks = ceil_div(sum.outs, Block);
  const auto size = sum.ins * static_cast<std::int64_t>(phase.taps.size()) * Block;
  const auto block = [&](std::int64_t i) {
    T* p = to + i * size;
    const auto first = i % blocks * Block;
    const T* from = weight + i / blocks * sum.group_stride + first * sum.out_stride;
    std::int64_t at[Block];  // channels that do not exist are copied from the first, then cleared
    for (std::int64_t b = 0; b < Block; ++b) at[b] = first + b < sum.outs ? b * sum.out_stride : 0;
    for (std::int64_t n = 0; n < sum.ins; ++n, from += sum.in_stride)
      for (const auto tap : phase.taps) {
        for (int b = 0; b < Block; ++b) p[b] = from[at[b] + tap];
        p += Block;
      }
    for (auto b = sum.outs - first; b < Block; ++b)
      for (std::int64_t k = 0; k < size; k += Block) to[i * size + k + b] = T(0);
  };
  parallel_for(sum.groups * blocks, (1 << 16) / (size + 1) + 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (auto i = begin; i < end; ++i) block(i);
               });
}

/// The kernels for one block size, for ever fewer registers of outputs.
template <class T> struct Kernels {
  struct Width {
    std::int64_t columns;
    SumShifted<T> sum;
  };
  std::int64_t block;
  void (*pack)(const T*, T*, const Sum&, const Sum::Phase&);
  std::array<Width, 3> widths;
};

template <class T, int Block> constexpr Kernels<T> kernels_of() {
  constexpr int most = columns_for(Block);
  return {Block,
          pack<T, Block>,
          {{{most, sum_shifted<T, Block, most>},
            {2, sum_shifted<T, Block, 2>},
            {1, sum_shifted<T, Block, 1>}}}};
}

/// Those that divide so many channels into the fewest blocks with the least left over.
template <class T> const Kernels<T>& kernels_for(std::int64_t channels) {
  static constexpr Kernels<T> all[] = {kernels_of<T, 1>(), kernels_of<T, 2>(),
                                       kernels_of<T, widest / 2>(), kernels_of<T, widest * 3 / 4>(),
                                       kernels_of<T, widest>()};
  const auto blocks = ceil_div(channels, widest), least = ceil_div(channels, blocks);
  return *std::ranges::find_if(all, [&](const Kernels<T>& k) { return k.block >= least; });
}

/// Outputs that a block of channels is computed for before they are stored.
constexpr std::int64_t chunk = 768;

/// The phase's outputs begin ... end of a band, for a block: out [block, chunk].
template <class T>
void sum_chunk(const Kernels<T>& kernels, const T* weight, const T* x,
               const std::vector<std::int64_t>& offsets, std::int64_t begin, std::int64_t end,
               T* out) {
  constexpr std::int64_t terms = 512;  // in one sum; sums of sums have smaller errors
  const auto count = static_cast<std::int64_t>(offsets.size());
  if (count == 0) std::fill_n(out, kernels.block * chunk, T(0));
  for (std::int64_t k = 0; k < count; k += terms) {
    auto left = ceil_div(end - begin, lanes<T>);
    auto at = begin;
    for (const auto& width : kernels.widths)
      for (; left >= width.columns; left -= width.columns, at += width.columns * lanes<T>)
        width.sum(weight + k * kernels.block, x + at, offsets.data() + k,
                  std::min(terms, count - k), out + at - begin, chunk, k > 0);
  }
}

/// Stores outputs begin ... end of a band, without those that mean nothing, for some channels: out
/// [channels, chunk], y [channels, pixels].
template <class T>
void store(const T* out, const T* bias, T* y, std::int64_t channels, const Sum& sum,
           const Sum::Phase& phase, std::int64_t band, std::int64_t begin, std::int64_t end) {
  const auto& axes = sum.planes.axes;
  const auto& target = sum.target;
  Spatial start = phase.start;
  start[sum.band_axis] += band * axes[sum.band_axis].outputs * target[sum.band_axis].step;
  const auto row = sum.planes.row(), pixels = sum.out_pixels(), step = target[2].step;
  const auto inside = [&](std::size_t i, std::int64_t p) { return p >= 0 && p < target[i].extent; };
  const auto first = std::max<std::int64_t>(0, ceil_div(-start[2], step));
  const auto last = std::min(axes[2].outputs, ceil_div(target[2].extent - start[2], step));
  for (auto line = begin / row; line * row < end; ++line) {
    const auto h = start[1] + line % axes[1].extent() * target[1].step;
    const auto d = start[0] + line / axes[1].extent() * target[0].step;
    if (line % axes[1].extent() >= axes[1].outputs || !inside(0, d) || !inside(1, h)) continue;
    const auto low = std::max(first, begin - line * row), high = std::min(last, end - line * row);
    if (low >= high) continue;
    T* to = y + (d * target[1].extent + h) * target[2].extent + start[2] + low * step;
    const T* from = out + line * row + low - begin;
    for (std::int64_t c = 0; c < channels; ++c, to += pixels, from += chunk) {
      const T b = bias ? bias[c] : T(0);
      if (step == 1)
        map_row(from, high - low, to, [b](auto v) { return v + b; });
      else
        for (std::int64_t i = 0; i < high - low; ++i) to[i * step] = from[i] + b;
    }
  }
}

/// Computes `sum` for a batch of images.
template <class T>
void run(const Sum& sum, const T* source, const T* weight, const T* bias, T* y,
         std::int64_t batch) {
  const auto& kernels = kernels_for<T>(sum.outs);
  const auto blocks = ceil_div(sum.outs, kernels.block), channel = sum.planes.channel();
  std::vector<std::int64_t> starts;  // of each phase in `packed`
  std::vector<std::vector<std::int64_t>> offsets;
  std::int64_t size = 0;
  for (const auto& phase : sum.phases) {
    starts.push_back(size);
    size += sum.groups * blocks * sum.ins * static_cast<std::int64_t>(phase.taps.size()) *
            kernels.block;
    auto& all = offsets.emplace_back();
    for (std::int64_t n = 0; n < sum.ins; ++n)
      for (const auto offset : phase.offsets) all.push_back(n * channel + offset);
  }
  const Scratch<T> packed(size);
  for (std::size_t i = 0; i < sum.phases.size(); ++i)
    kernels.pack(weight, packed + starts[i], sum, sum.phases[i]);

  // Images and bands are divided among threads; where they are too few, what is done for each.
  constexpr std::int64_t grain = 1 << 20;  // multiply-adds
  const auto units = batch * sum.bands;
  const auto block_work = kernels.block * sum.ins * sum.taps * sum.planes.outputs();
  const auto unit_work = block_work * blocks * sum.groups;
  const auto least = units < num_threads() ? units : grain / (unit_work + 1) + 1;
  parallel_for(units, least, [&](std::int64_t begin, std::int64_t end) {
    const auto channels = sum.groups * sum.ins, slack = (columns_for(1) + 1) * lanes<T>;
    const Scratch<T> copies(channels * channel + slack);
    std::fill_n(copies + channels * channel, slack, T(0));
    for (auto unit = begin; unit < end; ++unit) {
      const auto image = unit / sum.bands, band = unit % sum.bands;
      Planes planes = sum.planes;
      auto& axis = planes.axes[sum.band_axis];
      axis.origin += band * axis.outputs * axis.step;
      const T* const x = source + image * channels * sum.source_pixels();
      parallel_for(channels, (1 << 16) / channel + 1, [&](std::int64_t first, std::int64_t last) {
        for (auto c = first; c < last; ++c)
          copy_channel(x + c * sum.source_pixels(), planes, copies + c * channel);
      });
      parallel_for(
          sum.groups * blocks, grain / (block_work + 1) + 1,
          [&](std::int64_t first, std::int64_t last) {
            const Scratch<T> out(widest * chunk);
            for (auto i = first; i < last; ++i) {
              const auto g = i / blocks, m = i % blocks * kernels.block;
              for (std::size_t p = 0; p < sum.phases.size(); ++p) {
                const auto& phase = sum.phases[p];
                const T* const w = packed + starts[p] +
                                   i * static_cast<std::int64_t>(offsets[p].size()) * kernels.block;
                for (std::int64_t at = 0; at < planes.outputs(); at += chunk) {
                  const auto stop = std::min(at + chunk, planes.outputs());
                  sum_chunk<T>(kernels, w, copies + g * sum.ins * channel, offsets[p], at, stop,
                               out);
                  const auto c = g * sum.outs + m;
                  store<T>(out, bias ? bias + c : nullptr,
                           y + (image * sum.groups * sum.outs + c) * sum.out_pixels(),
                           std::min(kernels.block, sum.outs - m), sum, phase, band, at, stop);
                }
              }
            }
          });
    }
  });
}

}  // namespace

template <class T>
void convolve(const T* x, const T* weight, const T* bias, T* y, const ConvShape& s) {
  run(forward_sum<T>(s), x, weight, bias, y, s.batch);
}

template <class T>
void convolve_transposed(const T* g, const T* weight, const T* bias, T* dx, const ConvShape& s) {
  run(transposed_sum<T>(s), g, weight, bias, dx, s.batch);
}

template void convolve(const float*, const float*, const float*, float*, const ConvShape&);
template void convolve(const double*, const double*, const double*, double*, const ConvShape&);
template void convolve_transposed(const float*, const float*, const float*, float*,
                                  const ConvShape&);
template void convolve_transposed(const double*, const double*, const double*, double*,
                                  const ConvShape&);

}  // namespace gradtape::kernels::direct
