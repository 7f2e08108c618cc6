/// Moving elements: runs of them, and transposes of matrices.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

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

/// The bytes of a register of this build.
#if defined(__AVX512F__)
inline constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr std::size_t vector_bytes = 32;
#else
inline constexpr std::size_t vector_bytes = 16;
#endif

/// Rows and columns of the squares that are transposed in registers; of 8, element by element,
/// where T has one byte.
template <class T>
inline constexpr int square_side = sizeof(T) == 1 ? 8 : static_cast<int>(vector_bytes / sizeof(T));

/// A register as the compiler's own vector, whose elements it can shuffle.
#ifdef __GNUC__
template <std::size_t element_bytes> struct BitVector;
template <> struct BitVector<4> {
  using type [[gnu::vector_size(vector_bytes)]] = std::uint32_t;
};
template <> struct BitVector<8> {
  using type [[gnu::vector_size(vector_bytes)]] = std::uint64_t;
};

/// The elements of a and b in turn, from number `first` on.
template <int first, class Vector, std::size_t... I>
Vector interleave(Vector a, Vector b, std::index_sequence<I...>) {
  constexpr int n = sizeof...(I);
  return __builtin_shufflevector(a, b, (first + static_cast<int>(I / 2) + (I % 2 ? n : 0))...);
}
#else  // without such vectors, an array
template <std::size_t element_bytes> struct BitVector {
  using Element = std::conditional_t<element_bytes == 4, std::uint32_t, std::uint64_t>;
  using type = std::array<Element, vector_bytes / element_bytes>;
};

/// The elements of a and b in turn, from number `first` on.
template <int first, class Vector, std::size_t... I>
Vector interleave(const Vector& a, const Vector& b, std::index_sequence<I...>) {
  return {(I % 2 ? b : a)[first + I / 2]...};
}
#endif

/// to[j to_stride + i] = from[i from_stride + j] for a square of elements, which may take its own
/// place: as many perfect shuffles of its rows as their number has bits.
template <class T>
void transpose_square(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride) {
  constexpr int n = square_side<T>;
  if constexpr (sizeof(T) == 1) {
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) to[j * to_stride + i] = from[i * from_stride + j];
  } else {
    using Vector = typename BitVector<sizeof(T)>::type;
    using All = std::make_index_sequence<static_cast<std::size_t>(n)>;
    Vector x[n], y[n];
    for (int i = 0; i < n; ++i) std::memcpy(&x[i], from + i * from_stride, sizeof(Vector));
    for (int bit = 1; bit < n; bit *= 2) {
      for (int i = 0; i < n / 2; ++i) {
        y[2 * i] = interleave<0>(x[i], x[i + n / 2], All{});
        y[2 * i + 1] = interleave<n / 2>(x[i], x[i + n / 2], All{});
      }
      std::copy_n(y, n, x);
    }
    for (int i = 0; i < n; ++i) std::memcpy(to + i * to_stride, &x[i], sizeof(Vector));
  }
}

/// The transpose of rows x columns elements.
template <class T>
void transpose_block(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride,
                     std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t n = square_side<T>;
  const auto whole_rows = rows / n * n, whole_columns = columns / n * n;
  for (std::int64_t i = 0; i < whole_rows; i += n)
    for (std::int64_t j = 0; j < whole_columns; j += n)
      transpose_square(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
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
    height_ = std::min(elements / std::max<std::int64_t>(width_, 1), tallest) / 16 * 16;
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
