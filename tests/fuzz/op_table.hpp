/// Every public op as a function of bytes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fuzz/bytes.hpp"

namespace gradtape::fuzz {

struct Op {
  std::string name;  ///< in the headers
  /// Draws the arguments, calls the op and returns all its results.
  std::function<std::vector<Tensor>(Bytes&)> call;
};

const std::vector<Op>& ops();

}  // namespace gradtape::fuzz
