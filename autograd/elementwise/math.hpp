/// The elementary functions of a register, right to 2 ulp over their whole range, subnormal numbers
/// included, whatever xsimd is installed.
///
/// Each takes xsimd's function where that is right, and mends the elements outside by arithmetic or
/// by the standard library, in a branch that ordinary values never take. What an element gives
/// depends on nothing but its own value: xsimd chooses the formula of some functions for all
/// elements of a register at once, so those are written out here.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <type_traits>

#include "gradtape/autograd/elementwise/pack.hpp"

namespace gradtape::math {

template <class V> using scalar_of = typename Pack<V>::scalar;

/// f element by element, for what no register version serves.
template <class V, class F, class... More> V each(F f, V x, More... more) {
  using T = scalar_of<V>;
  constexpr auto size = V::size;
  alignas(V) T out[size], in[1 + sizeof...(more)][size];
  std::size_t k = 0;
  x.store_aligned(in[k++]);
  (more.store_aligned(in[k++]), ...);
  for (std::size_t i = 0; i < size; ++i) {
    if constexpr (sizeof...(more) == 0)
      out[i] = f(in[0][i]);
    else
      out[i] = f(in[0][i], in[1][i]);
  }
  return V::load_aligned(out);
}

/// y, but the standard library's f(x) where `far` holds.
template <class V, class F>
[[gnu::noinline, gnu::cold]] V mended_slowly(V y, Mask<V> far, F f, V x) {
  return where(far, Pack<V>(each(f, x)), Pack<V>(y)).v;
}
template <class V, class F> V mended(V y, Mask<V> far, F f, V x) {
  return all(!far) ? y : mended_slowly(y, far, f, x);
}
/// y, but x where x is 0: keeps the sign of a zero.
template <class V> V keep_zero(V x, V y) {
  return where(Pack<V>(x) == 0, Pack<V>(x), Pack<V>(y)).v;
}

/// The number for this element type.
template <class V> constexpr scalar_of<V> number(float of_float, double of_double) {
  if constexpr (std::same_as<scalar_of<V>, float>)
    return of_float;
  else
    return of_double;
}
template <class V> Pack<V> infinity() { return std::numeric_limits<scalar_of<V>>::infinity(); }
template <class V> constexpr scalar_of<V> smallest_normal() {
  return std::numeric_limits<scalar_of<V>>::min();
}

/// sum_k c[k] x^(n - k): coefficients from the highest power down.
template <class V, class T, std::size_t n>
Pack<V> polynomial(const Pack<V>& x, const std::array<T, n>& c) {
  Pack<V> sum(c[0]);
  for (std::size_t k = 1; k < n; ++k) sum = sum * x + Pack<V>(c[k]);
  return sum;
}

/// Added to a float below 2^22 it leaves a whole number in the last bits.
inline constexpr float rounder = 0x1.8p23f;
/// 2^n for whole |n| <= 126, given as n + rounder.
template <class V> V power_of_two(V shifted) {
  using Bits = decltype(xsimd::to_int(shifted));
  return std::bit_cast<V>((std::bit_cast<Bits>(shifted) << 23) + Bits(127 << 23));
}
/// a e^(x + rest) for a tiny rest, where e^x is a normal number.
template <class V>
[[gnu::always_inline]] inline Pack<V> times_exp(Pack<V> a, Pack<V> x, Pack<V> rest) {
  if constexpr (std::same_as<scalar_of<V>, float>) {  // xsimd's is 1.5 ulp off
    const Pack<V> shifted = x * 1.44269504f + rounder, n = shifted - rounder;
    const Pack<V> r = (x - n * 0.693359375f) + (n * 2.12194440e-4f + rest);  // n ln 2 in two parts
    const Pack<V> m = r + r * r *
                              polynomial(r, std::array{0.00139262504f, 0.00836323295f,
                                                       0.0416665524f, 0.166665763f, 0.5f});
    return (a + a * m) * Pack<V>(power_of_two(shifted.v));
  } else {
    const Pack<V> y = a * Pack<V>(xsimd::exp(x.v));
    return y + y * rest;
  }
}
/// e^x where the result is a normal number.
template <class V> V exp_core(V x) {
  if constexpr (std::same_as<scalar_of<V>, float>)
    return times_exp(Pack<V>(1), Pack<V>(x), Pack<V>(0)).v;
  else
    return xsimd::exp(x);
}
/// exp where an element is not ordinary: the result is subnormal or near the largest number, and
/// further out 0 or infinite.
template <class V> [[gnu::noinline, gnu::cold]] V far_exp(V x, V y) {
  const Pack<V> p(x), size(xsimd::abs(x));
  const auto ordinary = size <= number<V>(87, 708),
             less = p<number<V>(-104, -746), more = p> number<V>(88.73f, 709.79);
  const Pack<V> limit = where(less, Pack<V>(0), where(more, infinity<V>(), Pack<V>(y)));
  return mended(
      limit.v, !(ordinary || less || more), [](auto e) { return std::exp(e); }, x);
}
template <class V> V exp(V x) {
  const Pack<V> size(xsimd::abs(x));
  const V y = exp_core(x);
  return all(size <= number<V>(87, 708)) ? y : far_exp(x, y);
}
template <class V> V exp2(V x) {
  const Pack<V> p(x), size(xsimd::abs(x));
  const V y = xsimd::exp2(x);
  const auto ordinary = size <= number<V>(125, 1021);
  if (all(ordinary)) return y;
  const auto finite = p > number<V>(-150, -1075) && p < number<V>(128, 1024);
  return mended(
      y, finite && !ordinary, [](auto e) { return std::exp2(e); }, x);
}
template <class V> V expm1(V x) {
  const Pack<V> p(x), y(keep_zero(x, xsimd::expm1(x)));
  const auto far = p > number<V>(80, 700);
  return all(!far) ? y.v : where(far, Pack<V>(math::exp(x)), y).v;
}

/// log, log2 or log10: y, but f(x) for a subnormal x.
template <class V, class F> V mended_log(V y, F f, V x) {
  const Pack<V> p(x);
  if (all(p >= smallest_normal<V>())) return y;
  return mended(y, p > 0 && p < smallest_normal<V>(), f, x);
}
template <class V> V log(V x) {
  return mended_log(
      xsimd::log(x), [](auto e) { return std::log(e); }, x);
}
template <class V> V log2(V x) {
  return mended_log(
      xsimd::log2(x), [](auto e) { return std::log2(e); }, x);
}
template <class V> V log10(V x) {
  return mended_log(
      xsimd::log10(x), [](auto e) { return std::log10(e); }, x);
}
/// a b - ab exactly, for a product ab that is rounded or nearly right, unless it leaves the range:
/// in one instruction where the CPU has it, else after T. Dekker.
template <class V> Pack<V> lost_by_product(Pack<V> a, Pack<V> b, Pack<V> ab) {
#if defined(__AVX512F__)  // xsimd 8.1 would multiply and subtract
  if constexpr (sizeof(V) == 64 && sizeof(scalar_of<V>) == 4)
    return V(_mm512_fmsub_ps(a.v, b.v, ab.v));
  else if constexpr (sizeof(V) == 64)
    return V(_mm512_fmsub_pd(a.v, b.v, ab.v));
  else
    return V(xsimd::fms(a.v, b.v, ab.v));
#elif defined(__FMA__)
  return V(xsimd::fms(a.v, b.v, ab.v));
#else
  using T = scalar_of<V>;
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const V upper(std::bit_cast<T>(static_cast<Bits>(~Bits(0) << (sizeof(T) == 4 ? 12 : 27))));
  const Pack<V> p(a.v & upper), q(b.v & upper), r = a - p, s = b - q;
  return ((p * q - ab) + (p * s + r * q)) + r * s;
#endif
}
/// x^n for a small n by products, beyond the fourth power with what they lose to rounding.
template <class V> V whole_power(V x, int n) {
  if (n == 0) return V(1);
  const bool exactly = n > 4 || n < -2;
  Pack<V> y(1), power(x), y_lost(0), power_lost(0);
  for (int left = std::abs(n); left;) {
    if (left % 2) {
      const Pack<V> product = y * power;
      if (exactly) y_lost = lost_by_product(y, power, product) + y * power_lost + y_lost * power;
      y = product;
    }
    left /= 2;
    if (!left) break;
    const Pack<V> square = power * power;
    if (exactly) power_lost = lost_by_product(power, power, square) + 2 * power * power_lost;
    power = square;
  }
  if (n > 0) {
    if (!exactly) return y.v;
    const Pack<V> sum = y + y_lost;
    return all(sum == sum) ? sum.v : where(sum == sum, sum, y).v;
  }
  const Pack<V> inverse = 1 / y, result = inverse - inverse * (inverse * y_lost),
                size(xsimd::abs(y.v));
  // Where the power leaves the range, its inverse may not.
  const auto inside = size >= 4 * smallest_normal<V>() && size <= 0.25 / smallest_normal<V>();
  if (all(inside)) return result.v;
  return mended(
      result.v, !inside, [n](auto e) { return std::pow(e, static_cast<decltype(e)>(n)); }, x);
}

template <class V> V log1p(V x) { return keep_zero(x, xsimd::log1p(x)); }

template <class V> V cbrt(V x) {
  const Pack<V> p(x), y(xsimd::cbrt(x)), size(xsimd::abs(x));
  const auto tiny = size < smallest_normal<V>();
  if (all(!tiny)) return y.v;
  const Pack<V> scaled(xsimd::cbrt((p * 0x1p54).v));
  return keep_zero(x, where(tiny, scaled * 0x1p-18, y).v);
}

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

/// x, but NaN where `inside` does not hold.
template <class V> V only(Mask<V> inside, V x) {
  return where(inside, Pack<V>(x), Pack<V>(std::numeric_limits<double>::quiet_NaN())).v;
}
template <class V> V acosh(V x) { return only(Pack<V>(x) >= 1, xsimd::acosh(x)); }

/// asinh(x) = log(x + sqrt(x^2 + 1)), without its cancellation and overflow.
template <class V> V asinh(V x) {
  const Pack<V> size(xsimd::abs(x)), square = size * size;
  const Pack<V> root(gradtape::detail::square_root((square + 1).v));
  const V near = math::log1p((size + square / (1 + root)).v);
  const auto far = size > number<V>(1e4f, 1e9);
  const Pack<V> y =
      all(!far) ? Pack<V>(near) : where(far, Pack<V>(math::log(size.v)) + 0.6931471805599453, near);
  return keep_zero(x, xsimd::copysign(y.v, x));
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
    const Pack<V> y =
        where(near, root + tail, (1.57079637f - 2 * root) - (2 * tail + 4.37113883e-8f));
    return keep_zero(x, xsimd::copysign(y.v, x));
  } else {
    return xsimd::asin(x);
  }
}

