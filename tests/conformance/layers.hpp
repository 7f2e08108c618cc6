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
};

/// By PyTorch's name without `nn.`: what makes the layer from the arguments of its constructor.
using LayerMap = std::map<std::string, std::function<MadeLayer(Call&)>>;
const LayerMap& layers();

/// The layer of this name without `nn.`. Throws Unsupported for one that we have no equivalent of,
/// or an argument that nobody reads.
MadeLayer make_layer(const std::string& name, Call& arguments);

/// The layer that "nn.Linear(20,7)" makes. Throws Unsupported likewise.
MadeLayer make_layer(const std::string& expression);

}  // namespace gradtape::conformance
