/// How named tensors fit a module.
#pragma once

#include <string>
#include <vector>

namespace gradtape::nn {

/// Options of Module::load_state_dict and load_parameters.
struct LoadOptions {
  bool strict = true;  ///< Refuse what does not fit exactly; else load what fits.
};

/// How named tensors, from a file or another module, fit a module.
struct LoadReport {
  struct Item {
    std::string name;
    /// Shape and dtype in the module, "[4, 2] float32"; empty for an extra tensor.
    std::string expected;
    /// Shape and dtype that were given; empty for a missing tensor.
    std::string found;
  };
  std::vector<Item> missing;    ///< In the module only.
  std::vector<Item> extra;      ///< Given, but not in the module.
  std::vector<Item> misshapen;  ///< In both, with different shapes.
  std::vector<Item> mistyped;   ///< In both, with dtypes that do not convert.

  /// Whether everything fits.
  bool complete() const {
    return missing.empty() && extra.empty() && misshapen.empty() && mistyped.empty();
  }
  /// One line for each misfit, with its shapes.
  std::string str() const;
};

}  // namespace gradtape::nn
