/// Saving and loading the parameters and buffers of a module.
#pragma once

#include <string>
#include <vector>

#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// Options of load_parameters.
struct LoadOptions {
  bool strict = true;  ///< Refuse a file that does not fit exactly; else load what fits.
};

/// How a file fits a module.
struct LoadReport {
  struct Item {
    std::string name;
    /// Shape and dtype in the module, "[4, 2] float32"; empty for an extra array.
    std::string expected;
    /// Shape and dtype in the file; empty for a missing array.
    std::string found;
  };
  std::vector<Item> missing;    ///< In the module, not in the file.
  std::vector<Item> extra;      ///< In the file, not in the module.
  std::vector<Item> misshapen;  ///< In both, with different shapes, or dtypes that do not convert.

  /// Whether everything fits.
  bool complete() const { return missing.empty() && extra.empty() && misshapen.empty(); }
  /// One line for each misfit, with its shapes.
  std::string str() const;
};

/// Writes all parameters and buffers under their paths to an npz file, which NumPy reads too.
/// Throws IoError.
void save_parameters(const Module& module, const std::string& path);

/// Sets all parameters and buffers to the arrays of those names in an npz file; float32 and float64
/// convert to what the module has. Nothing is changed unless the whole file can be read and, if
/// strict, fits exactly. Throws IoError, with what is missing, extra and misshapen.
LoadReport load_parameters(Module& module, const std::string& path, LoadOptions options = {});

}  // namespace gradtape::nn
