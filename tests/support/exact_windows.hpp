/// What windows over one to three axes read, for the references of convolutions and pooling.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace gradtape::testing::exact {

using Extents = std::array<std::size_t, 3>;  // of fewer axes the first are 1

inline std::size_t count(const Extents& e) { return e[0] * e[1] * e[2]; }

/// Windows over images of extents `in`.
struct Windows {
  Extents in, kernel, stride{1, 1, 1}, padding{0, 0, 0}, dilation{1, 1, 1};
  Extents past{0, 0, 0};  ///< How far the last window may hang over.

  /// An element of the image that an output reads, and by which element of the kernel.
  struct Read {
    std::size_t output, input, element;
  };

  [[nodiscard]] Extents outputs() const {
    Extents y{};
    for (std::size_t a = 0; a < 3; ++a)
      y[a] = (in[a] + 2 * padding[a] + past[a] - dilation[a] * (kernel[a] - 1) - 1) / stride[a] + 1;
    return y;
  }

  /// All of them, output by output; what lies in the padding is left out.
  [[nodiscard]] std::vector<Read> reads() const {
    std::vector<Read> all;
    const Extents out = outputs();
    for (std::size_t o = 0; o < count(out); ++o)
      for (std::size_t k = 0; k < count(kernel); ++k) {
        const Extents at = place(o, out), element = place(k, kernel);
        std::size_t input = 0;
        bool inside = true;
        for (std::size_t a = 0; a < 3; ++a) {
          const std::size_t i = at[a] * stride[a] + element[a] * dilation[a];
          inside = inside && i >= padding[a] && i - padding[a] < in[a];
          input = input * in[a] + (i - padding[a]);
        }
        if (inside) all.push_back({o, input, k});
      }
    return all;
  }

  /// The indices along each axis of element i of a row-major array.
  static Extents place(std::size_t i, const Extents& e) {
    return {i / (e[1] * e[2]), i / e[2] % e[1], i % e[2]};
  }
};

}  // namespace gradtape::testing::exact
