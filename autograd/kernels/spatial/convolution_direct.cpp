#include "gradtape/autograd/kernels/spatial/convolution_direct.hpp"

#include <algorithm>
#include <vector>

#include "gradtape/autograd/kernels/finite.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_sum.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_winograd.hpp"
#include "gradtape/autograd/parallel.hpp"

// Every output is a sum over channels and taps of weight times a shifted copy of a channel (see
// Planes). A kernel holds the sums of some channels and some registers of neighbouring outputs, and
// goes once through channels and taps.

namespace gradtape::kernels::direct {
namespace {

using detail::parallel_for;
using Spatial = ConvShape::Spatial;

/// Outputs that a block of channels is computed for before they are stored.
constexpr std::int64_t chunk = 768;

/// Stores outputs begin ... end of a band, without those that mean nothing, for some channels: out
/// [channels, chunk], y [channels, pixels].
template <class T>
void store(const T* out, T* y, std::int64_t channels, const Sum& sum, const Sum::Phase& phase,
           std::int64_t band, std::int64_t begin, std::int64_t end) {
  const auto& axes = sum.planes.axes;
  const auto& target = sum.target;
  const Spatial start = sum.start_of(phase, band);
  const auto row = sum.planes.row(), pixels = sum.out_pixels(), step = target[2].step;
  const auto inside = [&](std::size_t i, std::int64_t p) { return p >= 0 && p < target[i].extent; };
  const auto first = std::max<std::int64_t>(0, ceil_div(-start[2], step));
  const auto last = std::min(axes[2].outputs, ceil_div(target[2].extent - start[2], step));
  const auto height = axes[1].extent();
  auto line = begin / row, i = line % height, plane = line / height;
  for (; line * row < end; ++line, ++i) {
    if (i == height) i = 0, ++plane;
    const auto h = start[1] + i * target[1].step, d = start[0] + plane * target[0].step;
    if (i >= axes[1].outputs || !inside(0, d) || !inside(1, h)) continue;
    const auto low = std::max(first, begin - line * row), high = std::min(last, end - line * row);
    if (low >= high) continue;
    T* to = y + (d * target[1].extent + h) * target[2].extent + start[2] + low * step;
    const T* from = out + line * row + low - begin;
    for (std::int64_t c = 0; c < channels; ++c, to += pixels, from += chunk)
      if (step == 1)
        copy_row(from, high - low, to);
      else
        for (std::int64_t k = 0; k < high - low; ++k) to[k * step] = from[k];
  }
}

/// The terms of a phase's sums.
std::vector<Term> terms_of(const Sum& sum, const Sum::Phase& phase, std::int64_t block) {
  std::vector<Term> terms;
  for (std::int64_t n = 0; n < sum.ins; ++n)
    for (const auto& tap : phase.taps)
      terms.push_back(
          {n * sum.planes.channel() + tap.offset, static_cast<std::int64_t>(terms.size()) * block});
  return terms;
}

}  // namespace

template <class T>
void sum_along_images(const Sum& sum, const T* source, const T* weight, const T* bias, T* y,
                      std::int64_t batch) {
  const auto& kernels = kernels_for<T>(sum.outs);
  const Packed<T> packed(sum, kernels, weight, bias);
  std::vector<std::vector<Term>> terms;
  for (const auto& phase : sum.phases) terms.push_back(terms_of(sum, phase, kernels.block));

  // Images and bands are divided among threads; where they are too few, what is done for each.
  constexpr std::int64_t grain = 1 << 20;  // multiply-adds
  const auto units = batch * sum.bands, channel = sum.planes.channel();
  const auto block_work = kernels.block * sum.ins * sum.taps * sum.planes.outputs();
  const auto unit_work = block_work * packed.blocks() * sum.groups;
  const auto least = units < num_threads() ? units : grain / (unit_work + 1) + 1;
  parallel_for(units, least, [&](std::int64_t begin, std::int64_t end) {
    const auto channels = sum.channels(), slack = (most_columns + 1) * lanes<T>;
    const Scratch<T> copies(channels * channel + slack);
    std::fill_n(copies + channels * channel, slack, T(0));
    for (auto unit = begin; unit < end; ++unit) {
      const auto image = unit / sum.bands, band = unit % sum.bands;
      const Planes planes = sum.planes_of(band);
      const T* const x = source + image * channels * sum.source_pixels();
      parallel_for(channels, (1 << 16) / channel + 1, [&](std::int64_t first, std::int64_t last) {
        for (auto c = first; c < last; ++c)
          copy_channel(x + c * sum.source_pixels(), planes, copies + c * channel);
      });
      parallel_for(
          sum.groups * packed.blocks(), grain / (block_work + 1) + 1,
          [&](std::int64_t first, std::int64_t last) {
            const Scratch<T> out(kernels.block * chunk);
            for (auto i = first; i < last; ++i) {
              const auto g = i / packed.blocks(), m = i % packed.blocks() * kernels.block;
              for (std::size_t p = 0; p < sum.phases.size(); ++p)
                for (std::int64_t at = 0; at < planes.outputs(); at += chunk) {
                  const auto stop = std::min(at + chunk, planes.outputs());
                  kernels.sum(packed.weight(p, i), copies + g * sum.ins * channel + at, terms[p],
                              packed.bias(i), ceil_div(stop - at, lanes<T>), out, chunk);
                  store<T>(
                      out,
                      y + (image * sum.groups * sum.outs + g * sum.outs + m) * sum.out_pixels(),
                      std::min(kernels.block, sum.outs - m), sum, sum.phases[p], band, at, stop);
                }
            }
          });
    }
  });
}

namespace {

/// `sum` for a batch: across images those that fill registers, along them the others.
template <class T>
void run(Sum (*sum_of)(const ConvShape&, std::size_t), Filtering (*filtering_of)(const ConvShape&),
         const T* source, const T* weight, const T* bias, T* y, const ConvShape& s, Way way) {
  const Sum sum = sum_of(s, sizeof(T));
  const auto x_image = sum.channels() * sum.source_pixels();
  const auto y_image = sum.groups * sum.outs * sum.out_pixels();
  auto done = way == Way::along ? 0 : s.batch / lanes<T> * lanes<T>;
  if (way == Way::winograd && !is_filtering(s)) way = Way::across;
  if (done > 0 && way == Way::winograd) {
    filter_minimally(filtering_of(s), source, weight, bias, y, done);
    if (!all_finite(y, done * y_image)) way = Way::across;  // may be so by the transforms alone
  }
  if (done > 0 && way == Way::across)
    sum_across_images(sum_of(s, sizeof(T) * static_cast<std::size_t>(lanes<T>)), source, weight,
                      bias, y, done);
  if (done < s.batch)
    sum_along_images(sum, source + done * x_image, weight, bias, y + done * y_image,
                     s.batch - done);
}

}  // namespace

template <class T>
void convolve(const T* x, const T* weight, const T* bias, T* y, const ConvShape& s, Way way) {
  run(forward_sum, forward_filtering, x, weight, bias, y, s, way);
}

template <class T>
void convolve_transposed(const T* g, const T* weight, const T* bias, T* dx, const ConvShape& s,
                         Way way) {
  run(transposed_sum, transposed_filtering, g, weight, bias, dx, s, way);
}

template void sum_along_images(const Sum&, const float*, const float*, const float*, float*,
                               std::int64_t);
template void sum_along_images(const Sum&, const double*, const double*, const double*, double*,
                               std::int64_t);
template void convolve(const float*, const float*, const float*, float*, const ConvShape&, Way);
template void convolve(const double*, const double*, const double*, double*, const ConvShape&, Way);
template void convolve_transposed(const float*, const float*, const float*, float*,
                                  const ConvShape&, Way);
template void convolve_transposed(const double*, const double*, const double*, double*,
                                  const ConvShape&, Way);

}  // namespace gradtape::kernels::direct
