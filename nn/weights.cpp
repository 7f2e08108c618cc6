#include "gradtape/nn/weights.hpp"

#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

#include "gradtape/nn/activation.hpp"
#include "gradtape/nn/detail/path.hpp"
#include "gradtape/nn/normalisation.hpp"

namespace gradtape::nn {
namespace {

template <class... Layers> bool is_one_of(const Module& module) {
  return (dynamic_cast<const Layers*>(&module) || ...);
}

/// Whether the "weight" of this module is a scale or a slope.
bool has_scales(const Module& module) {
  return is_one_of<detail::ChannelNorm, GroupNorm, LayerNorm, RMSNorm, PReLU>(module);
}

/// The paths of all modules with scales.
void find_scales(const Module& module, const std::string& path,
                 std::unordered_set<std::string>& found) {
  if (has_scales(module)) found.insert(path);
  for (const auto& [name, child] : module.named_children())
    find_scales(*child, detail::path_below(path, name), found);
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

/// The parameters that are weights, or those that are not.
std::vector<Parameter> group(const Module& model, bool of_weights) {
  std::unordered_set<std::string> scales;
  find_scales(model, "", scales);
  std::unordered_set<const void*> seen;
  std::vector<Parameter> found;
  for (const auto& [path, parameter] : model.named_parameters()) {
    if (!seen.insert(parameter.id()).second) continue;
    const auto dot = path.rfind('.');
    const auto module = dot == std::string::npos ? "" : path.substr(0, dot);
    const auto name = path.substr(dot + 1);  // npos + 1 is 0
    const bool is_weight = !scales.contains(module) && !contains(name, "bias") &&
                           (parameter.shape().ndim() >= 2 || contains(name, "weight"));
    if (is_weight == of_weights) found.push_back(parameter);
  }
  return found;
}

}  // namespace

std::vector<Parameter> weights(const Module& model) { return group(model, true); }

std::vector<Parameter> biases(const Module& model) { return group(model, false); }

}  // namespace gradtape::nn
