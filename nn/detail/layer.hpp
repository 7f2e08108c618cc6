/// Checks of layers and initial values of their parameters. Private to nn/.
#pragma once

#include <string>

#include "gradtape/autograd/ops/extents.hpp"
#include "gradtape/autograd/require.hpp"
#include "gradtape/nn/init.hpp"

namespace gradtape::nn::detail {

/// What an initializer draws. Throws ShapeError or DtypeError unless it is of this shape and dtype.
Tensor drawn(const init::Initializer& given, const Shape& shape, Dtype dtype,
             const Generator& generator);
/// What `given` draws, or without it a tensor that is uniform in +-1 / sqrt(fan), as PyTorch's
/// layers start: kaiming_uniform with a = sqrt(5) has this bound.
Tensor initial(const init::Initializer& given, const Shape& shape, std::int64_t fan, Dtype dtype,
               const Generator& generator);

/// Throws ShapeError unless x is [N, channels, spatial...], or that without N. Any number of
/// channels will do where it is -1.
void check_image(const char* layer, const Tensor& x, std::int64_t channels, int axes);
/// Throws ShapeError: "Bilinear: x must be [..., 3], got [2, 4]".
[[noreturn]] void refuse_shape(const char* layer, const std::string& expected, const Tensor& x);

/// Throws ValueError unless `given` is one value, or one for each of the `axes` spatial axes, none
/// below `least`.
void check_extents(const char* layer, const char* what, const SpatialSize& given, int axes,
                   std::int64_t least);

}  // namespace gradtape::nn::detail
