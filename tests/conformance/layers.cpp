#include "layers.hpp"

#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "expression.hpp"

namespace gradtape::conformance {
namespace {

auto& families() {
  static std::vector<LayerMap (*)()> all;
  return all;
}

}  // namespace

LayerFamily::LayerFamily(LayerMap (*layers)()) { families().push_back(layers); }

const LayerMap& layers() {
  static const LayerMap all = [] {
    LayerMap joined;
    for (auto* family : families())
      for (auto& [name, make] : family())
        if (!joined.emplace(name, std::move(make)).second)
          throw std::logic_error("two maps give the layer '" + name + "'");
    return joined;
  }();
  return all;
}

MadeLayer make_layer(const std::string& name, Call& arguments) {
  const auto found = layers().find(name);
  if (found == layers().end()) throw Unsupported("no equivalent of nn." + name);
  arguments.function = "nn." + name;  // for messages
  const MadeLayer layer = found->second(arguments);
  arguments.check_all_read();
  return layer;
}

MadeLayer make_layer(const std::string& expression) {
  const auto start = expression.starts_with("torch.") ? 6u : 0u;
  const auto open = expression.find('(');
  if (expression.substr(start, 3) != "nn." || open == expression.npos)
    throw Unsupported("the layer " + expression);
  const auto name = expression.substr(start + 3, open - start - 3);
  std::optional<MadeLayer> layer;
  const Function constructor = [&](Call& call) {
    layer.emplace(make_layer(name, call));
    return Value();
  };
  evaluate("layer" + expression.substr(open), {{"layer", constructor}});
  return layer.value();
}

}  // namespace gradtape::conformance
