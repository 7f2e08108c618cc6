/// The trigonometric functions of a register and their inverses, as right as the functions of
/// math.hpp.
#pragma once

#include <array>
#include <cmath>
#include <concepts>

#include "gradtape/autograd/elementwise/math.hpp"

namespace gradtape::math {

/// x = quadrant pi/2 + angle, |angle| <= pi/4, up to `limit`.
template <class V> struct Reduced {
  static constexpr scalar_of<V> limit = number<V>(200, 8e5);
  Pack<V> angle, lost, quadrant;  ///< lost: what rounding took from the angle

  /// W. Cody and W. Waite: pi/2 in three parts, of which the first two have so few bits that their
  /// products with whole numbers below the limit are exact.
  explicit Reduced(V x) {
    const Pack<V> p(x), n(xsimd::nearbyint((p * 0.63661977236758134).v));
    const Pack<V> first = p - n * number<V>(0x1.921fp+0f, 0x1.921fb544p+0);
    const Pack<V> second = n * number<V>(0x1.6a88p-17f, 0x1.0b4611a6p-34);
    const Pack<V> rest = first - second;
    const Pack<V> third =
        n * number<V>(0x1.0b4612p-34f, 0x1.3198a2e037073p-69) - ((first - rest) - second);
    angle = rest - third;
    lost = (rest - angle) - third;
    quadrant = n - 4 * Pack<V>(xsimd::floor((n * 0.25).v));
  }
};
/// The sine and cosine of |x| <= pi/4; Cephes by S. Moshier.
template <class V> Pack<V> sine_core(const Pack<V>& x, const Pack<V>& square) {
  using T = scalar_of<V>;
  if constexpr (std::same_as<T, float>)
    return x + x * square *
                   polynomial(square, std::array<T, 3>{-1.9515295891e-4f, 8.3321608736e-3f,
                                                       -1.6666654611e-1f});
  else
    return x + x * square *
                   polynomial(square, std::array<T, 6>{
                                          1.58962301576546568060e-10, -2.50507477628578072866e-8,
                                          2.75573136213857245213e-6, -1.98412698295895385996e-4,
                                          8.33333333332211858878e-3, -1.66666666666666307295e-1});
}
template <class V> Pack<V> cosine_core(const Pack<V>& square) {
  using T = scalar_of<V>;
  const Pack<V> fourth = square * square;
  if constexpr (std::same_as<T, float>)
    return 1 -
           (0.5 * square - fourth * polynomial(square, std::array<T, 3>{2.443315711809948e-5f,
                                                                        -1.388731625493765e-3f,
                                                                        4.166664568298827e-2f}));
  else
    return 1 - (0.5 * square -
                fourth *
                    polynomial(square, std::array<T, 6>{
                                           -1.13585365213876817300e-11, 2.08757008419747316778e-9,
                                           -2.75573141792967388112e-7, 2.48015872888517045348e-5,
                                           -1.38888888888730564116e-3, 4.16666666666665929218e-2}));
}
/// sin(x + shift pi/2) for shift 0 or 1; f is that function of the standard library.
template <class V, class F> V sine(V x, int shift, F f) {
  const Reduced<V> r(x);
  const Pack<V> square = r.angle * r.angle;
  const Pack<V> sine = sine_core(r.angle, square), cosine = cosine_core(square);
  const Pack<V> q = r.quadrant;
  const Pack<V> size =
      shift ? where(q == 0 || q == 2, cosine, sine) : where(q == 0 || q == 2, sine, cosine);
  const auto negative = shift ? q == 1 || q == 2 : q >= 2;
  const Pack<V> y = where(negative, -size, size), far(xsimd::abs(x));
  return mended(y.v, !(far <= Reduced<V>::limit), f, x);
}
template <class V> V sin(V x) {
  return keep_zero(x, sine(x, 0, [](auto e) { return std::sin(e); }));
}
template <class V> V cos(V x) {
  return sine(x, 1, [](auto e) { return std::cos(e); });
}
template <class V> V tan(V x) {
  using T = scalar_of<V>;
  const Reduced<V> r(x);
  const Pack<V> p = r.angle, square = p * p;
  Pack<V> tail;  // tan(angle) - angle, by Cephes again
  if constexpr (std::same_as<T, float>)
    tail = p * square *
           polynomial(square,
                      std::array<T, 6>{9.38540185543e-3f, 3.11992232697e-3f, 2.44301354525e-2f,
                                       5.34112807005e-2f, 1.33387994085e-1f, 3.33331568548e-1f});
  else
    tail =
        p *
        (square *
         (polynomial(square, std::array<T, 3>{-1.30936939181383734205e4, 1.15351664838587416140e6,
                                              -1.79565251976484877988e7}) /
          polynomial(square,
                     std::array<T, 5>{1.0, 1.36812963470692954678e4, -1.32089234440210967447e6,
                                      2.50083801823357915839e7, -5.38695755929454629881e7})));
  Pack<V> y = p + tail;
  y = p + (tail + r.lost * (1 + y * y));
  y = where(r.quadrant == 0 || r.quadrant == 2, y, -1 / y);
  const Pack<V> far(xsimd::abs(x));
  return keep_zero(x, mended(
                          y.v, !(far <= Reduced<V>::limit), [](auto e) { return std::tan(e); }, x));
}

template <class V> V asin(V x) {
  if constexpr (std::same_as<scalar_of<V>, float>) {
    // asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)) above 1/2; polynomial of Cephes
    const Pack<V> size(xsimd::abs(x));
    const auto near = size <= 0.5;
    const Pack<V> z = where(near, size * size, 0.5 * (1 - size));
    const Pack<V> root = where(near, size, Pack<V>(gradtape::detail::square_root(z.v)));
    const Pack<V> tail =
        root * z *
        polynomial(z, std::array{4.2163199048e-2f, 2.4181311049e-2f, 4.5470025998e-2f,
                                 7.4953002686e-2f, 1.6666752422e-1f});
    // pi/4 twice: pi/2 - 2 root would be rounded, and above 1 to fewer digits than the result.
    const Pack<V> quarter = 0.785398185f;
    const Pack<V> far = quarter + ((quarter - 2 * root) - (2 * tail + 4.37113883e-8f));
    const Pack<V> y = where(near, root + tail, far);
    return keep_zero(x, xsimd::copysign(y.v, x));
  } else {
    return xsimd::asin(x);
  }
}

/// Above 1 pi/2 - atan(1 / x); on [0, 1] x and a polynomial in x^2.
template <class V> V atan(V x) {
  const Pack<V> size(xsimd::abs(x));
  const auto far = size > 1;
  const Pack<V> t = where(far, 1 / size, size), square = t * t;
  Pack<V> series;
  if constexpr (std::same_as<scalar_of<V>, float>)
    series = polynomial(
        square, std::array{-0.0017936319f, 0.0109146545f, -0.031177944f, 0.057957698f, -0.08403457f,
                           0.10952188f, -0.14264242f, 0.19998549f, -0.333333f});
  else
    series = polynomial(
        square, std::array{1.3224971618008285e-05, -0.0001521597841321949, 0.000831316645969261,
                           -0.002884903108357967,  0.007196472137776357,   -0.013900514467547517,
                           0.021984803033562532,   -0.029903816032864378,  0.03664188321255804,
                           -0.04219177553383077,   0.047223216677702566,   -0.05253518388208208,
                           0.05880527777412622,    -0.06666404051405592,   0.07692279838568178,
                           -0.09090907002934293,   0.11111111007023372,    -0.14285714282575035,
                           0.1999999999995146,     -0.3333333333333307});
  const Pack<V> tail = t * (square * series);
  const Pack<V> y = where(far,
                          (number<V>(1.57079637f, 1.5707963267948966) - t) -
                              (tail + number<V>(4.37113883e-8f, -6.123233995736766e-17)),
                          t + tail);
  return xsimd::copysign(y.v, x);
}

}  // namespace gradtape::math
