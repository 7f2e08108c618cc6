/// Matrix products on SIMD registers, on one thread.
#pragma once

#include <cstdint>

namespace gradtape::kernels {

/// A matrix in memory: element (i, j) is data[i rows_apart + j cols_apart]. One of the two is 1.
template <class T> struct Strided {
  const T* data;
  std::int64_t rows_apart, cols_apart;

  const T* at(std::int64_t i, std::int64_t j) const {
    return data + i * rows_apart + j * cols_apart;
  }
  Strided transposed() const { return {data, cols_apart, rows_apart}; }
};

/// c = a b, or c += a b; a is m x k, b is k x n, c has rows of n elements that are `leading` apart.
/// Every element is summed over k in the same order, whatever its neighbours and the other extents
/// are: parts of a product have the same bits as the whole. T: float or double.
template <class T>
void multiply(Strided<T> a, Strided<T> b, std::int64_t m, std::int64_t n, std::int64_t k, T* c,
              std::int64_t leading, bool accumulate);

/// y = x b, or y += x b, for a row x of k elements.
template <class T>
void multiply_row(const T* x, Strided<T> b, std::int64_t n, std::int64_t k, T* y, bool accumulate);

}  // namespace gradtape::kernels
