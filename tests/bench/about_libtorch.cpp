#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <sstream>

#include "workloads.hpp"

namespace bench {

void prepare(int threads) {
  at::set_num_threads(threads);
  at::set_num_interop_threads(1);
  torch::manual_seed(1);
}

/// Of LibTorch's own account, the lines on BLAS, oneDNN and instructions.
std::string about() {
  std::string text = "LibTorch " TORCH_VERSION;
  std::istringstream config(at::show_config());
  for (std::string line; std::getline(config, line);)
    for (const auto* word :
         {"BLAS_INFO", "CPU capability", "MKL-DNN v", "Math Kernel Library Version"})
      if (const auto at = line.find(word); at != std::string::npos) {
        const std::string what = line.substr(at, line.find_first_of(",(-", at + 4) - at);
        text += "; " + what;
      }
  return text;
}

}  // namespace bench
