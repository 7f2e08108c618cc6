/// Images taken side by side, one in each lane of a register; for the sources of kernels only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/runtime/transpose.hpp"

namespace gradtape::kernels {

/// The same element of as many images as a register has lanes.
template <class T> struct Lanes {
  static constexpr std::int64_t count = xsimd::batch<T>::size;
  T of_image[count];
};

/// to[j to_stride + i] = from[i from_stride + j] for `rows` x `columns` elements, one of the two
/// being the lanes of a register; squares that overlap are at the end of the other.
template <class T>
void transpose_lanes(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride,
                     std::int64_t rows, std::int64_t columns) {
  constexpr auto n = Lanes<T>::count;
  const auto square = [&](std::int64_t i, std::int64_t j) {
    detail::transpose_square(from + i * from_stride + j, from_stride, to + j * to_stride + i,
                             to_stride);
  };
  if (n != detail::square_side<T> || std::min(rows, columns) < n)
    return detail::transpose_block(from, from_stride, to, to_stride, rows, columns);
  for (std::int64_t i = 0; i < rows; i += n)
    for (std::int64_t j = 0; j < columns; j += n)
      square(std::min(i, rows - n), std::min(j, columns - n));
}

/// to[i] = element i of a run of `count` in each of the images, which are `pitch` apart.
template <class T>
void interleave_images(const T* images, std::int64_t pitch, std::int64_t count, Lanes<T>* to) {
  transpose_lanes(images, pitch, to->of_image, Lanes<T>::count, Lanes<T>::count, count);
}

/// The other way.
template <class T>
void separate_images(const Lanes<T>* from, std::int64_t count, T* images, std::int64_t pitch) {
  transpose_lanes(from->of_image, Lanes<T>::count, images, pitch, count, Lanes<T>::count);
}

}  // namespace gradtape::kernels
