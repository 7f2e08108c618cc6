/// Functions of one tensor, element by element; floating only, but for abs, sign and square.
#pragma once

#include <limits>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// |x|; the slope at 0 is 0. The least int64 stays itself.
[[nodiscard]] Tensor abs(const Tensor& x);
/// -1, 0 or 1; slope 0
[[nodiscard]] Tensor sign(const Tensor& x);
/// 1 where x > 0, 0 elsewhere, also at 0, where heaviside(x, 1) is 1; slope 0
[[nodiscard]] Tensor unit_step(const Tensor& x);
[[nodiscard]] Tensor floor(const Tensor& x);  ///< largest integer <= x; slope 0
[[nodiscard]] Tensor ceil(const Tensor& x);   ///< smallest integer >= x; slope 0
[[nodiscard]] Tensor trunc(const Tensor& x);  ///< x without its fraction; slope 0
/// Nearest multiple of 10^-decimals, ties to even; slope 0
[[nodiscard]] Tensor round(const Tensor& x, int decimals = 0);
[[nodiscard]] Tensor frac(const Tensor& x);  ///< x - trunc(x); slope 1

[[nodiscard]] Tensor square(const Tensor& x);      ///< x^2
[[nodiscard]] Tensor sqrt(const Tensor& x);        ///< x^(1/2)
[[nodiscard]] Tensor cbrt(const Tensor& x);        ///< x^(1/3), negative below 0
[[nodiscard]] Tensor rsqrt(const Tensor& x);       ///< x^(-1/2)
[[nodiscard]] Tensor reciprocal(const Tensor& x);  ///< 1 / x
[[nodiscard]] Tensor exp(const Tensor& x);         ///< e^x
[[nodiscard]] Tensor exp2(const Tensor& x);        ///< 2^x
[[nodiscard]] Tensor expm1(const Tensor& x);       ///< e^x - 1, exact near 0
[[nodiscard]] Tensor log(const Tensor& x);         ///< natural logarithm
[[nodiscard]] Tensor log2(const Tensor& x);        ///< logarithm to base 2
[[nodiscard]] Tensor log10(const Tensor& x);       ///< logarithm to base 10
[[nodiscard]] Tensor log1p(const Tensor& x);       ///< log(1 + x), exact near 0
/// log(x / (1 - x)), the inverse of sigmoid; NaN, and so its slope, outside [0, 1]
[[nodiscard]] Tensor logit(const Tensor& x);

[[nodiscard]] Tensor sin(const Tensor& x);    ///< sine, x in radians
[[nodiscard]] Tensor cos(const Tensor& x);    ///< cosine, x in radians
[[nodiscard]] Tensor tan(const Tensor& x);    ///< tangent, x in radians
[[nodiscard]] Tensor asin(const Tensor& x);   ///< inverse sine, radians
[[nodiscard]] Tensor acos(const Tensor& x);   ///< inverse cosine, radians
[[nodiscard]] Tensor atan(const Tensor& x);   ///< inverse tangent, radians
[[nodiscard]] Tensor sinh(const Tensor& x);   ///< hyperbolic sine
[[nodiscard]] Tensor cosh(const Tensor& x);   ///< hyperbolic cosine
[[nodiscard]] Tensor tanh(const Tensor& x);   ///< hyperbolic tangent
[[nodiscard]] Tensor asinh(const Tensor& x);  ///< inverse hyperbolic sine
[[nodiscard]] Tensor acosh(const Tensor& x);  ///< inverse hyperbolic cosine, x >= 1
[[nodiscard]] Tensor atanh(const Tensor& x);  ///< inverse hyperbolic tangent, |x| <= 1
/// sin(pi x) / (pi x), and 1 at 0
[[nodiscard]] Tensor sinc(const Tensor& x);

/// Error function, 2 / sqrt(pi) int_0^x exp(-t^2) dt
[[nodiscard]] Tensor erf(const Tensor& x);
/// 1 - erf(x), exact where erf(x) rounds to 1
[[nodiscard]] Tensor erfc(const Tensor& x);
/// The inverse of erf on [-1, 1]
[[nodiscard]] Tensor erfinv(const Tensor& x);
/// log |Gamma(x)|; its gradient is digamma
[[nodiscard]] Tensor lgamma(const Tensor& x);
/// The derivative of lgamma; -inf at 0, NaN at the poles below
[[nodiscard]] Tensor digamma(const Tensor& x);
/// The n-th derivative of digamma (n = 0: digamma itself). Throws ValueError unless 0 <= n <= 170,
/// where n! leaves float64's range.
[[nodiscard]] Tensor polygamma(int n, const Tensor& x);

/// What nan_to_num puts in: infinities become the largest finite values where not given.
struct NanToNumOptions {
  double nan = 0;  ///< In place of NaN; any number.
  /// In place of +infinity; infinity stands for the largest finite value of the dtype.
  double posinf = std::numeric_limits<double>::infinity();
  /// In place of -infinity; -infinity stands for the lowest finite value of the dtype.
  double neginf = -std::numeric_limits<double>::infinity();
};
/// x with NaN and the infinities replaced; slope 0 there
[[nodiscard]] Tensor nan_to_num(const Tensor& x, const NanToNumOptions& options = {});

}  // namespace gradtape
