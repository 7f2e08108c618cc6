/// What the tests of layers share: inputs and parameters that a script in PyTorch can make too.
#pragma once

#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/module.hpp>

namespace gradtape {

/// cos(0.7 k) for element k; float64.
inline Tensor wave(const Shape& shape) {
  return reshape(cos(0.7 * arange(0, static_cast<double>(shape.numel()), 1, float64)), shape);
}

/// Sets element k of all parameters, counted through them in order, to 0.5 sin(k + 1); float64.
template <class M> M waved(M module) {
  module.to(float64);
  std::int64_t k = 0;
  for (const auto& p : module.parameters()) {
    const auto n = p.numel();
    const auto first = static_cast<double>(k + 1);
    p.set(reshape(0.5 * sin(arange(first, first + static_cast<double>(n) - 0.5, 1, float64)),
                  p.shape()));
    k += n;
  }
  return module;
}

/// The state dict's names, in order.
template <class M> std::vector<std::string> names_of(const M& module) {
  std::vector<std::string> names;
  for (const auto& [name, parameter] : module.named_parameters()) names.push_back(name);
  return names;
}

/// The elements of all tensors in one row.
inline Tensor row_of(const std::vector<Tensor>& parts) {
  std::vector<Tensor> flat;
  for (const auto& part : parts) flat.push_back(flatten(part));
  return concat(flat);
}

}  // namespace gradtape
