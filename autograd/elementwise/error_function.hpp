/// The error function of a register and what is made of it: erfc, the normal distribution function;
/// as right as the functions of math.hpp.
#pragma once

#include <array>
#include <concepts>

#include "gradtape/autograd/elementwise/math.hpp"
#include "gradtape/autograd/elementwise/normal_pieces.hpp"

namespace gradtape::math {

// Functions that ops are made of are always inlined: a call would pass registers through memory.

/// factor e^(rest - scale x^2), x >= 0, for scale 1 or 1/2 and a tiny rest; lost: what rounding
/// took from the factor. The square's rounding alone would cost as many ulp as the exponent says,
/// so what it lost is made good.
template <class V, class... Lost>
[[gnu::always_inline]] inline Pack<V> times_gauss(Pack<V> factor, Pack<V> x, double scale,
                                                  Pack<V> rest = 0, Lost... lost) {
  const Pack<V> minus = -scale * x, exponent = minus * x,
                all_lost = rest + lost_by_product(minus, x, exponent),
                y = times_exp(factor, exponent, all_lost, lost...);
  const auto ordinary = exponent >= number<V>(-87, -708);
  if (all(ordinary)) return y;
  const Pack<V> tiny = times_tiny_exp(factor, exponent, all_lost, lost...);
  return where(ordinary, y, where(x > 60, Pack<V>(0), tiny));  // of infinite x tiny is NaN
}

/// erf(x) for |x| <= 3/4: x and a polynomial in x^2, interpolated at Chebyshev's points.
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
template <class V> struct ScaledTail {
  Pack<V> value, lost, rest;  ///< (value + lost) e^rest: lost to rounding, and by u and y
};
/// times e^(y^2 / 2) Q(y), y >= 0, for times 1 or 2 and the tail Q of the normal distribution, if y
/// has lost y_lost.
///
/// It is u p(t) for u = 2 k / (y + k) and t = (y - k) / (y + k) = 1 - u, with a polynomial p (after
/// M. Shepherd and J. Laframboise 1981), fitted at Chebyshev's points. k has few bits, so that what
/// rounding y + k loses is exact; of such k it is one for which the last coefficients are nearly
/// numbers of both types.
template <class V, class... Lost>
[[gnu::always_inline]] inline ScaledTail<V> scaled_tail(double times, Pack<V> y, Lost... y_lost) {
  constexpr double k = 3.578125;
  const Pack<V> divisor = y + k, u = times * 2 * k / divisor, t = 1 - u * (1 / times);
  const Pack<V> divisor_lost = ((y - (divisor - k)) + ... + y_lost);
  const Pack<V> excess = lost_by_product(u, divisor, Pack<V>(times * 2 * k)) + u * divisor_lost;
  ValueAndLost<V> p;
  if constexpr (std::same_as<scalar_of<V>, float>)
    p = polynomial_and_lost<(fuses ? 1 : 2)>(
        t, std::array{-5.5214514e-06f, 2.9628973e-06f, 6.705846e-05f, -2.141412e-05f,
                      -0.0005069893f, 0.00072616135f, 0.0032589978f, -0.017766457f, 0.04576631f,
                      -0.080066554f, 0.104294844f});
  else
    p = polynomial_and_lost<2>(
        t, std::array{1.2413998315532918e-10,  6.088335200151937e-10,   3.092523153451044e-10,
                      -3.6368932876588644e-09, -7.270123798401465e-09,  7.53582709836932e-09,
                      4.3219853081614485e-08,  2.1752769972194498e-08,  -1.693485671742669e-07,
                      -2.9764116296674e-07,    5.011494806935878e-07,   1.9671864856139794e-06,
                      -1.0559527413213799e-06, -1.150508703393939e-05,  1.298539931937796e-06,
                      7.156077953121067e-05,   -1.9557836965688236e-05, -0.0005083925475880562,
                      0.0007255970997444717,   0.0032591947600202277,   -0.01776639784576202,
                      0.04576629872419879,     -0.08006655574057849,    0.10429484401267582});
  const Pack<V> share = (0.1335 * t - 0.262) * (1 / times);  // how u changes the result, over -2 k
  const Pack<V> value = u * p.value;
  return {value, lost_by_product(u, p.value, value) + u * p.lost, share * excess};
}
/// erfc(x) = 2 Q(sqrt(2) x), x >= 0
template <class V> [[gnu::always_inline]] inline Pack<V> erfc_tail(Pack<V> x) {
  constexpr auto root = number<V>(1.41421356f, 1.4142135623730951);
  constexpr auto root_lost = number<V>(2.42032e-8f, -9.667293313452913e-17);
  const Pack<V> y = root * x;
  const auto [scaled, lost, rest] =
      scaled_tail(2, y, lost_by_product(Pack<V>(root), x, y) + root_lost * x);
  return times_gauss(scaled, x, 1, rest, lost);
}
/// Above 3/4 erfc is so small beside 1 that what its terms lose hardly shows.
template <class V> [[gnu::always_inline]] inline V erf(V x) {
  const Pack<V> size(xsimd::abs(x)), root2 = number<V>(1.41421356f, 1.4142135623730951);
  const double one = number<V>(4, 6);  // erf rounds to 1 from there
  const Pack<V> end = where(size > one, Pack<V>(one), size);
  const auto tail = scaled_tail(2, root2 * end);
  const Pack<V> far = 1 - times_exp(tail.value, -(end * end), tail.rest);
  return where(size < 0.75, erf_core(Pack<V>(x)), Pack<V>(xsimd::copysign(far.v, x))).v;
}
template <class V> [[gnu::always_inline]] inline V erfc(V x) {
  const Pack<V> tail = erfc_tail(Pack<V>(xsimd::abs(x)));
  return where(Pack<V>(x) < 0, 2 - tail, tail).v;
}
/// x times the normal distribution function; -0 where x < 0 makes the tail 0.
template <class V> [[gnu::always_inline]] inline Pack<V> gelu_by_tail(Pack<V> x) {
  const Pack<V> size(xsimd::abs(x.v));
  const auto [scaled, lost, rest] = scaled_tail(1, size);
  const Pack<V> product = size * scaled,
                product_lost = lost_by_product(size, scaled, product) + size * lost;
  return at_least(x, -0.0) - times_gauss(product, size, 0.5, rest, product_lost);
}
template <class V> [[gnu::always_inline]] inline V gelu(V x) {
  const Pack<V> p(x);
#ifdef __AVX512F__
  if constexpr (looks_up<V>) {
    const Pack<V> size(xsimd::abs(x));
    const Pack<V> y =
        at_least(p, -0.0) - by_pieces(normal_pieces.times_tail, at_most(size, Pieces::end));
    return mended_below(y, p, [](auto e) { return gelu_by_tail(e); }).v;
  }
#endif
  return gelu_by_tail(p).v;
}
/// The normal distribution function + x times its density, by one exponential.
template <class V> [[gnu::always_inline]] inline Pack<V> gelu_slope_by_tail(Pack<V> x) {
  const Pack<V> size(xsimd::abs(x.v)), bounded = at_most(size, 100);
  const Pack<V> gauss = times_gauss(Pack<V>(1), size, 0.5),
                tail = gauss * scaled_tail(1, size).value;
  const Pack<V> part = bounded * (0.3989422804014327 * gauss);
  return where(x < 0, tail - part, 1 - tail + part);
}
template <class V> [[gnu::always_inline]] inline Pack<V> gelu_slope(Pack<V> x) {
#ifdef __AVX512F__
  if constexpr (looks_up<V>) {
    const Pack<V> size(xsimd::abs(x.v)), piece = by_pieces(normal_pieces.slope, size),
                                         small = where(size > Pieces::end, Pack<V>(0), piece);
    return mended_below(where(x < 0, small, 1 - small), x,
                        [](auto e) { return gelu_slope_by_tail(e); });
  }
#endif
  return gelu_slope_by_tail(x);
}

}  // namespace gradtape::math
