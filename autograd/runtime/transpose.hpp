/// Moving elements: runs of them, and transposes of matrices.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "gradtape/autograd/parallel.hpp"

namespace gradtape::detail {

/// n elements in a row; a call of memcpy would take longer than a short one does.
template <class T> void copy_run(const T* from, T* to, std::int64_t n) {
  constexpr std::int64_t chunk = 32 / sizeof(T);
  if (n > 16 * chunk) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
    return;
  }
  std::int64_t i = 0;
  for (; i + chunk <= n; i += chunk) std::memcpy(to + i, from + i, 32);
  for (; i < n; ++i) to[i] = from[i];
}

/// to[j to_stride + i] = from[i from_stride + j] for 8 x 8 elements, in registers if they have four
/// bytes.
template <class T>
void transpose_tile(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride) {
  if constexpr (sizeof(T) != 4) {
    for (int i = 0; i < 8; ++i)
      for (int j = 0; j < 8; ++j) to[j * to_stride + i] = from[i * from_stride + j];
  } else {
    using Row [[gnu::vector_size(32)]] = std::uint32_t;
    Row r[8], pairs[8], fours[8];
    for (int i = 0; i < 8; ++i) std::memcpy(&r[i], from + i * from_stride, sizeof(Row));
    for (int i = 0; i < 8; i += 2) {
      pairs[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
      pairs[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4)
      for (int k = 0; k < 2; ++k) {
        const Row &a = pairs[i + k], &b = pairs[i + 2 + k];
        fours[i + 2 * k] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
        fours[i + 2 * k + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
      }
    for (int j = 0; j < 4; ++j) {
      const Row low = __builtin_shufflevector(fours[j], fours[j + 4], 0, 1, 2, 3, 8, 9, 10, 11),
                high = __builtin_shufflevector(fours[j], fours[j + 4], 4, 5, 6, 7, 12, 13, 14, 15);
      std::memcpy(to + j * to_stride, &low, sizeof(Row));
      std::memcpy(to + (j + 4) * to_stride, &high, sizeof(Row));
    }
  }
}

/// The transpose of rows x columns elements.
template <class T>
void transpose_block(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride,
                     std::int64_t rows, std::int64_t columns) {
  const auto whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
  for (std::int64_t i = 0; i < whole_rows; i += 8)
    for (std::int64_t j = 0; j < whole_columns; j += 8)
      transpose_tile(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
  for (std::int64_t i = 0; i < rows; ++i)
    for (auto j = i < whole_rows ? whole_columns : 0; j < columns; ++j)
      to[j * to_stride + i] = from[i * from_stride + j];
}

/// How rows x columns elements, contiguous along the columns, are transposed: block by block
/// through a buffer, so that each cache line is read and written in one go. At strides of a power
/// of two, lines push each other out of the cache.
class Transposition {
 public:
  Transposition(std::int64_t rows, std::int64_t columns, std::size_t element_bytes)
      : rows_(rows), columns_(columns) {
    const std::int64_t elements = element_bytes == 8 ? largest / 2 : largest;
    width_ = std::min(widest, columns);
    height_ = std::min(elements / std::max<std::int64_t>(width_, 1), tallest) / 8 * 8;
    down_ = (rows + height_ - 1) / height_;
  }
  /// The number of blocks, and how many a thread should take at least.
  std::int64_t count() const { return down_ * ((columns_ + widest - 1) / widest); }
  std::int64_t grain() const { return elementwise_grain / (width_ * height_ + 1) + 1; }

  /// to[j to_stride + i] = from[i from_stride + j] for the elements of a block.
  template <class T>
  void copy(std::int64_t block, const T* from, std::int64_t from_stride, T* to,
            std::int64_t to_stride) const {
    T buffer[(sizeof(T) == 8 ? largest / 2 : largest) + padding * widest];
    const auto i = block % down_ * height_, j = block / down_ * widest;
    const auto height = std::min(height_, rows_ - i), width = std::min(width_, columns_ - j);
    const auto stride = height_ + padding;
    transpose_block(from + i * from_stride + j, from_stride, buffer, stride, height, width);
    for (std::int64_t k = 0; k < width; ++k)
      copy_run(buffer + k * stride, to + (j + k) * to_stride + i, height);
  }

 private:
  static constexpr std::int64_t widest = 64, tallest = 1024, largest = 4096, padding = 16;
  std::int64_t rows_, columns_, width_, height_ = 0, down_ = 0;
};

}  // namespace gradtape::detail
