/// Dotted paths of modules and variables. Private to nn/.
#pragma once

#include <string>

namespace gradtape::nn::detail {

/// "enc.weight" of "enc" and "weight"; the name alone below the empty path of the model itself.
[[nodiscard]] inline std::string path_below(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

}  // namespace gradtape::nn::detail
