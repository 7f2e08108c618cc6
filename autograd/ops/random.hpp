/// Random masks, drawn from a Generator.
#pragma once

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// x * mask / (1 - p) with a mask that is 0 with probability p (Srivastava et al. 2014). p in [0,
/// 1).
Tensor dropout(const Tensor& x, double p, Generator& generator = default_generator());

}  // namespace gradtape
