/// The error function of a register and what is made of it: erfc, the normal distribution function;
/// as right as the functions of math.hpp.
#pragma once

#include <array>
#include <concepts>

#include "gradtape/autograd/elementwise/math.hpp"

namespace gradtape::math {

/// factor (1 - error) e^-(scale x^2), x >= 0, for scale 1 or 1/2 and a tiny error. The square's
/// rounding alone would cost as many ulp as the exponent says, so what it lost is made good; where
/// the result is subnormal, the exponential comes in two halves.
template <class V> Pack<V> times_gauss(Pack<V> factor, Pack<V> x, double scale, Pack<V> error = 0) {
  x = where(x > 60, Pack<V>(60), x);  // 0 from there
  const Pack<V> square = x * x, lost = scale * lost_by_product(x, x, square) + error;
  Pack<V> s = scale * square;
  const auto ordinary = s <= number<V>(87, 708);
  s = where(s > number<V>(174, 1416), Pack<V>(number<V>(174, 1416)), s);  // the result is 0
  const Pack<V> e(exp_core((-s).v)), y = factor * (e - e * lost);
  if (all(ordinary)) return y;
  const Pack<V> half(exp_core((-0.5 * s).v));
  return where(ordinary, y, factor * (half - half * lost) * half);
}

/// erf(x) / x - 1 as a polynomial in x^2, |x| <= 3/4, and (1 + 2x) e^(x^2) erfc(x) as one in
/// (x - k) / (x + k) for x >= 0.46 (M. Shepherd and J. Laframboise 1981): interpolated at
/// Chebyshev's points.
template <class V> Pack<V> erf_core(Pack<V> x) {
  if constexpr (std::same_as<scalar_of<V>, float>)
    return x + x * polynomial(x * x, std::array{9.4704621e-05f, -0.000835692801f, 0.00521678943f,
                                                -0.0268647727f, 0.112837784f, -0.376126379f,
                                                0.128379166f});
  else
    return x + x * polynomial(x * x, std::array{-9.502840894774706e-10, 1.4413879289095029e-08,
                                                -1.63332293434337e-07, 1.6460383209858149e-06,
                                                -1.4925589383821143e-05, 0.00012055331545294116,
                                                -0.00085483270011359463, 0.005223977625222192,
                                                -0.026866170645118446, 0.11283791670955087,
                                                -0.37612638903183754, 0.12837916709551259});
}
/// e^(x^2) erfc(x) for x >= 0.46, and what rounding the divisor lost, relatively.
template <class V> std::array<Pack<V>, 2> erfcx_and_error(Pack<V> x) {
  x = where(x > 60, Pack<V>(60), x);
  const double k = number<V>(3, 4);
  const Pack<V> t = (x - k) / (x + k), divisor = 1 + 2 * x;
  Pack<V> p;
  if constexpr (std::same_as<scalar_of<V>, float>)
    p = polynomial(t, std::array{-0.000199653543f, -0.000702320598f, 0.00196448271f, 0.00251299073f,
                                 -0.0237916987f, 0.0683092326f, -0.119271226f, 0.129645139f,
                                 -0.0475623943f, -0.135621101f, 1.25300801f});
  else
    p = polynomial(
        t, std::array{-1.0782994969964605e-08, -1.2355543590734308e-08, 1.0656673048701635e-07,
                      6.7377307325695878e-08,  -8.2366021265994786e-07, 2.9915678185798822e-07,
                      5.709408401021813e-06,   -1.1224480522773435e-05, -2.4399310667062257e-05,
                      0.00015062239999773846,  -0.00019925662523409294, -0.00075777342651725684,
                      0.0050319699606723367,   -0.016197734041394005,   0.037167515539712155,
                      -0.06633036581335483,    0.093732834998202022,    -0.10103906603626402,
                      0.068097054254697004,    0.015379652102619186,    -0.13962111684056255,
                      1.2329951186255526});
  const Pack<V> q = p / divisor, lost = 2 * x - (divisor - 1);
  return {q, lost * q * 0.8};  // 0.8: about 1 / p
}
/// factor erfc(x), x >= 0.46, for x^2 = scale y^2.
template <class V> Pack<V> times_erfc(Pack<V> factor, Pack<V> x, Pack<V> y, double scale) {
  const auto [q, error] = erfcx_and_error(x);
  return times_gauss(factor * q, y, scale, error);
}
template <class V> V erf(V x) {
  const Pack<V> size(xsimd::abs(x));
  const Pack<V> far = 1 - times_erfc(Pack<V>(1), size, size, 1);
  return where(size < 0.75, erf_core(Pack<V>(x)), Pack<V>(xsimd::copysign(far.v, x))).v;
}
template <class V> V erfc(V x) {
  const Pack<V> p(x), size(xsimd::abs(x)), tail = times_erfc(Pack<V>(1), size, size, 1);
  return where(size < 0.46, 1 - erf_core(p), where(p < 0, 2 - tail, tail)).v;
}
/// factor times the normal distribution function, erfc(-x / sqrt(2)) / 2. The factor is 1 or x.
template <class V> Pack<V> times_normal_cdf(Pack<V> factor, Pack<V> x) {
  const double sqrt_half = 0.70710678118654752;
  const Pack<V> size(xsimd::abs(x.v)), scaled = sqrt_half * size;
  const Pack<V> half = 0.5 * factor, finite = where(half > 50, Pack<V>(50), half);
  const Pack<V> tail = times_erfc(finite, scaled, size, 0.5);  // 0 from 50
  return where(scaled < 0.46, half + half * erf_core(sqrt_half * x),
               where(x < 0, tail, factor - tail));
}

/// The normal distribution function + factor e^(-x^2 / 2), by one exponential.
template <class V> Pack<V> normal_cdf_plus(Pack<V> factor, Pack<V> x) {
  const double sqrt_half = 0.70710678118654752;
  const Pack<V> size(xsimd::abs(x.v)), scaled = sqrt_half * size;
  const Pack<V> gauss = times_gauss(Pack<V>(1), size, 0.5),
                tail = 0.5 * erfcx_and_error(scaled)[0] * gauss;
  const Pack<V> cdf =
      where(scaled < 0.46, 0.5 + 0.5 * erf_core(sqrt_half * x), where(x < 0, tail, 1 - tail));
  return cdf + factor * gauss;
}

}  // namespace gradtape::math
