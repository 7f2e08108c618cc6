#include "gradtape/nn/detail/layer.hpp"

#include <fmt/format.h>

#include <cmath>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/error.hpp"

namespace gradtape::nn::detail {

using namespace author;

Tensor drawn(const init::Initializer& given, const Shape& shape, Dtype dtype,
             const Generator& generator) {
  const Tensor value = given(shape, dtype, generator);
  if (!value.defined() || value.shape() != shape)
    fail<ShapeError>("init",
                     fmt::format("an initializer gave {} for a parameter of shape {}",
                                 value.defined() ? value.shape().str() : "nothing", shape.str()));
  if (value.dtype() != dtype)
    fail<DtypeError>("init", fmt::format("an initializer gave {} for a parameter of {}",
                                         name(value.dtype()), name(dtype)));
  return value;
}

Tensor initial(const init::Initializer& given, const Shape& shape, std::int64_t fan, Dtype dtype,
               const Generator& generator) {
  if (given) return drawn(given, shape, dtype, generator);
  const double bound = 1 / std::sqrt(static_cast<double>(fan));
  return init::Uniform{-bound, bound}(shape, dtype, generator);
}

void check_image(const char* layer, const Tensor& x, std::int64_t channels, int axes) {
  const bool batched = x.ndim() == axes + 2;
  const bool fits =
      (batched || x.ndim() == axes + 1) && (channels < 0 || x.shape()[batched ? 1 : 0] == channels);
  if (fits) return;
  static constexpr const char* spatial[] = {"", ", L", ", H, W", ", D, H, W"};
  const auto image = (channels < 0 ? "C" : fmt::to_string(channels)) + spatial[axes];
  refuse_shape(layer, fmt::format("[N, {}] or [{}]", image, image), x);
}

void refuse_shape(const char* layer, const std::string& expected, const Tensor& x) {
  fail<ShapeError>(layer, fmt::format("x must be {}, got {}", expected, x.shape().str()));
}

void check_extents(const char* layer, const char* what, const SpatialSize& given, int axes,
                   std::int64_t least) {
  spatial(layer, what, given, axes, least);
}

}  // namespace gradtape::nn::detail
