/// The BLAS that is linked, and the kernels it runs on this CPU.
#pragma once

#include <string>

namespace gradtape::kernels {

/// The library and its version, such as "OpenBLAS 0.3.21"; "BLAS" for one that does not say.
std::string blas_name();
/// The CPU that its kernels were written for, such as "SkylakeX"; empty for a BLAS that does not
/// say.
std::string blas_kernels();

/// OpenBLAS decides when it is loaded by a list of model numbers, and runs kernels of the year 2004
/// on a CPU that is younger than its list: four to eight times slower. The constructor makes it
/// decide again, by what the CPU can do. Whoever sets OPENBLAS_CORETYPE has decided already.
struct ChooseBlasKernels {
  ChooseBlasKernels();
};
/// Made before main by every source that calls BLAS or LAPACK.
inline const ChooseBlasKernels choose_blas_kernels;

}  // namespace gradtape::kernels
