/// Activations, element by element unless they say otherwise; floating only. At a kink the slope is
/// that of the side named "elsewhere".
#pragma once

#include <cstdint>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// 1 / (1 + e^-x), without overflow
[[nodiscard]] Tensor sigmoid(const Tensor& x);
/// log(sigmoid(x)) = -softplus(-x)
[[nodiscard]] Tensor log_sigmoid(const Tensor& x);
/// log(1 + e^(beta x)) / beta, without overflow. Throws ValueError for beta = 0.
[[nodiscard]] Tensor softplus(const Tensor& x, double beta = 1);
/// x / (1 + |x|)
[[nodiscard]] Tensor softsign(const Tensor& x);
/// x - tanh(x), exact near 0
[[nodiscard]] Tensor tanhshrink(const Tensor& x);

/// max(x, 0); the slope at 0 is 0, but that of maximum(x, 0) 1/2, and that of clamp(x, 0, inf) and
/// of where(x >= 0, x, 0) 1
[[nodiscard]] Tensor relu(const Tensor& x);
/// min(max(x, 0), 6); slope 0 at 0 and 6
[[nodiscard]] Tensor relu6(const Tensor& x);
/// x where x > 0, slope * x elsewhere
[[nodiscard]] Tensor leaky_relu(const Tensor& x, double slope = 0.01);
/// x where x > 0, slope * x elsewhere, with a learned slope: x: [N, C, ...], slope: [C] or [1]; a
/// single slope serves x of any shape. Throws ShapeError for another slope. He et al. 2015, eq. 1
[[nodiscard]] Tensor prelu(const Tensor& x, const Tensor& slope);
/// x where x > 0, alpha (e^x - 1) elsewhere
[[nodiscard]] Tensor elu(const Tensor& x, double alpha = 1);
/// x where x > 0, alpha (e^(x / alpha) - 1) elsewhere (Barron 2017). Throws ValueError for alpha 0.
[[nodiscard]] Tensor celu(const Tensor& x, double alpha = 1);
/// Self-normalising elu (Klambauer et al. 2017, eq. 2)
[[nodiscard]] Tensor selu(const Tensor& x);

/// How gelu computes: by erf, or by the approximation that models trained with it need.
enum class Gelu { erf, tanh };
/// x Phi(x) with the normal distribution's Phi (Hendrycks and Gimpel 2016), exactly or as
/// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
[[nodiscard]] Tensor gelu(const Tensor& x, Gelu form = Gelu::erf);
/// x sigmoid(x)
[[nodiscard]] Tensor silu(const Tensor& x);
/// x tanh(softplus(x))
[[nodiscard]] Tensor mish(const Tensor& x);

/// min(max(x, low), high); slope 0 at the bounds. Throws ValueError when low > high.
[[nodiscard]] Tensor hardtanh(const Tensor& x, double low = -1, double high = 1);
/// min(max(x / 6 + 1 / 2, 0), 1); slope 0 at -3 and 3
[[nodiscard]] Tensor hardsigmoid(const Tensor& x);
/// x hardsigmoid(x) (Howard et al. 2019); slope -1/2 at -3 and 1 at 3
[[nodiscard]] Tensor hardswish(const Tensor& x);
/// 0 where |x| <= lambda, x elsewhere; the slope at the bounds is 0
[[nodiscard]] Tensor hardshrink(const Tensor& x, double lambda = 0.5);
/// 0 where |x| <= lambda, x moved towards 0 by lambda elsewhere; the slope at the bounds is 0.
/// Throws ValueError for lambda < 0.
[[nodiscard]] Tensor softshrink(const Tensor& x, double lambda = 0.5);
/// `value` where x <= bound, x elsewhere; the slope at the bound is 0
[[nodiscard]] Tensor threshold(const Tensor& x, double bound, double value);

/// a sigmoid(b) of the halves a, b of x along axis (Dauphin et al. 2017). Throws ShapeError for an
/// odd extent.
[[nodiscard]] Tensor glu(const Tensor& x, std::int64_t axis = -1);
/// The maximum of each group of `pieces` neighbours along axis, whose extent shrinks so; equals
/// share the gradient (Goodfellow et al. 2013). Throws ValueError for pieces < 1, ShapeError where
/// they do not divide the extent.
[[nodiscard]] Tensor maxout(const Tensor& x, std::int64_t pieces, std::int64_t axis = -1);
/// Radial basis units exp(-|x - c_i|^2 / width_i^2): x: [..., in], centers: [units, in], width:
/// [units] or a number -> [..., units]. Takes memory for every difference x - c_i. Goodfellow et
/// al., Deep Learning, section 6.3.3
[[nodiscard]] Tensor rbf(const Tensor& x, const Tensor& centers, const Tensor& width = 1.0);

}  // namespace gradtape
