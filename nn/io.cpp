#include "gradtape/nn/io.hpp"

#include <fmt/format.h>

#include <map>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/npz.hpp"

namespace gradtape::nn {
namespace {

std::string layout(const Tensor& x) {
  return fmt::format("{} {}", x.shape().str(), name(x.dtype()));
}

/// Whether an array from a file can become the value of a variable.
bool fits(const Tensor& array, const Tensor& variable) {
  return array.shape() == variable.shape() &&
         (array.dtype() == variable.dtype() ||
          (is_floating(array.dtype()) && is_floating(variable.dtype())));
}

/// Matches the arrays of a file with variables, and notes what does not fit.
class Loader {
 public:
  explicit Loader(std::map<std::string, Tensor> arrays) : left_(std::move(arrays)) {}

  template <class Variables>
  auto plan(const Variables& variables) {
    std::vector<std::pair<typename Variables::value_type::second_type, Tensor>> planned;
    for (const auto& [name, variable] : variables) {
      const auto at = left_.find(name);
      if (at == left_.end()) {
        report.missing.push_back({name, layout(variable), ""});
        continue;
      }
      if (fits(at->second, variable))
        planned.emplace_back(variable, at->second.to(variable.dtype()));
      else
        report.misshapen.push_back({name, layout(variable), layout(at->second)});
      left_.erase(at);
    }
    return planned;
  }

  void note_extra() {
    for (const auto& [name, array] : left_) report.extra.push_back({name, "", layout(array)});
  }

  LoadReport report;

 private:
  std::map<std::string, Tensor> left_;
};

}  // namespace

std::string LoadReport::str() const {
  std::string text;
  for (const auto& item : missing)
    text += fmt::format("  missing: '{}' {}\n", item.name, item.expected);
  for (const auto& item : extra) text += fmt::format("  extra: '{}' {}\n", item.name, item.found);
  for (const auto& item : misshapen)
    text += fmt::format("  misshapen: '{}' is {} in the module, {} in the file\n", item.name,
                        item.expected, item.found);
  return text;
}

void save_parameters(const Module& module, const std::string& path) {
  std::map<std::string, Tensor> arrays;
  for (const auto& [name, variable] : module.named_parameters())
    arrays.emplace(name, variable.tensor());
  for (const auto& [name, variable] : module.named_buffers())
    arrays.emplace(name, variable.tensor());
  save_npz(path, arrays);
}

LoadReport load_parameters(Module& module, const std::string& path, LoadOptions options) {
  Loader loader(load_npz(path));
  const auto parameters = loader.plan(module.named_parameters());
  const auto buffers = loader.plan(module.named_buffers());
  loader.note_extra();
  if (options.strict && !loader.report.complete())
    fail<IoError>("load_parameters",
                  fmt::format("'{}' does not fit the module, and nothing was loaded; "
                              "{{.strict = false}} would load what fits\n{}",
                              path, loader.report.str()));
  for (const auto& [variable, value] : parameters) variable.set(value);
  for (const auto& [variable, value] : buffers) variable.set(value);
  return loader.report;
}

}  // namespace gradtape::nn
