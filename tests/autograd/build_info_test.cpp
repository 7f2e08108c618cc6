#include <gradtape/autograd/build_info.hpp>
#include <gradtape/autograd/parallel.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <set>
#include <string>

using namespace gradtape;

TEST_CASE("build_info names the version, the instruction set, BLAS and its threads") {
  const auto info = build_info();
  MESSAGE(info.str());
  CHECK(info.version.find('.') != std::string::npos);
  CHECK_FALSE(info.instruction_set.empty());
  CHECK_FALSE(info.blas.empty());
  CHECK(info.threads == num_threads());
  for (const auto& part : {info.version, info.instruction_set, info.blas, info.blas_kernels})
    CHECK(info.str().find(part) != std::string::npos);
}

#if defined(__x86_64__) && defined(__GNUC__)
// OpenBLAS 0.3.21 and older do not know Sapphire Rapids and run kernels for SSE3 there.
TEST_CASE("BLAS's kernels are not from before AVX2 on a CPU that has it") {
  const std::set<std::string> old = {"Prescott", "Core2", "Penryn", "Nehalem", "Sandybridge"};
  const bool chosen_by_user = std::getenv("OPENBLAS_CORETYPE") != nullptr;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && !chosen_by_user)
    CHECK(old.count(build_info().blas_kernels) == 0);
}
#endif
