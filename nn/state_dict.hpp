/// How named tensors fit a module.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

namespace gradtape::nn {

/// Options of Module::load_state_dict and load_parameters.
struct LoadOptions {
  bool strict = true;  ///< Refuse what does not fit exactly; else load what fits.
  /// Names that were given, and what the module calls them. A pair renames one tensor, or all
  /// behind "name."; {"model", ""} takes the prefix "model." off, {"", "model"} puts it on all
  /// names, {"step", ""} leaves "step" out. The first pair that fits a name counts.
  std::vector<std::pair<std::string, std::string>> rename = {};
  /// What the module calls a name, after the table; "" leaves the tensor out.
  std::function<std::string(const std::string&)> rename_by = nullptr;
};

/// How named tensors, from a file or another module, fit a module.
struct LoadReport {
  /// A tensor that does not fit.
  struct Item {
    std::string name;  ///< Its path, "head.weight".
    /// Shape and dtype in the module, "[4, 2] float32"; empty for an extra tensor.
    std::string expected;
    /// Shape and dtype that were given; empty for a missing tensor.
    std::string found;
  };
  std::vector<Item> missing;    ///< In the module only; tied ones if none of them was given.
  std::vector<Item> extra;      ///< Given, but not in the module.
  std::vector<Item> misshapen;  ///< In both, with different shapes.
  std::vector<Item> mistyped;   ///< In both, with dtypes that do not convert.
  std::vector<Item> untied;     ///< Given apart from the one they are tied to, which counts.

  /// Whether everything fits.
  [[nodiscard]] bool complete() const {
    return missing.empty() && extra.empty() && misshapen.empty() && mistyped.empty() &&
           untied.empty();
  }
  /// One line for each misfit, with its shapes.
  [[nodiscard]] std::string str() const;
};

/// Writes report.str(), or "complete".
std::ostream& operator<<(std::ostream& out, const LoadReport& report);

}  // namespace gradtape::nn
