#include <algorithm>
#include <array>

#include "gradtape/autograd/kernels/matmul/gemm.hpp"
#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_interleaved.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_planes.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_tiles.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_winograd.hpp"
#include "gradtape/autograd/parallel.hpp"

// For each of a tile's 16 elements, the sum over tiles and images is a product of matrices: the
// transformed cotangents of all output channels times the transformed inputs of all input channels.

namespace gradtape::kernels::direct {

using detail::parallel_for;

template <class T>
void filter_weight_gradient(const Filtering& f, const T* g, const T* x, T* dw, std::int64_t batch) {
  constexpr auto lanes = Lanes<T>::count;
  const auto tiles = (f.out[0] + 1) / 2 * ((f.out[1] + 1) / 2);
  // So many tiles that products are fast and stay in the cache; an odd number, as rows whose
  // length is a power of two would push each other out of it.
  const auto most = std::min<std::int64_t>(tiles, lanes >= 16 ? 17 : 272 / lanes + 1);
  const auto in = f.in[0] * f.in[1], out = f.out[0] * f.out[1], pairs = f.outs * f.ins;
  const Scratch<Lanes<T>> xs(f.ins * in), gs(f.outs * out);
  const Scratch<Lanes<T>> inputs(elements * f.ins * most), cotangents(elements * f.outs * most);
  const Scratch<T> sums(elements * pairs);
  std::fill_n(sums.get(), elements * pairs, T(0));
  for (std::int64_t n = 0; n < batch; n += lanes) {
    parallel_for(f.ins + f.outs, (1 << 12) / in + 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto c = begin; c < end; ++c)
        if (c < f.ins)
          interleave_images(x + (n * f.ins + c) * in, f.ins * in, in, xs + c * in);
        else
          interleave_images(g + (n * f.outs + c - f.ins) * out, f.outs * out, out,
                            gs + (c - f.ins) * out);
    });
    for (std::int64_t first = 0; first < tiles; first += most) {
      const auto count = std::min(most, tiles - first), length = count * lanes;
      const Tiles<T> these(f, first, first + count);
      parallel_for(f.ins + f.outs, (1 << 8) / count + 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto c = begin; c < end; ++c)
          if (c < f.ins)
            these.read(xs + c * in, c, inputs);
          else
            these.read_cotangents(gs + (c - f.ins) * out, c - f.ins, cotangents);
      });
      parallel_for(elements, (1 << 20) / (pairs * length) + 1,
                   [&](std::int64_t begin, std::int64_t end) {
                     for (auto e = begin; e < end; ++e)
                       gemm<T>({cotangents[e * f.outs * count].of_image, f.outs, length},
                               {inputs[e * f.ins * count].of_image, length, f.ins, true},
                               sums + e * pairs, true);
                   });
    }
  }
  for (std::int64_t i = 0; i < pairs; ++i) {
    std::array<T, elements> u;
    for (int e = 0; e < elements; ++e) u[e] = sums[e * pairs + i];
    std::ranges::copy(transform_sums(u), dw + i * 9);
  }
}

template void filter_weight_gradient(const Filtering&, const float*, const float*, float*,
                                     std::int64_t);
template void filter_weight_gradient(const Filtering&, const double*, const double*, double*,
                                     std::int64_t);

}  // namespace gradtape::kernels::direct
