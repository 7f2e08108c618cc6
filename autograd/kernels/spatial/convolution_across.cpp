#include <algorithm>
#include <utility>
#include <vector>

#include "gradtape/autograd/kernels/finite.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_interleaved.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_sum.hpp"
#include "gradtape/autograd/parallel.hpp"

// Along small images the end of a register means nothing, and so do the outputs between two rows.
// Here a register holds one output of several images instead, so that nothing is computed in vain,
// at the price of interleaving the images and separating the outputs again.

namespace gradtape::kernels::direct {
namespace {

using detail::parallel_for;
using Spatial = ConvShape::Spatial;

constexpr std::int64_t chunk = 128;  ///< outputs, at most, that are computed before they are stored

/// Outputs beside each other in the planes and, a step apart, in y; all read the same taps.
struct Line {
  std::int64_t plane, target, count;
  std::size_t terms;  // the number of its sum
};

/// What is computed of a band, for one phase.
struct Lines {
  std::vector<Line> lines;
  std::vector<std::vector<Term>> terms;
};

/// What is computed of a band, and where in y.
struct Band {
  std::vector<Lines> phases;
  std::int64_t begin, end;
};

/// Whether a tap reads a line of the source, along an axis, for output i.
bool reads(const PlaneAxis& axis, std::int64_t at, std::int64_t i) {
  const auto position = axis.origin + at + i * axis.step;
  return position >= 0 && position < axis.source;
}

/// The lines of a phase's outputs, without those beyond y's edges. With `clip`, taps are left out
/// that read padding alone.
template <class T>
Lines lines_of(const Sum& sum, const Sum::Phase& phase, std::int64_t band, std::int64_t block,
               bool clip) {
  const Planes planes = sum.planes_of(band);
  const auto& axes = planes.axes;
  const auto& target = sum.target;
  const Spatial start = sum.start_of(phase, band);
  const auto low = [&](std::size_t i) {
    return std::max<std::int64_t>(0, ceil_div(-start[i], target[i].step));
  };
  const auto high = [&](std::size_t i) {
    return std::min(axes[i].outputs, ceil_div(target[i].extent - start[i], target[i].step));
  };
  Lines all;
  std::vector<std::size_t> last, taps;
  for (auto d = low(0); d < high(0); ++d)
    for (auto h = low(1); h < high(1); ++h) {
      taps.clear();
      for (std::size_t k = 0; k < phase.taps.size(); ++k)
        if (!clip ||
            (reads(axes[0], phase.taps[k].at[0], d) && reads(axes[1], phase.taps[k].at[1], h)))
          taps.push_back(k);
      if (all.terms.empty() || taps != last) {
        auto& terms = all.terms.emplace_back();
        for (std::int64_t n = 0; n < sum.ins; ++n)
          for (const auto k : taps)
            terms.push_back(
                {(n * planes.channel() + phase.taps[k].offset) * lanes<T>,
                 (n * static_cast<std::int64_t>(phase.taps.size()) + static_cast<std::int64_t>(k)) *
                     block});
        last = taps;
      }
      const auto plane = (d * axes[1].extent() + h) * planes.row();
      const auto line =
          ((start[0] + d * target[0].step) * target[1].extent + start[1] + h * target[1].step) *
              target[2].extent +
          start[2];
      for (auto w = low(2); w < high(2); w += chunk)
        all.lines.push_back({plane + w, line + w * target[2].step, std::min(chunk, high(2) - w),
                             all.terms.size() - 1});
    }
  return all;
}

template <class T> Band band_of(const Sum& sum, std::int64_t band, std::int64_t block, bool clip) {
  Band of{{}, sum.out_pixels(), 0};
  for (const auto& phase : sum.phases) {
    of.phases.push_back(lines_of<T>(sum, phase, band, block, clip));
    for (const Line& line : of.phases.back().lines) {
      of.begin = std::min(of.begin, line.target);
      of.end = std::max(of.end, line.target + (line.count - 1) * sum.target[2].step + 1);
    }
  }
  of.end = std::max(of.begin, of.end);
  return of;
}

/// Stores the outputs of some lines for one channel of all images, which are `pitch` apart.
template <class T>
void store(const Lanes<T>* out, const Line* line, const Line* end, T* y, std::int64_t pitch) {
  while (line < end) {
    const auto target = line->target;
    auto count = line++->count;
    for (; line < end && line->target == target + count; ++line) count += line->count;
    separate_images(out, count, y + target, pitch);
    out += count;
  }
}

/// Puts the outputs of some lines, `step` apart, where they are in y.
template <class T>
void place(const Lanes<T>* out, const Line* line, const Line* end, std::int64_t step, Lanes<T>* y) {
  for (; line < end; ++line)
    for (std::int64_t i = 0; i < line->count; ++i) y[line->target + i * step] = *out++;
}

/// Computes block number i of channels: from a band's copies, of y those channels of one image.
template <class T>
void sum_block(const Sum& sum, const Kernels<T>& kernels, const Packed<T>& packed, std::int64_t i,
               const Band& band, const Lanes<T>* copies, T* y) {
  const auto channels = std::min(kernels.block, sum.outs - i % packed.blocks() * kernels.block);
  const auto step = sum.target[2].step, pixels = sum.out_pixels();
  const auto pitch = sum.groups * sum.outs * pixels, range = band.end - band.begin;
  const Scratch<Lanes<T>> out(kernels.block * chunk), placed(step == 1 ? 0 : channels * range);
  for (std::size_t p = 0; p < band.phases.size(); ++p) {
    const Lines& of = band.phases[p];
    const Line* line = of.lines.data();
    for (const auto* const stop = line + of.lines.size(); line < stop;) {
      const auto* const from = line;
      std::int64_t count = 0;
      for (; line < stop && count + line->count <= chunk; count += line++->count)
        kernels.sum(packed.weight(p, i), copies[line->plane].of_image, of.terms[line->terms],
                    packed.bias(i), line->count, out[count].of_image, chunk * lanes<T>);
      for (std::int64_t c = 0; c < channels; ++c)
        if (step == 1)
          store<T>(out + c * chunk, from, line, y + c * pixels, pitch);
        else
          place<T>(out + c * chunk, from, line, step, placed + c * range - band.begin);
    }
  }
  if (step != 1)
    for (std::int64_t c = 0; c < channels; ++c)
      separate_images<T>(placed + c * range, range, y + c * pixels + band.begin, pitch);
}

}  // namespace

template <class T>
void sum_across_images(const Sum& sum, const T* source, const T* weight, const T* bias, T* y,
                       std::int64_t batch) {
  const auto& kernels = kernels_for<T>(sum.outs);
  const Packed<T> packed(sum, kernels, weight, bias);
  const bool clip = all_finite(weight, sum.groups * sum.outs * sum.ins * sum.taps);
  std::vector<Band> bands;
  for (std::int64_t band = 0; band < sum.bands; ++band)
    bands.push_back(band_of<T>(sum, band, kernels.block, clip));

  constexpr std::int64_t grain = 1 << 20;  // multiply-adds
  const auto units = batch / lanes<T> * sum.bands, channels = sum.channels();
  const auto channel = sum.planes.channel(), pixels = sum.source_pixels();
  const auto block_work = kernels.block * sum.ins * sum.taps * sum.planes.outputs() * lanes<T>;
  const auto unit_work = block_work * packed.blocks() * sum.groups;
  const auto least = units < num_threads() ? units : grain / (unit_work + 1) + 1;
  parallel_for(units, least, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<Lanes<T>> images(channels * pixels), copies(channels * channel);
    std::int64_t interleaved = -1;
    for (auto unit = begin; unit < end; ++unit) {
      const auto image = unit / sum.bands * lanes<T>, band = unit % sum.bands;
      const Planes planes = sum.planes_of(band);
      const T* const x = source + image * channels * pixels;
      T* const to = y + image * sum.groups * sum.outs * sum.out_pixels();
      const bool fresh = std::exchange(interleaved, image) != image;
      parallel_for(channels, (1 << 12) / channel + 1, [&](std::int64_t first, std::int64_t last) {
        for (auto c = first; c < last; ++c) {
          if (fresh)
            interleave_images(x + c * pixels, channels * pixels, pixels, images + c * pixels);
          copy_channel<Lanes<T>>(images + c * pixels, planes, copies + c * channel);
        }
      });
      parallel_for(sum.groups * packed.blocks(), grain / (block_work + 1) + 1,
                   [&](std::int64_t first, std::int64_t last) {
                     for (auto i = first; i < last; ++i) {
                       const auto g = i / packed.blocks(), m = i % packed.blocks() * kernels.block;
                       sum_block<T>(sum, kernels, packed, i, bands[static_cast<std::size_t>(band)],
                                    copies + g * sum.ins * channel,
                                    to + (g * sum.outs + m) * sum.out_pixels());
                     }
                   });
    }
  });
}

template void sum_across_images(const Sum&, const float*, const float*, const float*, float*,
                                std::int64_t);
template void sum_across_images(const Sum&, const double*, const double*, const double*, double*,
                                std::int64_t);

}  // namespace gradtape::kernels::direct
