#include <algorithm>
#include <vector>

#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_interleaved.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_sum.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_tiles.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_winograd.hpp"
#include "gradtape/autograd/parallel.hpp"

// Several images are taken at once, in the lanes of a register, so that the sums over channels are
// those of convolution_sum.hpp, with tiles for columns and channels for terms.

namespace gradtape::kernels::direct {
namespace {

using detail::parallel_for;

/// The kernels transformed: [element][block of outs][in][out of the block].
template <class T> void pack(const Filtering& f, const T* weight, std::int64_t block, T* to) {
  const auto blocks = ceil_div(f.outs, block), size = blocks * f.ins * block;
  parallel_for(blocks, (1 << 12) / (f.ins * block) + 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto o = begin * block; o < end * block; ++o)
      for (std::int64_t c = 0; c < f.ins; ++c) {
        T* const at = to + (o / block * f.ins + c) * block + o % block;
        if (o < f.outs) {
          const auto u = transform_kernel(weight + f.first + o * f.out_stride + c * f.in_stride,
                                          f.row_stride, f.column_stride);
          for (int e = 0; e < elements; ++e) at[e * size] = u[e];
        } else {
          for (int e = 0; e < elements; ++e) at[e * size] = T(0);
        }
      }
  });
}

}  // namespace

bool is_filtering(const ConvShape& s) {
  constexpr ConvShape::Spatial one{1, 1, 1}, three{1, 3, 3};
  return s.kernel == three && s.stride == one && s.dilation == one && s.groups == 1 &&
         s.in[0] == 1 && s.out[0] == 1;
}

Filtering forward_filtering(const ConvShape& s) {
  return {s.out_channels,
          s.in_channels,
          {s.in[1], s.in[2]},
          {s.out[1], s.out[2]},
          {s.padding[1], s.padding[2]},
          0,
          s.in_channels * 9,
          9,
          3,
          1};
}

Filtering transposed_filtering(const ConvShape& s) {
  return {s.in_channels,
          s.out_channels,
          {s.out[1], s.out[2]},
          {s.in[1], s.in[2]},
          {2 - s.padding[1], 2 - s.padding[2]},
          8,  // the kernel from its end
          9,
          s.in_channels * 9,
          -3,
          -1};
}

template <class T>
void filter_minimally(const Filtering& f, const T* source, const T* weight, const T* bias, T* y,
                      std::int64_t batch) {
  const auto& kernels = kernels_for<T>(f.outs);
  const auto block = kernels.block, blocks = ceil_div(f.outs, block);
  const Scratch<T> weights(elements * blocks * f.ins * block);
  pack(f, weight, block, weights.get());
  const Scratch<T> no_bias(block);
  std::fill_n(no_bias.get(), block, T(0));

  // As many tiles at a time as stay in the cache, in registers side by side.
  const auto tiles = (f.out[0] + 1) / 2 * ((f.out[1] + 1) / 2);
  const auto most = std::clamp<std::int64_t>(
      (1 << 19) / (elements * f.ins * static_cast<std::int64_t>(sizeof(Lanes<T>))) / 3 * 3, 3, 24);
  std::vector<Term> terms, last_terms;  // the last tiles may be fewer
  const auto terms_of = [&](std::int64_t count) {
    std::vector<Term> all;
    for (std::int64_t c = 0; c < f.ins; ++c) all.push_back({c * count * lanes<T>, c * block});
    return all;
  };
  terms = terms_of(most), last_terms = terms_of(tiles % most);

  const auto in = f.in[0] * f.in[1], out = f.out[0] * f.out[1];
  const Scratch<Lanes<T>> images(f.ins * in), results(f.outs * out);
  for (std::int64_t n = 0; n < batch; n += lanes<T>) {
    parallel_for(f.ins, (1 << 12) / in + 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto c = begin; c < end; ++c)
        interleave_images(source + (n * f.ins + c) * in, f.ins * in, in, images + c * in);
    });
    parallel_for(ceil_div(tiles, most), 1, [&](std::int64_t begin, std::int64_t end) {
      const Scratch<Lanes<T>> inputs(elements * f.ins * most), sums(elements * block * most);
      for (auto i = begin; i < end; ++i) {
        const auto first = i * most, count = std::min(most, tiles - first);
        const Tiles<T> these(f, first, first + count);
        for (std::int64_t c = 0; c < f.ins; ++c) these.read(images + c * in, c, inputs);
        for (std::int64_t b = 0; b < blocks; ++b) {
          for (int e = 0; e < elements; ++e)
            kernels.sum(weights + (e * blocks + b) * f.ins * block,
                        inputs[e * f.ins * count].of_image, count == most ? terms : last_terms,
                        no_bias, count, sums[e * block * most].of_image, most * lanes<T>);
          for (std::int64_t o = b * block; o < std::min(f.outs, (b + 1) * block); ++o)
            these.write(sums + o % block * most, block * most, bias ? bias[o] : T(0),
                        results + o * out);
        }
      }
    });
    parallel_for(f.outs, (1 << 12) / out + 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto o = begin; o < end; ++o)
        separate_images<T>(results + o * out, out, y + (n * f.outs + o) * out, f.outs * out);
    });
  }
}

template void filter_minimally(const Filtering&, const float*, const float*, const float*, float*,
                               std::int64_t);
template void filter_minimally(const Filtering&, const double*, const double*, const double*,
                               double*, std::int64_t);

}  // namespace gradtape::kernels::direct
