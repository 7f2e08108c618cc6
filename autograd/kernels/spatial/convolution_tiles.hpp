/// Winograd's minimal filtering F(2x2, 3x3): its transforms, for the sources of kernels only.
///
/// Four outputs beside each other are A^T [(G g G^T) * (B^T d B)] A, summed over channels within
/// the brackets, where d are the 4x4 inputs that they read and g is the kernel: 16 multiplications
/// in place of 36. A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks (CVPR
/// 2016), section 4.1. By the same bilinear form the gradient of g for cotangents h of the outputs
/// is G^T [(A h A^T) * (B^T d B)] G.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_interleaved.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_planes.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_winograd.hpp"

namespace gradtape::kernels::direct {

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

/// G^T u G, [3][3].
template <class T> std::array<T, 9> transform_sums(const std::array<T, elements>& u) {
  const auto transform = [](T a, T b, T c, T d) {
    const T half = T(0.5);
    return std::array<T, 3>{a + half * (b + c), half * (b - c), half * (b + c) + d};
  };
  std::array<std::array<T, 3>, 4> rows;
  for (int i = 0; i < 4; ++i)
    rows[i] = transform(u[i * 4], u[i * 4 + 1], u[i * 4 + 2], u[i * 4 + 3]);
  std::array<T, 9> all;
  for (int j = 0; j < 3; ++j) {
    const auto column = transform(rows[0][j], rows[1][j], rows[2][j], rows[3][j]);
    for (int i = 0; i < 3; ++i) all[i * 3 + j] = column[i];
  }
  return all;
}

// Inlined, or their registers would go through memory.

/// B^T d B, in place.
template <class Register> [[gnu::always_inline]] inline void transform_input(Register (&d)[4][4]) {
  const auto transform = [](Register& a, Register& b, Register& c, Register& e) {
    const Register sum = b + c, difference = c - b;
    a -= c, e = b - e, b = sum, c = difference;
  };
  for (int j = 0; j < 4; ++j) transform(d[0][j], d[1][j], d[2][j], d[3][j]);
  for (int i = 0; i < 4; ++i) transform(d[i][0], d[i][1], d[i][2], d[i][3]);
}

/// A^T m A.
template <class Register>
[[gnu::always_inline]] inline void transform_output(const Register (&m)[4][4],
                                                    Register (&y)[2][2]) {
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

/// A h A^T.
template <class Register>
[[gnu::always_inline]] inline void transform_cotangent(const Register (&h)[2][2],
                                                       Register (&m)[4][4]) {
  const auto transform = [](const Register& a, const Register& b, auto put) {
    put(0, a), put(1, a + b), put(2, a - b), put(3, -b);
  };
  Register rows[4][2];
  for (int j = 0; j < 2; ++j)
    transform(h[0][j], h[1][j], [&](int i, const Register& v) { rows[i][j] = v; });
  for (int i = 0; i < 4; ++i)
    transform(rows[i][0], rows[i][1], [&](int j, const Register& v) { m[i][j] = v; });
}

/// Some neighbouring tiles of a set of images.
template <class T> class Tiles {
 public:
  using Register = xsimd::batch<T>;

  Tiles(const Filtering& f, std::int64_t begin, std::int64_t end) : f_(f), count_(end - begin) {
    const auto across = ceil_div(f.out[1], 2);
    for (auto t = begin; t < end; ++t) places_.push_back({t / across * 2, t % across * 2});
  }

  /// to[element][channel][tile] = the inputs of a channel, transformed.
  [[gnu::always_inline]] void read(const Lanes<T>* image, std::int64_t channel,
                                   Lanes<T>* to) const {
    for (std::int64_t t = 0; t < count_; ++t) {
      const auto top = place(t).top - f_.padding[0], left = place(t).left - f_.padding[1];
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

  /// to[element][channel][tile] = a channel of the cotangents of outputs, transformed.
  [[gnu::always_inline]] void read_cotangents(const Lanes<T>* g, std::int64_t channel,
                                              Lanes<T>* to) const {
    for (std::int64_t t = 0; t < count_; ++t) {
      const auto [top, left] = place(t);
      Register d[2][2], m[4][4];
      for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j)
          d[i][j] = top + i < f_.out[0] && left + j < f_.out[1]
                        ? load(g[(top + i) * f_.out[1] + left + j])
                        : Register(T(0));
      transform_cotangent(d, m);
      for (int e = 0; e < elements; ++e)
        m[e / 4][e % 4].store_unaligned(to[(e * f_.outs + channel) * count_ + t].of_image);
    }
  }

  /// y = the outputs of a channel from its sums [element, pitch][tile], and its bias.
  [[gnu::always_inline]] void write(const Lanes<T>* sums, std::int64_t pitch, T bias,
                                    Lanes<T>* y) const {
    for (std::int64_t t = 0; t < count_; ++t) {
      Register m[4][4], out[2][2];
      for (int e = 0; e < elements; ++e) m[e / 4][e % 4] = load(sums[e * pitch + t]);
      transform_output(m, out);
      const auto [top, left] = place(t);
      const bool below = top + 1 < f_.out[0], beside = left + 1 < f_.out[1];
      const auto put = [&, to = y + top * f_.out[1] + left](int i, int j) {
        (out[i][j] + Register(bias)).store_unaligned(to[i * f_.out[1] + j].of_image);
      };
      put(0, 0);
      if (beside) put(0, 1);
      if (below) put(1, 0);
      if (below && beside) put(1, 1);
    }
  }

 private:
  struct Place {
    std::int64_t top, left;  // of the outputs
  };

  const Place& place(std::int64_t t) const { return places_[static_cast<std::size_t>(t)]; }
  static Register load(const Lanes<T>& x) { return Register::load_unaligned(x.of_image); }

  const Filtering& f_;
  std::int64_t count_;
  std::vector<Place> places_;
};

}  // namespace gradtape::kernels::direct
