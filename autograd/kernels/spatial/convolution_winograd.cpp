#include <algorithm>
#include <array>
#include <vector>

#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_interleaved.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_sum.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_winograd.hpp"
#include "gradtape/autograd/parallel.hpp"

// Winograd's minimal filtering F(2x2, 3x3), after A. Lavin and S. Gray, Fast Algorithms for
// Convolutional Neural Networks (CVPR 2016), section 4.1: four outputs beside each other are A^T
// [(G g G^T) * (B^T d B)] A, summed over channels within the brackets, where d are the 4x4 inputs
// that they read and g is the kernel: 16 multiplications in place of 36. Several images are taken
// at once, in the lanes of a register, so that the sums are those of convolution_sum.hpp, with
// tiles for columns and channels for terms.

namespace gradtape::kernels::direct {
namespace {

using detail::parallel_for;

constexpr int elements = 16;  ///< of a tile, transformed

/// G g G^T of a kernel whose rows are `row` elements apart and its columns `column`.
template <class T>
std::array<T, elements> transform_kernel(const T* g, std::int64_t row, std::int64_t column) {
  const auto transform = [](T a, T b, T c) {
    const T half = T(0.5);
    return std::array<T, 4>{a, half * (a + b + c), half * (a - b + c), c};
  };
  std::array<std::array<T, 4>, 3> rows;
  for (int i = 0; i < 3; ++i)
    rows[i] = transform(g[i * row], g[i * row + column], g[i * row + 2 * column]);
  std::array<T, elements> all;
  for (int j = 0; j < 4; ++j) {
    const auto column_j = transform(rows[0][j], rows[1][j], rows[2][j]);
    for (int i = 0; i < 4; ++i) all[i * 4 + j] = column_j[i];
  }
  return all;
}

/// B^T d B, in place.
template <class Register> void transform_input(Register (&d)[4][4]) {
  const auto transform = [](Register& a, Register& b, Register& c, Register& e) {
    const Register sum = b + c, difference = c - b;
    a -= c, e = b - e, b = sum, c = difference;
  };
  for (int j = 0; j < 4; ++j) transform(d[0][j], d[1][j], d[2][j], d[3][j]);
  for (int i = 0; i < 4; ++i) transform(d[i][0], d[i][1], d[i][2], d[i][3]);
}

/// A^T m A.
template <class Register> void transform_output(const Register (&m)[4][4], Register (&y)[2][2]) {
  Register rows[2][4];
  for (int j = 0; j < 4; ++j) {
    rows[0][j] = m[0][j] + m[1][j] + m[2][j];
    rows[1][j] = m[1][j] - m[2][j] - m[3][j];
  }
  for (int i = 0; i < 2; ++i) {
    y[i][0] = rows[i][0] + rows[i][1] + rows[i][2];
    y[i][1] = rows[i][1] - rows[i][2] - rows[i][3];
  }
}

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

/// Some neighbouring tiles of a set of images.
template <class T> class Tiles {
 public:
  using Register = xsimd::batch<T>;

  Tiles(const Filtering& f, std::int64_t begin, std::int64_t end)
      : f_(f), begin_(begin), count_(end - begin), across_((f.out[1] + 1) / 2) {}

  /// to[element][channel][tile] = the inputs of a channel, transformed.
  void read(const Lanes<T>* image, std::int64_t channel, Lanes<T>* to) const {
    for (std::int64_t t = 0; t < count_; ++t) {
      const auto top = row(t) - f_.padding[0], left = column(t) - f_.padding[1];
      Register d[4][4];
      if (top >= 0 && left >= 0 && top + 4 <= f_.in[0] && left + 4 <= f_.in[1]) {
        for (int i = 0; i < 4; ++i)
          for (int j = 0; j < 4; ++j) d[i][j] = load(image[(top + i) * f_.in[1] + left + j]);
      } else {
        for (int i = 0; i < 4; ++i)
          for (int j = 0; j < 4; ++j) {
            const auto h = top + i, w = left + j;
            const bool inside = h >= 0 && w >= 0 && h < f_.in[0] && w < f_.in[1];
            d[i][j] = inside ? load(image[h * f_.in[1] + w]) : Register(T(0));
          }
      }
      transform_input(d);
      for (int e = 0; e < elements; ++e)
        d[e / 4][e % 4].store_unaligned(to[(e * f_.ins + channel) * count_ + t].of_image);
    }
  }

  /// y = the outputs of a channel from its sums [element, pitch][tile], and its bias.
  void write(const Lanes<T>* sums, std::int64_t pitch, T bias, Lanes<T>* y) const {
    for (std::int64_t t = 0; t < count_; ++t) {
      Register m[4][4], out[2][2];
      for (int e = 0; e < elements; ++e) m[e / 4][e % 4] = load(sums[e * pitch + t]);
      transform_output(m, out);
      const auto top = row(t), left = column(t);
      const auto height = std::min<std::int64_t>(2, f_.out[0] - top);
      const auto width = std::min<std::int64_t>(2, f_.out[1] - left);
      for (std::int64_t i = 0; i < height; ++i)
        for (std::int64_t j = 0; j < width; ++j)
          (out[i][j] + Register(bias))
              .store_unaligned(y[(top + i) * f_.out[1] + left + j].of_image);
    }
  }

 private:
  static Register load(const Lanes<T>& x) { return Register::load_unaligned(x.of_image); }
  std::int64_t row(std::int64_t t) const { return (begin_ + t) / across_ * 2; }
  std::int64_t column(std::int64_t t) const { return (begin_ + t) % across_ * 2; }

  const Filtering& f_;
  std::int64_t begin_, count_, across_;
};

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
