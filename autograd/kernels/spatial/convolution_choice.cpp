#include <algorithm>

#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_direct.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_planes.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_winograd.hpp"

// The time of a convolution is estimated as a multiple of that of its multiply-adds at the speed of
// full registers. The constants fit what some forty shapes took, one to 512 channels, 4 to 56
// pixels wide, on a CPU with AVX-512 (Zen 4). Windows that do not overlap are not estimated: their
// columns are the image.

namespace gradtape::kernels::direct {
namespace {

/// What each way costs, in multiply-adds of an image.
struct Costs {
  static constexpr double never = 1e300;
  double columns = never, along = never, across = never, winograd = never;

  Way least() const {
    const double all[] = {columns, along, across, winograd};
    return static_cast<Way>(std::ranges::min_element(all) - all);
  }
};

double product(std::int64_t a, std::int64_t b) {
  return static_cast<double>(a) * static_cast<double>(b);
}

/// Pairs of an output and a tap that read x and no padding, along an axis.
std::int64_t pairs_inside(const ConvShape& s, std::size_t axis) {
  std::int64_t pairs = 0;
  for (std::int64_t k = 0; k < s.kernel[axis]; ++k) {
    const auto shift = s.padding[axis] - k * s.dilation[axis], stride = s.stride[axis];
    pairs += std::clamp<std::int64_t>(ceil_div(s.in[axis] + shift, stride), 0, s.out[axis]) -
             std::clamp<std::int64_t>(ceil_div(shift, stride), 0, s.out[axis]);
  }
  return pairs;
}

/// Registers that are filled by `count` elements, as elements.
template <class T> std::int64_t filled(std::int64_t count) {
  constexpr std::int64_t lanes = xsimd::batch<T>::size;
  return ceil_div(count, lanes) * lanes;
}

bool products_are_tiny(const ConvShape& s) {
  return s.groups > 1 && std::min(s.out_channels, s.column_rows()) / s.groups < 16;
}

/// What a filtering costs besides interleaving, in multiply-adds of an image: its products, the
/// transforms, those of the weights, and reading these again where they are too many for the cache.
double filtering_cost(const Filtering& f, std::int64_t batch) {
  const auto tiles = ceil_div(f.out[0], 2) * ceil_div(f.out[1], 2);
  const double weights = product(f.outs, f.ins), lanes = xsimd::batch<float>::size;
  const double passes = product(tiles, f.ins) / 512 + 1;  // half a megabyte of inputs in each
  return weights * (17.6 * static_cast<double>(tiles) + 60 * lanes / static_cast<double>(batch) +
                    (weights > 1 << 14 ? 16 * passes : 0)) +
         product(60 * f.ins + 50 * f.outs, tiles);
}

/// The same for the gradient of the weights, whose sums go through memory for every 17 tiles.
double filtering_weight_cost(const Filtering& f, std::int64_t batch) {
  const auto tiles = ceil_div(f.out[0], 2) * ceil_div(f.out[1], 2);
  const double weights = product(f.outs, f.ins), lanes = xsimd::batch<float>::size;
  const double sides = 1 + 8 / static_cast<double>(std::min(f.outs, f.ins));
  return weights *
             (21.6 * sides * static_cast<double>(tiles) + 40 * lanes / static_cast<double>(batch) +
              60 * static_cast<double>(ceil_div(tiles, 17))) +
         60 * product(f.ins + f.outs, tiles);
}

template <class T> Costs costs(const ConvShape& s, Result result) {
  constexpr std::int64_t lanes = xsimd::batch<T>::size;
  const auto in = s.pixels_in(), out = s.pixels_out();
  const auto pairs = product(s.in_channels / s.groups, s.out_channels);  // of channels
  const double needed = product(out, s.taps()) * pairs;
  const Planes planes = input_planes(s);
  const bool tiny = products_are_tiny(s);
  const auto set = lanes * (s.in_channels * in + s.out_channels * out);  // interleaved elements
  Costs c;

  // Each element of a column is copied, for a product with as many channels.
  const double row = 0.3 + 16. / static_cast<double>(s.out[2]);
  const double copies = product(lanes, s.groups) / static_cast<double>(s.out_channels) * row;
  switch (result) {
    case Result::y:
      c.columns = needed * (1.25 + copies) + 0.5 * product(lanes * s.out_channels, out);
      break;
    case Result::dx:
      c.columns = needed * (1.25 + 1.5 * copies);
      break;
    case Result::dw:
      c.columns = needed * (1.2 + 1.3 * copies);
  }
  if (tiny) c.columns = Costs::never;

  const double megabytes = product(set, sizeof(T)) / (1 << 20);
  const double interleaving = static_cast<double>(set) * (0.7 + 0.1 * megabytes);
  const bool filtering = sizeof(T) == 4 && is_filtering(s) && s.batch >= lanes && set <= 1 << 23;
  if (result == Result::dw) {
    const auto copy = s.in_channels * planes.channel() + s.out_channels * planes.plane();
    const auto sets =
        std::clamp<std::int64_t>((1 << 18) / set, 1, std::max(s.batch / lanes, std::int64_t{1}));
    const double terms = std::min(512., product(sets, out));  // of one sum
    c.along = copy > 1 << 24
                  ? Costs::never
                  : needed / product(1, out) * (product(filled<T>(planes.plane()), 1) * 1.15 + 40);
    c.across = needed * (1.25 + 18 / terms);
    if (filtering) c.winograd = filtering_weight_cost(forward_filtering(s), s.batch) + interleaving;
  } else {
    const Planes read = result == Result::y ? planes : output_planes(s);
    const auto width =
        result == Result::y ? s.out[2] * s.kernel[2] : ceil_div(s.in[2] * s.kernel[2], s.stride[2]);
    const auto outs = (result == Result::y ? s.out_channels : s.in_channels) / s.groups;
    const double loads = (8 + 8 / static_cast<double>(std::min<std::int64_t>(outs, 8))) / 9;
    const auto rows = read.axes[0].extent() * read.axes[1].extent();
    const auto copied = result == Result::y ? s.in_channels : s.out_channels;
    const auto stored =
        product(s.groups * outs, result == Result::y ? s.out[0] * s.out[1] : s.in[0] * s.in[1]);
    c.along = loads * pairs * product(filled<T>(read.outputs()), s.taps()) +
              20. * lanes * (product(copied, rows) + stored);
    c.across =
        loads * pairs * product(pairs_inside(s, 0) * pairs_inside(s, 1), width) + interleaving;
    if (filtering)
      c.winograd =
          filtering_cost(result == Result::y ? forward_filtering(s) : transposed_filtering(s),
                         s.batch) +
          interleaving;
  }
  if (s.batch < lanes || set > (tiny && result != Result::dw ? 1 << 20 : 1 << 22))
    c.across = Costs::never;
  return c;
}

}  // namespace

bool possible(const ConvShape& s) {
  if (std::min({s.batch, s.in_channels, s.out_channels, s.pixels_in(), s.pixels_out()}) < 1)
    return false;
  double size = 1;  // of a channel's copy, which may be beyond all integers
  for (const PlaneAxis& axis : input_planes(s).axes)
    size *= static_cast<double>(axis.phases) * static_cast<double>(axis.extent());
  constexpr std::int64_t most = 4, small = 1024;
  return size <= static_cast<double>(most * (s.pixels_in() + s.pixels_out()) + small);
}

template <class T> Way fastest(const ConvShape& s, Result result) {
  if (!products_are_tiny(s) && s.stride[0] >= s.kernel[0] && s.stride[1] >= s.kernel[1] &&
      s.stride[2] >= s.kernel[2])
    return Way::columns;  // the columns are the image
  return costs<T>(s, result).least();
}

template Way fastest<float>(const ConvShape&, Result);
template Way fastest<double>(const ConvShape&, Result);

}  // namespace gradtape::kernels::direct
