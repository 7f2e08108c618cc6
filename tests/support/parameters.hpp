/// Parameters with gradients.
#pragma once

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parameter.hpp>

#include <vector>

namespace gradtape::testing {

/// Leaves `gradient` as the accumulated gradient of `w`.
inline void set_gradient(const Parameter& w, const std::vector<double>& gradient) {
  w.zero_grad();
  sum(w * tensor(gradient, w.shape()).to(w.dtype())).backward();
}

}  // namespace gradtape::testing
