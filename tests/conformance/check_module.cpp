// Cases of modules: made by PyTorch's arguments, given its parameters by its names, and called.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "check.hpp"
#include "layers.hpp"

namespace gradtape::conformance {
namespace {

using nlohmann::json;

/// The inputs of a case, by their parts in it.
struct Inputs {
  std::map<std::string, Value> constructor;  ///< Those that the constructor's arguments name.
  List positional;
  StateDict state;            ///< Parameters and buffers by PyTorch's names.
  std::vector<Input> leaves;  ///< Tracked, but for parameters.
};

Inputs inputs_of(const Case& c) {
  Inputs inputs;
  for (const auto& input : c.inputs) {
    const auto colon = input.name.find(':');
    if (colon != input.name.npos) {
      inputs.state.emplace(input.name.substr(colon + 1), input.value);
      continue;
    }
    const Tensor x = input.grad ? input.value.requires_grad(input.name) : input.value;
    if (input.grad) inputs.leaves.push_back({input.name, x, true});
    const bool named = (c.args + c.kwargs).find("\"" + input.name + "\"") != std::string::npos;
    if (named)
      inputs.constructor.emplace(input.name, x);
    else
      inputs.positional.push_back(x);
  }
  return inputs;
}

/// The name of a variable here. In a case it may be that of a module around this one ("m.weight").
std::string own_name(const StateDict& own, std::string name) {
  while (!own.contains(name)) {
    const auto dot = name.find('.');
    if (dot == name.npos) break;
    name.erase(0, dot + 1);
  }
  return name;
}

Dtype dtype_of(const Case& c) {
  for (const auto& input : c.inputs)
    if (is_floating(input.value.dtype())) return input.value.dtype();
  return float64;
}

MadeLayer made_by(const Case& c, const json& line, const Inputs& inputs) {
  auto options = keywords(c, inputs.constructor);
  const bool is_torch = c.op.starts_with("nn.");
  if (!is_torch) options.emplace("desc", line.value("desc", ""));  // what else says what it is
  Call call(c.op, arguments(c, inputs.constructor), std::move(options));
  return make_layer(is_torch ? c.op.substr(3) : c.op, call);
}

/// Sets parameters and buffers, and adds the parameters to the leaves.
void load(const Case& c, nn::Module& module, Inputs& inputs) {
  module.to(dtype_of(c));
  const StateDict own = module.state_dict();
  StateDict state;
  for (const auto& [name, value] : inputs.state) state.emplace(own_name(own, name), value);
  module.load_state_dict(state);
  std::map<std::string, Parameter> parameters;
  for (const auto& [name, parameter] : module.named_parameters())
    parameters.emplace(name, parameter);
  for (const auto& input : c.inputs) {
    if (!input.name.starts_with("param:")) continue;
    // null stands for weights of recurrent layers, whose gradients the corpus could not ask for
    if (const auto g = c.grads.find(input.name); g != c.grads.end() && g->second.defined())
      inputs.leaves.push_back(
          {input.name, parameters.at(own_name(own, input.name.substr(6))).tensor(), true});
  }
}

}  // namespace

void check_module(const Case& c) {
  const json line = json::parse(c.json);
  Inputs inputs = inputs_of(c);
  MadeLayer layer = made_by(c, line, inputs);
  load(c, layer.module, inputs);
  layer.module.train(line.value("mode", "train") == "train");

  Call call(c.op, inputs.positional, {});
  List results{layer.call(call)};
  call.check_all_read();
  if (line.contains("buffers_after") && !line.at("buffers_after").is_null()) {
    const StateDict after = layer.module.state_dict();
    for (const auto& buffer : line.at("buffers_after"))
      results.push_back(after.at(own_name(after, buffer.at(1))));
  }
  check_results(c, results, inputs.leaves);
}

}  // namespace gradtape::conformance