/// tanh of floats: x + x^3 times a polynomial of Cephes below 0.625, above 1 - 2 e / (1 + e) for
/// e = e^(-2 |x|), which the slope 4 e / (1 + e)^2 needs too.
template <class V> V tanh(V x) {
  if constexpr (std::same_as<scalar_of<V>, float>) {
    const Pack<V> p(x), size(xsimd::abs(x)), square = p * p;
    const Pack<V> near =
        p +
        p * square *
            polynomial(square, std::array{-5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f,
                                          1.33314422036e-1f, -3.33332819422e-1f});
    const Pack<V> e(math::exp((-2 * size).v)), far = 1 - 2 * e / (1 + e);
    return where(size < 0.625, near, Pack<V>(xsimd::copysign(far.v, x))).v;
  } else {
    return xsimd::tanh(x);
  }
}

/// x - tanh(x), which cancels: below 1 as x^3 times a polynomial in x^2, above as
/// (x - 1) + 2 / (e^2x + 1).
template <class V> V tanhshrink(V x) {
  const Pack<V> p(x), square = p * p, size(xsimd::abs(x));
  Pack<V> series;
  if constexpr (std::same_as<scalar_of<V>, float>)
    series = polynomial(square, std::array{4.84670309e-05f, -0.000337689475f, 0.00124215684f,
                                           -0.00347838597f, 0.00882625021f, -0.0218625758f,
                                           0.0539675951f, -0.13333331f, 0.333333343f});
  else
    series = polynomial(
        square, std::array{-2.5154949020700525e-08, 2.6330714229616783e-07, -1.3791794138190248e-06,
                           4.9877560500638006e-06, -1.4606125729389801e-05, 3.8389602084451558e-05,
                           -9.6462773350619355e-05, 0.00023895705020051023, -0.00058997929385503983,
                           0.0014558246918899163, -0.0035921266793277505, 0.0088632354045734274,
                           -0.021869488529128706, 0.053968253968046359, -0.13333333333333089,
                           0.33333333333333331});
  const Pack<V> far = (size - 1) + 2 / (Pack<V>(math::exp((2 * size).v)) + 1);
  return where(size < 1, p * square * series, Pack<V>(xsimd::copysign(far.v, x))).v;
}

}  // namespace gradtape::math
