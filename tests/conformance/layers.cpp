#include "layers.hpp"

#include <gradtape/nn/nn.hpp>

#include "expression.hpp"

namespace gradtape::conformance {
namespace {

template <class L> MadeLayer made(const L& layer) {
  if constexpr (std::is_invocable_r_v<Tensor, const L&, const Tensor&>)
    return {layer, [layer](const Tensor& x) -> Tensor { return layer(x); }};
  else
    return {layer, nullptr};
}

MadeLayer linear(Call& c) {
  return made(nn::Linear(c.integer(0, "in_features"), c.integer(1, "out_features"),
                         {.bias = c.flag(2, "bias", true)}));
}

template <class L> MadeLayer dropout(Call& c) {
  c.ignore(1, "inplace");
  return made(L(c.number(0, "p", 0.5)));
}

}  // namespace

const LayerMap& layers() {
  static const LayerMap map = {{"Linear", linear}, {"Dropout", dropout<nn::Dropout>}};
  return map;
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
