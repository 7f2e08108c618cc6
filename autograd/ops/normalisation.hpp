/// Normalisation: (x - mean) / sqrt(var + eps) over some axes, then a learned scale and
/// shift. Variances are those of the population (divided by n). The mean is kept to twice the
/// dtype's digits, and squares may be beyond its range: 1e30 x and x + 1e4 have the digits that x
/// has. Each throws ShapeError for shapes that do not fit, DtypeError for mixed dtypes and
/// ValueError for an eps that is negative or not finite.
#pragma once

#include <cstdint>
#include <optional>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Options of layer_norm and group_norm.
struct NormOptions {
  Tensor weight = {};  ///< Scale, of the last axes' shape (layer_norm) or [channels].
  Tensor bias = {};    ///< Shift, of the same shape.
  double eps = 1e-5;   ///< Added to the variance, >= 0.
};
/// Normalises over the last axes, whose extents are `normalized` (Ba et al. 2016).
[[nodiscard]] Tensor layer_norm(const Tensor& x, const Shape& normalized,
                                const NormOptions& options = {});
/// Normalises each of `groups` equal groups of channels.  x: [n, channels, ...] (Wu and He 2018).
/// Throws ValueError unless groups divides the channels.
[[nodiscard]] Tensor group_norm(const Tensor& x, std::int64_t groups,
                                const NormOptions& options = {});

/// Options of rms_norm.
struct RmsNormOptions {
  Tensor weight = {};  ///< Scale, of shape `normalized`.
  std::optional<double> eps =
      {};  ///< Added to the mean square, >= 0; the dtype's epsilon unless given.
};
/// x / sqrt(mean(x^2) + eps) over the last axes, whose extents are `normalized` (Zhang and Sennrich
/// 2019).
[[nodiscard]] Tensor rms_norm(const Tensor& x, const Shape& normalized,
                              const RmsNormOptions& options = {});

/// Options of batch_norm and instance_norm. The tensors are [channels] or undefined.
struct BatchNormOptions {
  Tensor weight = {};        ///< Scale.
  Tensor bias = {};          ///< Shift.
  Tensor running_mean = {};  ///< Used instead of the batch's unless `training`, else updated.
  Tensor running_var = {};   ///< Likewise; needed together.
  bool training = true;      ///< Normalise by the statistics of x.
  double momentum = 0.1;     ///< The share of the new statistics in the running ones.
  double eps = 1e-5;         ///< Added to the variance, >= 0.
};
/// What batch_norm returns. Tensors are values: keep the running statistics for the next call.
struct BatchNormResult {
  Tensor y;             ///< The normalised x, of its shape.
  Tensor running_mean;  ///< (1 - momentum) old + momentum mean of x, untracked, where given.
  Tensor running_var;   ///< Likewise, of the variances divided by n - 1.
};
/// Normalises each channel over everything else.  x: [n, channels, ...] (Ioffe and Szegedy 2015).
/// Throws ShapeError too where training finds less than two values a channel.
[[nodiscard]] BatchNormResult batch_norm(const Tensor& x, const BatchNormOptions& options = {});
/// Normalises each channel of each of the n alone.  x: [n, channels, ...], with at least one axis
/// more (Ulyanov et al. 2016). Running statistics take the mean over the n.
[[nodiscard]] BatchNormResult instance_norm(const Tensor& x, const BatchNormOptions& options = {});

/// Options of local_response_norm.
struct LocalResponseNormOptions {
  double alpha = 1e-4, beta = 0.75, k = 1;  ///< The numbers of x / (k + alpha s)^beta.
};
/// x / (k + alpha s)^beta where s is the mean of x^2 over `size` neighbouring channels, zeros
/// beyond the first and last.  x: [n, channels, ...] (Krizhevsky et al. 2012). Throws ValueError
/// unless size >= 1.
[[nodiscard]] Tensor local_response_norm(const Tensor& x, std::int64_t size,
                                         LocalResponseNormOptions options = {});

}  // namespace gradtape
