/// Functions of one tensor, element by element; floating only.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// |x|; the slope at 0 is 0
Tensor abs(const Tensor& x);
/// -1, 0 or 1; slope 0
Tensor sign(const Tensor& x);
/// 1 where x > 0, 0 elsewhere; slope 0
Tensor step(const Tensor& x);
Tensor square(const Tensor& x);      ///< x^2
Tensor sqrt(const Tensor& x);        ///< x^(1/2)
Tensor rsqrt(const Tensor& x);       ///< x^(-1/2)
Tensor reciprocal(const Tensor& x);  ///< 1 / x
Tensor exp(const Tensor& x);         ///< e^x
Tensor expm1(const Tensor& x);       ///< e^x - 1, exact near 0
Tensor log(const Tensor& x);         ///< natural logarithm
Tensor log1p(const Tensor& x);       ///< log(1 + x), exact near 0
Tensor sin(const Tensor& x);         ///< sine, x in radians
Tensor cos(const Tensor& x);         ///< cosine, x in radians
Tensor tan(const Tensor& x);         ///< tangent, x in radians
Tensor asin(const Tensor& x);        ///< inverse sine, radians
Tensor acos(const Tensor& x);        ///< inverse cosine, radians
Tensor atan(const Tensor& x);        ///< inverse tangent, radians
Tensor sinh(const Tensor& x);        ///< hyperbolic sine
Tensor cosh(const Tensor& x);        ///< hyperbolic cosine
Tensor tanh(const Tensor& x);        ///< hyperbolic tangent
Tensor erf(const Tensor& x);         ///< error function, 2 / sqrt(pi) int_0^x exp(-t^2) dt
Tensor floor(const Tensor& x);       ///< largest integer <= x; slope 0
Tensor ceil(const Tensor& x);        ///< smallest integer >= x; slope 0
Tensor round(const Tensor& x);       ///< nearest integer, halves to even; slope 0

}  // namespace gradtape
