/// What this copy of gradtape is and what it runs on: the first thing that a report of a fault or
/// of a speed should say.
#pragma once

#include <string>

namespace gradtape {

/// How the library was built, and what it runs on here.
struct BuildInfo {
  std::string version;          ///< of gradtape: "0.1.0"
  std::string instruction_set;  ///< that the library was compiled for: "avx512bw"
  std::string blas;             ///< and its version, where it says: "OpenBLAS 0.3.21"
  std::string blas_kernels;     ///< the CPU that BLAS's kernels are for: "SkylakeX"; may be empty
  bool openmp = false;          ///< whether large loops run on several threads
  int threads = 1;              ///< num_threads() now

  /// All of it on one line.
  std::string str() const;
};

/// What is linked into this program.
[[nodiscard]] BuildInfo build_info();

}  // namespace gradtape
