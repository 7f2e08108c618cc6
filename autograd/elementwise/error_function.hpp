/// The error function of a register and what is made of it: erfc, the normal distribution function;
/// as right as the functions of math.hpp.
#pragma once

#include <array>
#include <concepts>

#include "gradtape/autograd/elementwise/math.hpp"

namespace gradtape::math {

// Functions that ops are made of are always inlined: a call would pass registers through memory.

/// y = factor e^(rest - s), but by an exponential in two halves where it is not ordinary.
template <class V>
[[gnu::noinline, gnu::cold]] Pack<V> tiny_gauss(Pack<V> y, Mask<V> ordinary, Pack<V> factor,
                                                Pack<V> s, Pack<V> rest) {
  const double least = number<V>(-87, -708);  // twice that makes 0
  const Pack<V> half = where(0.5 * s > -least, Pack<V>(least), -0.5 * s);
  const Pack<V> tiny = times_exp(factor, half, rest) * times_exp(Pack<V>(1), half, Pack<V>(0));
  return where(ordinary, y, tiny);
}
/// factor e^(rest - scale x^2), 0 <= x <= 60, for scale 1 or 1/2 and a tiny rest. The square's
/// rounding alone would cost as many ulp as the exponent says, so what it lost is made good.
template <class V>
[[gnu::always_inline]] inline Pack<V> times_gauss(Pack<V> factor, Pack<V> x, double scale,
                                                  Pack<V> rest = 0) {
  const Pack<V> square = x * x, s = scale * square,
                all_lost = rest - scale * lost_by_product(x, x, square);
  const auto ordinary = s <= number<V>(87, 708);
  if (all(ordinary)) return times_exp(factor, -s, all_lost);
  const Pack<V> y = times_exp(factor, where(ordinary, -s, Pack<V>(0)), all_lost);
  return tiny_gauss(y, ordinary, factor, s, all_lost);
}
/// x, but 60 from there, where its gauss is 0.
template <class V> Pack<V> before_60(Pack<V> x) { return where(x > 60, Pack<V>(60), x); }

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
/// factor e^(y^2 / 2) Q(y), y >= 0, for the tail Q of the normal distribution; and what it has
/// lost, relatively, if y has lost y_lost.
///
/// It is factor u p(t) for u = 2 k / (y + k) and t = (y - k) / (y + k) = 1 - u, with a polynomial p
/// (after M. Shepherd and J. Laframboise 1981), interpolated at Chebyshev's points. k has few bits,
/// so that what rounding y + k loses is exact.
template <class V>
[[gnu::always_inline]] inline std::array<Pack<V>, 2> scaled_tail(Pack<V> factor, Pack<V> y,
                                                                 Pack<V> y_lost = 0) {
  constexpr auto k = number<V>(2.943359375f, 6);
  const Pack<V> divisor = y + k, u = 2 * k / divisor, t = 1 - u;
  const Pack<V> divisor_lost = y - (divisor - k) + y_lost;
  const Pack<V> excess = lost_by_product(u, divisor, Pack<V>(2 * k)) + u * divisor_lost;
  Pack<V> p, share;  // share: how u changes the result, over -2 k
  if constexpr (std::same_as<scalar_of<V>, float>) {
    p = polynomial(t, std::array{9.89612272e-06f, 1.82254753e-05f, -5.41780137e-05f,
                                 -0.000156643699f, 0.000247131829f, 0.00106877135f, -0.00209482573f,
                                 -0.00679258164f, 0.0372847989f, -0.0852527395f, 0.123492211f});
    share = 0.116f * t - 0.289f;
  } else {
    p = polynomial(
        t, std::array{2.4029172996264334e-10,  3.5146036642016209e-11, -3.190758868232928e-09,
                      9.6891925424926834e-10,  2.5439366760996775e-08, -3.6179249103641336e-08,
                      -1.4972531371646205e-07, 5.6660429940259914e-07, 8.9542746163143907e-08,
                      -5.3960902700521878e-06, 1.511338891966581e-05,  2.7391888103182674e-06,
                      -0.00017763377062009937, 0.00083581838395941006, -0.0025821096253314962,
                      0.0062643263059444891,   -0.012723352672059145,  0.022331187153464906,
                      -0.034491965481298653,   0.047414074317898694,   -0.058417419132572132,
                      0.064779314324446849});
    share = (0.14 - 0.09 * t) * t - 0.16;
  }
  return {factor * u * p, share * excess};
}
/// erfc(x) = 2 Q(sqrt(2) x), x >= 0
template <class V> [[gnu::always_inline]] inline Pack<V> erfc_tail(Pack<V> x) {
  x = before_60(x);
  constexpr auto root = number<V>(1.41421356f, 1.4142135623730951);
  constexpr auto root_lost = number<V>(2.42032e-8f, -9.667293313452913e-17);
  const Pack<V> y = root * x;
  const auto [scaled, rest] =
      scaled_tail(Pack<V>(2), y, lost_by_product(Pack<V>(root), x, y) + root_lost * x);
  return times_gauss(scaled, x, 1, rest);
}
/// Above 3/4 erfc is so small beside 1 that what its terms lose hardly shows.
template <class V> [[gnu::always_inline]] inline V erf(V x) {
  const Pack<V> size(xsimd::abs(x)), root2 = number<V>(1.41421356f, 1.4142135623730951);
  const double one = number<V>(4, 6);  // erf rounds to 1 from there
  const Pack<V> end = where(size > one, Pack<V>(one), size);
  const auto [scaled, rest] = scaled_tail(Pack<V>(2), root2 * end);
  const bool shows = sizeof(scalar_of<V>) == 8;  // xsimd's exp is less exact than ours
  const Pack<V> far = 1 - times_exp(scaled, -(end * end), shows ? rest : Pack<V>(0));
  return where(size < 0.75, erf_core(Pack<V>(x)), Pack<V>(xsimd::copysign(far.v, x))).v;
}
template <class V> [[gnu::always_inline]] inline V erfc(V x) {
  const Pack<V> tail = erfc_tail(Pack<V>(xsimd::abs(x)));
  return where(Pack<V>(x) < 0, 2 - tail, tail).v;
}
/// x times the normal distribution function; -0 where x < 0 makes the tail 0.
template <class V> [[gnu::always_inline]] inline V gelu(V x) {
  const Pack<V> p(x), size = before_60(Pack<V>(xsimd::abs(x)));
  const auto [scaled, rest] = scaled_tail(size, size);
  return (where(p < 0, Pack<V>(-0.0), p) - times_gauss(scaled, size, 0.5, rest)).v;
}
/// The normal distribution function + factor e^(-x^2 / 2), by one exponential.
template <class V>
[[gnu::always_inline]] inline Pack<V> normal_cdf_plus(Pack<V> factor, Pack<V> x) {
  const Pack<V> size = before_60(Pack<V>(xsimd::abs(x.v)));
  const Pack<V> gauss = times_gauss(Pack<V>(1), size, 0.5), tail = scaled_tail(gauss, size)[0];
  return where(x < 0, tail, 1 - tail) + factor * gauss;
}

}  // namespace gradtape::math
