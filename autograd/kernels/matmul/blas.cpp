#include "gradtape/autograd/kernels/matmul/blas.hpp"

#include <gradtape_blas.h>

#include <array>
#include <cstdlib>
#include <string_view>
#include <type_traits>

#include "gradtape/autograd/kernels/matmul/gemm_simd.hpp"
#include "gradtape/autograd/log.hpp"
#include "gradtape/autograd/runtime/serial.hpp"
#include "gradtape/autograd/system/single_threaded.hpp"
#include "gradtape/autograd/system/system.hpp"

namespace gradtape::kernels {
namespace {

/// A function of the program by its name, or nullptr: not every BLAS has those of OpenBLAS.
template <class F> F* function(const char* name) { return reinterpret_cast<F*>(os::symbol(name)); }

std::string text(const char* name) {
  auto* const f = function<char*()>(name);
  return f ? f() : "";
}

/// OpenBLAS's name for the best kernels that this CPU can run; nullptr where there is no choice.
const char* best_kernels() {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
  return nullptr;
}

/// Kernels from before AVX2.
bool outdated(std::string_view kernels) {
  constexpr std::array<std::string_view, 20> names = {
      "Katmai", "Coppermine",  "Northwood", "Banias",    "Prescott",   "Atom",         "Core2",
      "Penryn", "Dunnington",  "Nehalem",   "Athlon",    "Opteron",    "Opteron_SSE3", "Barcelona",
      "Nano",   "Sandybridge", "Bobcat",    "Bulldozer", "Piledriver", "Steamroller"};
  for (const auto name : names)
    if (kernels == name) return true;
  return false;
}

/// Makes OpenBLAS decide again; false where it cannot.
bool decide_again(const char* kernels) {
  auto* const quit = function<void()>("gotoblas_dynamic_quit");
  auto* const init = function<void()>("gotoblas_dynamic_init");
  // Nobody can be inside OpenBLAS while its table of kernels changes.
  if (!quit || !init || !detail::single_threaded()) return false;
  os::set_environment("OPENBLAS_CORETYPE", kernels);
  quit();
  init();
  os::set_environment("OPENBLAS_CORETYPE", nullptr);
  return true;
}

}  // namespace

std::string blas_name() {
  const std::string config = text("openblas_get_config");  // "OpenBLAS 0.3.21 DYNAMIC_ARCH ..."
  const auto name = config.substr(0, config.find(' ', config.find(' ') + 1));
  if (!name.empty()) return name;
  return GRADTAPE_BLAS ? "BLAS" : "no BLAS";
}

std::string blas_kernels() { return text("openblas_get_corename"); }

#if GRADTAPE_BLAS
template <class T>
void blas_gemm(std::int64_t m, std::int64_t n, std::int64_t k, T alpha, BlasOperand<T> a,
               BlasOperand<T> b, T beta, T* c, std::int64_t c_stride) {
  const detail::Serial one_thread;
  const auto flag = [](bool transposed) { return transposed ? CblasTrans : CblasNoTrans; };
  const auto narrow = [](std::int64_t i) { return static_cast<int>(i); };
  const auto call = [&](auto* gemm) {
    gemm(CblasRowMajor, flag(a.transposed), flag(b.transposed), narrow(m), narrow(n), narrow(k),
         alpha, a.data, narrow(a.stride), b.data, narrow(b.stride), beta, c, narrow(c_stride));
  };
  if constexpr (std::is_same_v<T, float>)
    call(cblas_sgemm);
  else
    call(cblas_dgemm);
}
#else
/// Our own loops, for what is asked for here: alpha is 1 or -1, beta 1 or 0.
template <class T>
void blas_gemm(std::int64_t m, std::int64_t n, std::int64_t k, T alpha, BlasOperand<T> a,
               BlasOperand<T> b, T beta, T* c, std::int64_t c_stride) {
  const auto strided = [](const BlasOperand<T>& x) {
    return x.transposed ? Strided<T>{x.data, 1, x.stride} : Strided<T>{x.data, x.stride, 1};
  };
  const auto negate = [&] {
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) c[i * c_stride + j] = -c[i * c_stride + j];
  };
  if (alpha < 0 && beta != 0) negate();
  multiply<T>(strided(a), strided(b), m, n, k, c, c_stride, beta != 0);
  if (alpha < 0) negate();
}
#endif
template void blas_gemm(std::int64_t, std::int64_t, std::int64_t, float, BlasOperand<float>,
                        BlasOperand<float>, float, float*, std::int64_t);
template void blas_gemm(std::int64_t, std::int64_t, std::int64_t, double, BlasOperand<double>,
                        BlasOperand<double>, double, double*, std::int64_t);

ChooseBlasKernels::ChooseBlasKernels() {
  static const bool once = [] {
    const char* const best = best_kernels();
    // NOLINTNEXTLINE(concurrency-mt-unsafe): before main
    const bool chosen = std::getenv("OPENBLAS_CORETYPE");
    const std::string at_first = blas_kernels();
    const bool better = best && !chosen && outdated(at_first);
    if (better && !decide_again(best))
      detail::log(LogLevel::warning, "blas",
                  "%s does not know this CPU and runs its %s kernels, several times slower than it "
                  "could: set OPENBLAS_CORETYPE=%s before the program starts, or install a newer "
                  "OpenBLAS",
                  blas_name().c_str(), at_first.c_str(), best);
    if (detail::logs(LogLevel::info)) {
      const std::string now = blas_kernels();
      detail::log(LogLevel::info, "blas", "%s%s%s", blas_name().c_str(),
                  now.empty() ? "" : ", kernels for ", now.c_str());
    }
    return true;
  }();
  (void)once;
}

}  // namespace gradtape::kernels
