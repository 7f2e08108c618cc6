#include "gradtape/nn/dropout.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/ops.hpp"

namespace gradtape::nn {

Dropout::Dropout(double p, DropoutOptions options)
    : p_(p), generator_(std::move(options.generator)) {
  if (!(p >= 0 && p < 1))
    fail<ValueError>("Dropout", fmt::format("p is a probability in [0, 1), got {}", p));
}

Tensor Dropout::forward(const Tensor& x) const {
  if (!is_training() || p_ == 0) return x;
  return dropout(x, p_, generator_ ? *generator_ : default_generator());
}

}  // namespace gradtape::nn
