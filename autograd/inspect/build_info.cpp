#include "gradtape/autograd/build_info.hpp"

#include <fmt/format.h>
#include <gradtape_version.hpp>

#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/kernels/matmul/blas.hpp"
#include "gradtape/autograd/parallel.hpp"

namespace gradtape {

BuildInfo build_info() {
  BuildInfo info{.version = detail::version,
                 .instruction_set = xsimd::default_arch::name(),
                 .blas = kernels::blas_name(),
                 .blas_kernels = kernels::blas_kernels(),
                 .threads = num_threads()};
#ifdef _OPENMP
  info.openmp = true;
#endif
  return info;
}

std::string BuildInfo::str() const {
  return fmt::format("gradtape {}, {}, {}{}, {} thread{}{}", version, instruction_set, blas,
                     blas_kernels.empty() ? "" : fmt::format(" ({} kernels)", blas_kernels),
                     threads, threads == 1 ? "" : "s", openmp ? " (OpenMP)" : "");
}

}  // namespace gradtape
