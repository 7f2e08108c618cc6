#include "gradtape/nn/linear.hpp"

#include <fmt/format.h>

#include "gradtape/nn/detail/layer.hpp"

namespace gradtape::nn {

using namespace author;

namespace {

Tensor initial(const init::Initializer& given, const Shape& shape, std::int64_t in,
               const LinearOptions& options) {
  return detail::initial(given, shape, in, options.dtype, options.generator);
}

Shape shape(std::int64_t in, std::int64_t out) {
  if (in < 1 || out < 1)
    fail<ValueError>(
        "Linear",
        fmt::format("needs at least one input and output, got in = {}, out = {}", in, out));
  return {out, in};
}

Shape shape(std::int64_t in1, std::int64_t in2, std::int64_t out) {
  require("Bilinear", "in1", in1, at_least(1));
  require("Bilinear", "in2", in2, at_least(1));
  require("Bilinear", "out", out, at_least(1));
  return {out, in1, in2};
}

}  // namespace

Linear::Linear(std::int64_t in, std::int64_t out, const LinearOptions& options)
    : weight(parameter("weight", initial(options.weight_init, shape(in, out), in, options))),
      bias(options.bias ? parameter("bias", initial(options.bias_init, {out}, in, options))
                        : Parameter()) {}

Bilinear::Bilinear(std::int64_t in1, std::int64_t in2, std::int64_t out,
                   const LinearOptions& options)
    : weight(parameter("weight", initial(options.weight_init, shape(in1, in2, out), in1, options))),
      bias(options.bias ? parameter("bias", initial(options.bias_init, {out}, in1, options))
                        : Parameter()) {}

Tensor Bilinear::operator()(const Tensor& a, const Tensor& b) const {
  const Shape kernel = weight.shape();
  const bool fits = a.ndim() > 0 && a.ndim() == b.ndim() && a.size(-1) == kernel[1] &&
                    b.size(-1) == kernel[2] && [&] {
                      for (int axis = 0; axis + 1 < a.ndim(); ++axis)
                        if (a.shape()[axis] != b.shape()[axis]) return false;
                      return true;
                    }();
  if (!fits)
    fail<ShapeError>("Bilinear",
                     fmt::format("a and b must be [..., {}] and [..., {}], got {} and "
                                 "{}",
                                 kernel[1], kernel[2], a.shape().str(), b.shape().str()));
  return call(a, [&](const Tensor& x) {
    const Tensor y = einsum("...i,kij,...j->...k", {x, weight, b});
    return bias.defined() ? y + bias : y;
  });
}

}  // namespace gradtape::nn
