#include <fmt/format.h>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/random.hpp"

namespace gradtape {

Tensor dropout(const Tensor& x, double p, Generator& generator) {
  if (!(p >= 0 && p < 1))
    fail<ValueError>("dropout", fmt::format("p must be in [0, 1), got {}", p));
  if (!is_floating(x.dtype()))
    fail<DtypeError>("dropout", fmt::format("needs float32 or float64, got {}", name(x.dtype())));
  if (p == 0) return x;
  return x * (bernoulli(1 - p, x.shape(), x.dtype(), generator) * (1 / (1 - p)));
}

}  // namespace gradtape
