/// What the tests of layers share: fixed numbers, so that PyTorch can be asked for the same.
#pragma once

#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/module.hpp>

#include <string>
#include <vector>

#include "support/tape_helpers.hpp"

namespace gradtape::testing {

/// sin(0), sin(1), ... in a shape, float64: torch.sin(torch.arange(n)).
inline Tensor waves(const Shape& shape) {
  return reshape(sin(arange(0.0, static_cast<double>(shape.numel()), 1.0, float64)), shape);
}

/// The module in float64 with cos(0), cos(1), ... in every parameter.
template <class M> M filled(M module) {
  module.to(float64);
  for (const auto& p : module.parameters())
    p.set(reshape(cos(arange(0.0, static_cast<double>(p.numel()), 1.0, float64)), p.shape()));
  return module;
}

/// A number that tells two results apart: sum_i y_i cos(i / 2).
inline double fingerprint(const Tensor& y) {
  const Tensor flat = reshape(y.detach().to(float64), {y.numel()});
  const Tensor places = arange(0.0, static_cast<double>(y.numel()), 1.0, float64);
  return sum(flat * cos(0.5 * places)).item<double>();
}

/// gradcheck of a layer and its parameters to second order.
template <class M> GradcheckResult checked(const M& layer, const Tensor& x) {
  return gradcheck(layer, x, {.order = 2, .parameters = layer.parameters()});
}

/// The names of a state dict, in order.
inline std::vector<std::string> names_of(const nn::Module& module) {
  std::vector<std::string> names;
  for (const auto& [name, value] : module.state_dict()) names.push_back(name);
  return names;
}

}  // namespace gradtape::testing
