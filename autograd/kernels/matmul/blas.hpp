/// The BLAS that is linked, and the kernels it runs on this CPU.
#pragma once

#include <cstdint>
#include <string>

namespace gradtape::kernels {

/// The library and its version, such as "OpenBLAS 0.3.21"; "BLAS" for one that does not say.
std::string blas_name();
/// The CPU that its kernels were written for, such as "SkylakeX"; empty for a BLAS that does not
/// say.
std::string blas_kernels();

/// A row-major operand in memory: `stride` is the distance between its rows as they are stored, and
/// the operand the transpose of that if so marked.
template <class T> struct BlasOperand {
  const T* data;
  std::int64_t stride;
  bool transposed;
};
/// c = alpha a b + beta c for c: m x n with rows `c_stride` apart, and the inner extent k, on the
/// thread that calls. T: float or double. Extents fit the integers of BLAS.
template <class T>
void blas_gemm(std::int64_t m, std::int64_t n, std::int64_t k, T alpha, BlasOperand<T> a,
               BlasOperand<T> b, T beta, T* c, std::int64_t c_stride);

/// OpenBLAS decides when it is loaded by a list of model numbers, and runs kernels of the year 2004
/// on a CPU that is younger than its list: four to eight times slower. The constructor makes it
/// decide again, by what the CPU can do. Whoever sets OPENBLAS_CORETYPE has decided already.
struct ChooseBlasKernels {
  ChooseBlasKernels();
};
/// Made before main by every source that calls BLAS or LAPACK.
inline const ChooseBlasKernels choose_blas_kernels;

}  // namespace gradtape::kernels
