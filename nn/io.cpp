#include "gradtape/nn/io.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/npz.hpp"

namespace gradtape::nn {

void save_parameters(const Module& module, const std::string& path) {
  save_npz(path, module.state_dict());
}

LoadReport load_parameters(Module& module, const std::string& path, const LoadOptions& options) {
  const auto arrays = load_npz(path);
  try {
    return module.load_state_dict(arrays, options);
  } catch (const ValueError& misfit) {
    fail<IoError>("load_parameters", fmt::format("'{}': {}", path, misfit.what()));
  }
}

}  // namespace gradtape::nn
