#include <algorithm>

#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_direct.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_planes.hpp"

// The time of a convolution is estimated as a multiple of that of its multiply-adds at the speed of
// full registers. The constants fit what some forty shapes took, one to 512 channels, 4 to 56
// pixels wide, on a CPU with AVX-512; docs/design.md has examples.

namespace gradtape::kernels::direct {
namespace {

/// What one way costs, in multiply-adds of an image.
struct Costs {
  double columns, along, across;

  Way least() const {
    return columns <= std::min(along, across) ? Way::columns
           : along <= across                  ? Way::along
                                              : Way::across;
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

template <class T> Costs costs(const ConvShape& s, Result result) {
  constexpr std::int64_t lanes = xsimd::batch<T>::size;
  constexpr double never = 1e300;
  const auto in = s.pixels_in(), out = s.pixels_out();
  const auto pairs = product(s.in_channels / s.groups, s.out_channels);  // of channels
  const double needed = product(out, s.taps()) * pairs;
  const Planes planes = input_planes(s);
  const bool tiny = products_are_tiny(s);
  const auto set = lanes * (s.in_channels * in + s.out_channels * out);  // interleaved elements
  Costs c{};

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
  if (tiny) c.columns = never;

  if (result == Result::dw) {
    const auto copy = s.in_channels * planes.channel() + s.out_channels * planes.plane();
    const auto sets =
        std::clamp<std::int64_t>((1 << 18) / set, 1, std::max(s.batch / lanes, std::int64_t{1}));
    const double terms = std::min(512., product(sets, out));  // of one sum
    c.along = copy > 1 << 24
                  ? never
                  : needed / product(1, out) * (product(filled<T>(planes.plane()), 1) * 1.15 + 40);
    c.across = needed * (1.25 + 18 / terms);
  } else {
    const Planes read = result == Result::y ? planes : output_planes(s);
    const auto width =
        result == Result::y ? s.out[2] * s.kernel[2] : ceil_div(s.in[2] * s.kernel[2], s.stride[2]);
    const auto outs = (result == Result::y ? s.out_channels : s.in_channels) / s.groups;
    const double loads = (8 + 8 / static_cast<double>(std::min<std::int64_t>(outs, 8))) / 9;
    const double megabytes = product(set, sizeof(T)) / (1 << 20);
    const auto rows = read.axes[0].extent() * read.axes[1].extent();
    const auto copied = result == Result::y ? s.in_channels : s.out_channels;
    const auto stored =
        product(s.groups * outs, result == Result::y ? s.out[0] * s.out[1] : s.in[0] * s.in[1]);
    c.along = loads * pairs * product(filled<T>(read.outputs()), s.taps()) +
              20. * lanes * (product(copied, rows) + stored);
    c.across = loads * pairs * product(pairs_inside(s, 0) * pairs_inside(s, 1), width) +
               static_cast<double>(set) * (0.7 + 0.1 * megabytes);
  }
  if (s.batch < lanes || set > (tiny && result != Result::dw ? 1 << 20 : 1 << 22)) c.across = never;
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
