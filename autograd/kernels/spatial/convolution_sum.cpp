#include "gradtape/autograd/kernels/spatial/convolution_sum.hpp"

#include <algorithm>

#include "gradtape/autograd/parallel.hpp"

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
constexpr int columns_for(int block) {
  return std::min(static_cast<int>(most_columns), (registers - 1) / (block + 1));
}

template <class T, int Block, int Columns>
void sum_shifted(const T* weight, const T* x, const Term* terms, std::int64_t count, const T* bias,
                 T* out, std::int64_t pitch) {
  using Register = xsimd::batch<T>;
  Register sum[Block][Columns];
  for (auto& row : sum)
    for (auto& s : row) s = Register(T(0));
  for (const Term* const end = terms + count; terms < end; ++terms) {
    Register values[Columns];
    for (int c = 0; c < Columns; ++c)
      values[c] = Register::load_unaligned(x + terms->x + c * lanes<T>);
    const T* const w = weight + terms->weight;
    for (int b = 0; b < Block; ++b) {
      const Register factor(w[b]);
      for (int c = 0; c < Columns; ++c)
        sum[b][c] = detail::multiply_add(factor, values[c], sum[b][c]);
    }
  }
  // Unrolled, or the sums would go through memory.
#pragma GCC unroll 8
  for (int b = 0; b < Block; ++b)
#pragma GCC unroll 8
    for (int c = 0; c < Columns; ++c) {
      T* const to = out + b * pitch + c * lanes<T>;
      sum[b][c] += bias ? Register(bias[b]) : Register::load_unaligned(to);
      sum[b][c].store_unaligned(to);
    }
}

