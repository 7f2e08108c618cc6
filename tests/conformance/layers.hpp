/// PyTorch's layers by ours.
#pragma once

#include <gradtape/nn/module.hpp>

#include <functional>
#include <map>
#include <string>

#include "value.hpp"

namespace gradtape::conformance {

/// A layer that has been made.
struct MadeLayer {
  nn::Module module;                             ///< A handle to its parameters and its mode.
  std::function<Tensor(const Tensor&)> forward;  ///< Empty unless it is called with one tensor.
  Function call;  ///< Calls it with the inputs of a case as positional arguments.
};

/// A layer that is called with one tensor.
template <class L> MadeLayer made(const L& layer) {
  const auto forward = [layer](const Tensor& x) -> Tensor { return layer(x); };
  return {layer, forward, [forward](Call& c) -> Value { return forward(c.tensor(0, "input")); }};
}
/// A layer that is called otherwise.
inline MadeLayer made(const nn::Module& layer, Function call) {
  return {layer, nullptr, std::move(call)};
}

/// By PyTorch's name without `nn.`: what makes the layer from the arguments of its constructor.
using LayerMap = std::map<std::string, std::function<MadeLayer(Call&)>>;

/// A family of layers, which joins layers() when the program starts. One file
/// layers/<family>.cpp each; a new file needs to be named nowhere.
struct LayerFamily {
  explicit LayerFamily(LayerMap (*layers)());
};

/// All of them.
const LayerMap& layers();

/// The layer of this name without `nn.`. Throws Unsupported for one that we have no equivalent of,
/// or an argument that nobody reads.
MadeLayer make_layer(const std::string& name, Call& arguments);

/// The layer that "nn.Linear(20,7)" makes. Throws Unsupported likewise.
MadeLayer make_layer(const std::string& expression);

}  // namespace gradtape::conformance
