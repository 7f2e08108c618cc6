/// Matrix products on raw pointers.
#pragma once

#include <cstdint>

namespace gradtape::kernels {

/// A row-major matrix of rows x cols elements, or the transpose of one that is stored as cols x
/// rows.
template <class T> struct Matrix {
  const T* data;
  std::int64_t rows, cols;
  bool transposed = false;

  std::int64_t leading() const { return transposed ? rows : cols; }
  T operator()(std::int64_t i, std::int64_t j) const {
    return transposed ? data[j * rows + i] : data[i * cols + j];
  }
};

/// c = a b, or c += a b; c is row-major, a.rows x b.cols. T: float, double or std::int64_t. The
/// bits do not depend on the number of threads. Extents must fit a 32-bit int for the floating
/// types; see fits_blas.
template <class T> void gemm(const Matrix<T>& a, const Matrix<T>& b, T* c, bool accumulate = false);

/// How products of floats are computed: by our own loops on SIMD registers up to a size and by BLAS
/// or oneDNN beyond it, or always by the one or the other.
enum class GemmPath { automatic, registers, library };
/// For all threads; for tests and measurements.
void set_gemm_path(GemmPath path);

/// Whether every extent fits the integers of BLAS.
bool fits_blas(std::int64_t m, std::int64_t n, std::int64_t k);

}  // namespace gradtape::kernels
