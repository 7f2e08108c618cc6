#include "gradtape/nn/linear.hpp"

#include <fmt/format.h>

#include <cmath>

namespace gradtape::nn {
namespace {

Tensor initial(const init::Initializer& given, const Shape& shape, std::int64_t in,
               const LinearOptions& options) {
  if (given) return given(shape, options.dtype, options.generator);
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  return init::Uniform{-bound, bound}(shape, options.dtype, options.generator);
}

Shape shape(std::int64_t in, std::int64_t out) {
  if (in < 1 || out < 1)
    fail<ValueError>(
        "Linear",
        fmt::format("needs at least one input and output, got in = {}, out = {}", in, out));
  return {out, in};
}

}  // namespace

Linear::Linear(std::int64_t in, std::int64_t out, const LinearOptions& options)
    : weight(parameter("weight", initial(options.weight_init, shape(in, out), in, options))),
      bias(options.bias ? parameter("bias", initial(options.bias_init, {out}, in, options))
                        : Parameter()) {}

}  // namespace gradtape::nn
