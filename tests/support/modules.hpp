/// Layers with fixed numbers, which a script in PyTorch can make too.
#pragma once

#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/module.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace gradtape::testing {

/// The module in float64 with cos(0), cos(1), ... in every parameter.
template <class M> M with_cosines(M module) {
  module.to(float64);
  for (const auto& p : module.parameters())
    p.set(reshape(cos(arange(0.0, static_cast<double>(p.numel()), 1.0, float64)), p.shape()));
  return module;
}

/// The module in float64 with 0.5 sin(1), 0.5 sin(2), ... going through all its parameters.
template <class M> M with_sines(M module) {
  module.to(float64);
  std::int64_t done = 0;
  for (const auto& p : module.parameters()) {
    const auto first = static_cast<double>(done + 1), n = static_cast<double>(p.numel());
    p.set(reshape(0.5 * sin(arange(first, first + n - 0.5, 1.0, float64)), p.shape()));
    done += p.numel();
  }
  return module;
}

/// gradcheck of a layer and its parameters to second order.
template <class M> GradcheckResult checked(const M& layer, const Tensor& x) {
  return gradcheck(layer, x, {.order = 2, .parameters = layer.parameters()});
}

/// The names in a list of named tensors, modules or parameters, in order.
template <class Named> std::vector<std::string> names(const Named& list) {
  std::vector<std::string> out;
  for (const auto& entry : list) out.push_back(entry.first);
  return out;
}

}  // namespace gradtape::testing