/// Divides the outputs into bands whose copies of all channels take at most half a megabyte.
void divide(Sum& sum, std::size_t element) {
  constexpr std::int64_t bytes = 1 << 19;
  auto& axes = sum.planes.axes;
  sum.band_axis = axes[0].outputs > 1 ? 0 : axes[1].outputs > 1 ? 1 : 2;
  auto& axis = axes[sum.band_axis];
  const auto whole = sum.channels() * sum.planes.channel() * static_cast<std::int64_t>(element);
  const auto rest = whole / axis.extent() * axis.reach;  // that every band needs besides its own
  const auto bands = std::clamp<std::int64_t>(
      (whole - rest) / std::max(bytes / 2, bytes - rest) + 1, 1, axis.outputs);
  const auto size = ceil_div(axis.outputs, bands);
  sum.bands = ceil_div(axis.outputs, size);
  axis.outputs = size;
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
      for (const auto& tap : phase.taps) {
        for (int b = 0; b < Block; ++b) p[b] = from[at[b] + tap.number];
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

template <class T, int Block> constexpr Kernels<T> kernels_of() {
  constexpr int most = columns_for(Block);
  return {Block,
          pack<T, Block>,
          {{{most, sum_shifted<T, Block, most>},
            {2, sum_shifted<T, Block, 2>},
            {1, sum_shifted<T, Block, 1>}}}};
}

}  // namespace

Planes Sum::planes_of(std::int64_t band) const {
  Planes of_band = planes;
  auto& axis = of_band.axes[band_axis];
  axis.origin += band * axis.outputs * axis.step;
  return of_band;
}

Spatial Sum::start_of(const Phase& phase, std::int64_t band) const {
  Spatial start = phase.start;
  start[band_axis] += band * planes.axes[band_axis].outputs * target[band_axis].step;
  return start;
}

Sum forward_sum(const ConvShape& s, std::size_t element_bytes) {
  const auto outs = s.out_channels / s.groups, ins = s.in_channels / s.groups, taps = s.taps();
  Sum sum{s.groups, outs, ins, taps, outs * ins * taps, ins * taps, taps, input_planes(s),
          0,        1,    {},  {}};
  for (std::size_t i = 0; i < 3; ++i) sum.target[i] = {s.out[i], 1};
  divide(sum, element_bytes);
  Sum::Phase phase{{0, 0, 0}, {}};
  for_each_tap(s, [&](std::int64_t number, const Spatial& k) {
    Spatial plane, shift, at;
    for (std::size_t i = 0; i < 3; ++i) {
      at[i] = k[i] * s.dilation[i];
      plane[i] = at[i] % s.stride[i];
      shift[i] = at[i] / s.stride[i];
    }
    phase.taps.push_back({number, sum.planes.offset(plane, shift), at});
  });
  sum.phases.push_back(std::move(phase));
  return sum;
}

/// Element p = j stride + phase - padding of dx is reached from output j - k dilation / stride by
/// those taps k whose k dilation % stride is its phase.
Sum transposed_sum(const ConvShape& s, std::size_t element_bytes) {
  const auto outs = s.in_channels / s.groups, ins = s.out_channels / s.groups, taps = s.taps();
  Sum sum{s.groups, outs, ins, taps, outs * ins * taps, taps, outs * taps, output_planes(s),
          0,        1,    {},  {}};
  Spatial first;
  for (std::size_t i = 0; i < 3; ++i) {
    first[i] = s.padding[i] / s.stride[i];  // the least j
    sum.target[i] = {s.in[i], s.stride[i]};
  }
  divide(sum, element_bytes);
  Spatial a;
  for (a[0] = 0; a[0] < s.stride[0]; ++a[0])
    for (a[1] = 0; a[1] < s.stride[1]; ++a[1])
      for (a[2] = 0; a[2] < s.stride[2]; ++a[2]) {
        Sum::Phase phase;
        for (std::size_t i = 0; i < 3; ++i)
          phase.start[i] = first[i] * s.stride[i] + a[i] - s.padding[i];
        for_each_tap(s, [&](std::int64_t number, const Spatial& k) {
          Spatial shift;
          for (std::size_t i = 0; i < 3; ++i) {
            if (k[i] * s.dilation[i] % s.stride[i] != a[i]) return;
            shift[i] = sum.planes.axes[i].reach - k[i] * s.dilation[i] / s.stride[i];
          }
          phase.taps.push_back({number, sum.planes.offset({0, 0, 0}, shift), shift});
        });
        sum.phases.push_back(std::move(phase));
      }
  return sum;
}

template <class T>
void Kernels<T>::sum(const T* weight, const T* x, const std::vector<Term>& terms, const T* bias,
                     std::int64_t registers, T* out, std::int64_t pitch) const {
  const auto count = static_cast<std::int64_t>(terms.size());
  std::int64_t k = 0;
  do {
    auto left = registers;
    std::int64_t at = 0;
    for (const auto& width : widths)
      for (; left >= width.columns; left -= width.columns, at += width.columns * lanes<T>)
        width.sum(weight, x + at, terms.data() + k, std::min(most_terms, count - k),
                  k ? nullptr : bias, out + at, pitch);
    k += most_terms;
  } while (k < count);
}

template <class T> const Kernels<T>& kernels_for(std::int64_t channels) {
  static constexpr Kernels<T> all[] = {kernels_of<T, 1>(), kernels_of<T, 2>(),
                                       kernels_of<T, widest / 2>(), kernels_of<T, widest * 3 / 4>(),
                                       kernels_of<T, widest>()};
  const auto blocks = ceil_div(channels, widest), least = ceil_div(channels, blocks);
  return *std::ranges::find_if(all, [&](const Kernels<T>& k) { return k.block >= least; });
}

template <class T>
Packed<T>::Packed(const Sum& sum, const Kernels<T>& kernels, const T* weight, const T* bias)
    : kernels_(kernels),
      blocks_(ceil_div(sum.outs, kernels.block)),
      biases_(sum.groups * blocks_ * kernels.block),
      weights_(sum.groups * blocks_ * kernels.block * sum.ins * sum.taps) {
  std::int64_t start = 0;
  for (const auto& phase : sum.phases) {
    starts_.push_back(start);
    sizes_.push_back(sum.ins * static_cast<std::int64_t>(phase.taps.size()) * kernels.block);
    kernels.pack(weight, weights_ + start, sum, phase);
    start += sum.groups * blocks_ * sizes_.back();
  }
  std::fill_n(biases_.get(), sum.groups * blocks_ * kernels.block, T(0));
  if (bias)
    for (std::int64_t g = 0; g < sum.groups; ++g)
      std::copy_n(bias + g * sum.outs, sum.outs, biases_ + g * blocks_ * kernels.block);
}

template struct Kernels<float>;
template struct Kernels<double>;
template class Packed<float>;
template class Packed<double>;
template const Kernels<float>& kernels_for(std::int64_t);
template const Kernels<double>& kernels_for(std::int64_t);

}  // namespace gradtape::kernels::direct
