/// Functions of one tensor, element by element; floating only.
#pragma once

#include <limits>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// |x|; the slope at 0 is 0
Tensor abs(const Tensor& x);
/// -1, 0 or 1; slope 0
Tensor sign(const Tensor& x);
/// 1 where x > 0, 0 elsewhere; slope 0
Tensor step(const Tensor& x);
Tensor floor(const Tensor& x);  ///< largest integer <= x; slope 0
Tensor ceil(const Tensor& x);   ///< smallest integer >= x; slope 0
Tensor trunc(const Tensor& x);  ///< x without its fraction; slope 0
/// Nearest multiple of 10^-decimals, ties to even; slope 0
Tensor round(const Tensor& x, int decimals = 0);
Tensor frac(const Tensor& x);  ///< x - trunc(x); slope 1

Tensor square(const Tensor& x);      ///< x^2
Tensor sqrt(const Tensor& x);        ///< x^(1/2)
Tensor cbrt(const Tensor& x);        ///< x^(1/3), negative below 0
Tensor rsqrt(const Tensor& x);       ///< x^(-1/2)
Tensor reciprocal(const Tensor& x);  ///< 1 / x
Tensor exp(const Tensor& x);         ///< e^x
Tensor exp2(const Tensor& x);        ///< 2^x
Tensor expm1(const Tensor& x);       ///< e^x - 1, exact near 0
Tensor log(const Tensor& x);         ///< natural logarithm
Tensor log2(const Tensor& x);        ///< logarithm to base 2
Tensor log10(const Tensor& x);       ///< logarithm to base 10
Tensor log1p(const Tensor& x);       ///< log(1 + x), exact near 0
/// log(x / (1 - x)), the inverse of sigmoid; NaN, and so its slope, outside [0, 1]
Tensor logit(const Tensor& x);

Tensor sin(const Tensor& x);    ///< sine, x in radians
Tensor cos(const Tensor& x);    ///< cosine, x in radians
Tensor tan(const Tensor& x);    ///< tangent, x in radians
Tensor asin(const Tensor& x);   ///< inverse sine, radians
Tensor acos(const Tensor& x);   ///< inverse cosine, radians
Tensor atan(const Tensor& x);   ///< inverse tangent, radians
Tensor sinh(const Tensor& x);   ///< hyperbolic sine
Tensor cosh(const Tensor& x);   ///< hyperbolic cosine
Tensor tanh(const Tensor& x);   ///< hyperbolic tangent
Tensor asinh(const Tensor& x);  ///< inverse hyperbolic sine
Tensor acosh(const Tensor& x);  ///< inverse hyperbolic cosine, x >= 1
Tensor atanh(const Tensor& x);  ///< inverse hyperbolic tangent, |x| <= 1
/// sin(pi x) / (pi x), and 1 at 0
Tensor sinc(const Tensor& x);

/// Error function, 2 / sqrt(pi) int_0^x exp(-t^2) dt
Tensor erf(const Tensor& x);
/// 1 - erf(x), exact where erf(x) rounds to 1
Tensor erfc(const Tensor& x);
/// The inverse of erf on [-1, 1]
Tensor erfinv(const Tensor& x);
/// log |Gamma(x)|; its gradient is digamma
Tensor lgamma(const Tensor& x);
/// The derivative of lgamma; -inf at 0, NaN at the poles below
Tensor digamma(const Tensor& x);
/// The n-th derivative of digamma (n = 0: digamma itself). Throws ValueError unless 0 <= n <= 170,
/// where n! leaves float64's range.
Tensor polygamma(int n, const Tensor& x);

/// What nan_to_num puts in: infinities become the largest finite values where not given.
struct NanToNumOptions {
  double nan = 0;
  double posinf = std::numeric_limits<double>::infinity();
  double neginf = -std::numeric_limits<double>::infinity();
};
/// x with NaN and the infinities replaced; slope 0 there
Tensor nan_to_num(const Tensor& x, const NanToNumOptions& options = {});

}  // namespace gradtape
