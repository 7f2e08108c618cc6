/// A small corpus out of a large one.
#pragma once

#include <string>
#include <vector>

#include "cases.hpp"

namespace gradtape::conformance {

/// Writes a folder of the same format with the smallest case of each function: one that follows a
/// convention of PyTorch's and one that does not, where there are both, inputs of size 0 only where
/// there is nothing else. Cases that need over 15 kB and optional ones (`extended`) are left out.
/// Throws IoError.
void extract(const std::vector<Case>& cases, const std::string& from, const std::string& to);

}  // namespace gradtape::conformance
