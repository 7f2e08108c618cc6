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
#include <utility>

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

/// x, but `most` where x is larger; NaN stays.
template <class V> Pack<V> at_most(Pack<V> x, double most) {
  return V(gradtape::detail::smaller_of(V(static_cast<scalar_of<V>>(most)), x.v));
}
/// x, but `least` where x is smaller; NaN stays, and of two zeros x.
template <class V> Pack<V> at_least(Pack<V> x, double least) {
  return V(gradtape::detail::larger_of(V(static_cast<scalar_of<V>>(least)), x.v));
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

/// sum_k c[k] x^(n - 1 - k) of the first n coefficients, from the highest power down. No loop: of
/// twenty steps GCC would leave one.
template <std::size_t n, class V, class T, std::size_t size>
[[gnu::always_inline]] inline Pack<V> polynomial(const Pack<V>& x, const std::array<T, size>& c) {
  Pack<V> sum(c[0]);
  [&]<std::size_t... k>(std::index_sequence<k...>) {
    ((sum = gradtape::detail::multiply_add(sum.v, x.v, V(c[k + 1]))), ...);
  }(std::make_index_sequence<n - 1>());
  return sum;
}
template <class V, class T, std::size_t n>
Pack<V> polynomial(const Pack<V>& x, const std::array<T, n>& c) {
  return polynomial<n>(x, c);
}

/// Added to a number below 2^22 in float, 2^51 in double, it leaves a whole one in the last bits.
template <class V> constexpr scalar_of<V> rounder = number<V>(0x1.8p23f, 0x1.8p52);
/// y 2^n for whole |n| <= 126 in float, 1022 in double, given as n and n + rounder.
template <class V> Pack<V> scaled_by_power(Pack<V> y, [[maybe_unused]] Pack<V> n, Pack<V> shifted) {
  constexpr bool single = std::same_as<scalar_of<V>, float>;
#ifdef __AVX512F__
  if constexpr (sizeof(V) == 64 && single) return V(_mm512_scalef_ps(y.v, n.v));
  if constexpr (sizeof(V) == 64 && !single) return V(_mm512_scalef_pd(y.v, n.v));
#endif
  using Bits = decltype(xsimd::to_int(shifted.v));
  constexpr auto one = std::bit_cast<std::conditional_t<single, std::int32_t, std::int64_t>>(
      static_cast<scalar_of<V>>(1));
  return y * Pack<V>(std::bit_cast<V>((std::bit_cast<Bits>(shifted.v) << (single ? 23 : 52)) +
                                      Bits(one)));
}
/// a e^(x + rest) for a tiny rest, where e^x is a normal number; a_lost: what rounding took from a.
template <class V, class... Lost>
[[gnu::always_inline]] inline Pack<V> times_exp(Pack<V> a, Pack<V> x, Pack<V> rest,
                                                Lost... a_lost) {
  constexpr auto shift = rounder<V>;
  // x = n ln 2 + r; ln 2 in two parts, of which the first has so few bits that `high` is exact.
  const Pack<V> shifted = x * number<V>(1.44269504f, 1.4426950408889634) + shift,
                n = shifted - shift;
  const Pack<V> high = x - n * number<V>(0.693359375f, 0x1.62e42feep-1),
                low = rest - n * number<V>(-2.12194440e-4f, 1.9082149292705877e-10), r = high + low;
  Pack<V> series;  // (e^r - 1 - r) / r^2
  if constexpr (std::same_as<scalar_of<V>, float>)
    series = polynomial(
        r, std::array{0.00138145837f, 0.00836872403f, 0.0416683902f, 0.166665211f, 0.49999994f});
  else
    series = polynomial(
        r, std::array{2.5000048538379956e-08, 2.763026284468675e-07, 2.755758648843305e-06,
                      2.4801493061629576e-05, 0.00019841269506370158, 0.0013888888943662486,
                      0.008333333333494593, 0.04166666666653005, 0.16666666666666413,
                      0.5000000000000011});
  const Pack<V> m = high + (r * r * series + low);  // not r, which is rounded
  return scaled_by_power(a + ((a * m) + ... + (a_lost + a_lost * m)), n, shifted);
}
/// e^x where the result is a normal number.
template <class V> V exp_core(V x) { return times_exp(Pack<V>(1), Pack<V>(x), Pack<V>(0)).v; }
/// times_exp where e^x may be subnormal: by e^(x + c) for a c that makes x + c exact and whose e^-c
/// is very nearly a float and a double.
template <class V, class... Lost>
[[gnu::noinline, gnu::cold]] Pack<V> times_tiny_exp(Pack<V> a, Pack<V> x, Pack<V> rest,
                                                    Lost... a_lost) {
  const Pack<V> least = number<V>(-140, -760);  // makes 0
  return times_exp(a, where(x > least, x, least) + 56.625, rest, a_lost...) *
         number<V>(0x1.3ccad2p-82f, 0x1.3ccad2051ceccp-82);
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
/// Whether the CPU has a b + c as one instruction, which rounds once.
#if defined(__AVX512F__) || defined(__FMA__) || defined(__aarch64__)
constexpr bool fuses = true;
#else
constexpr bool fuses = false;
#endif
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
#elif defined(__FMA__) || defined(__aarch64__)
  return V(xsimd::fms(a.v, b.v, ab.v));
#else
  using T = scalar_of<V>;
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const V upper(std::bit_cast<T>(static_cast<Bits>(~Bits(0) << (sizeof(T) == 4 ? 12 : 27))));
  const Pack<V> p(a.v & upper), q(b.v & upper), r = a - p, s = b - q;
  return ((p * q - ab) + (p * s + r * q)) + r * s;
#endif
}
/// a b + c, rounded once or nearly so.
template <class V> Pack<V> fused(Pack<V> a, Pack<V> b, Pack<V> c) {
  if constexpr (fuses) return gradtape::detail::multiply_add(a.v, b.v, c.v);
  const Pack<V> product = a * b, sum = product + (lost_by_product(a, b, product) + c);
  return where(sum == sum, sum, product + c);  // of an infinity nothing is lost
}
/// A result, and what rounding took from it.
template <class V> struct ValueAndLost {
  Pack<V> value, lost;
};
/// polynomial, and what rounding took from it in its last steps.
template <std::size_t steps, class V, class T, std::size_t n>
[[gnu::always_inline]] inline ValueAndLost<V> polynomial_and_lost(const Pack<V>& x,
                                                                  const std::array<T, n>& c) {
  Pack<V> sum = polynomial<n - steps>(x, c), lost;
  for (std::size_t k = n - steps; k < n; ++k) {
    const Pack<V> next = sum * x + Pack<V>(c[k]), now = lost_by_product(sum, x, next - c[k]);
    lost = k == n - steps ? now : lost * x + now;
    sum = next;
  }
  return {sum, lost};
}
/// y, but factor e^(u + u_lost) where that is subnormal or nearly, and factor where 1 / e^u is.
template <class V>
[[gnu::noinline, gnu::cold]] Pack<V> ends(Pack<V> y, Pack<V> factor, Pack<V> u, Pack<V> u_lost) {
  const auto end = number<V>(87, 708);
  const Pack<V> bounded = where(factor < -1e3, Pack<V>(-1e3), factor);  // 0 there, not NaN
  return where(u < -end, times_tiny_exp(bounded, u, u_lost), where(u > end, factor, y));
}
/// Within it 1 + e^-u is nearly exact where it is large.
template <class V> constexpr scalar_of<V> sigmoid_near = number<V>(16, 36);
/// factor / (1 + e) for e = e^-(u + u_lost) where u is far from 0: there 1 + e loses the 1.
template <class V>
[[gnu::noinline, gnu::cold]] Pack<V> far_sigmoid(Pack<V> y, Pack<V> factor, Pack<V> e, Pack<V> u,
                                                 Pack<V> u_lost) {
  const Pack<V> d = 1 + e, q = 1 / d, d_lost = 1 - (d - e);
  const Pack<V> residue = -lost_by_product(q, d, Pack<V>(1)) - q * d_lost;
  const Pack<V> exactly = fused(factor, q, factor * (residue * q));
  return ends(where(u < -sigmoid_near<V>, exactly, y), factor, u, u_lost);
}
/// factor sigmoid(u + u_lost)
template <class V>
[[gnu::always_inline]] inline Pack<V> times_sigmoid(Pack<V> factor, Pack<V> u, Pack<V> u_lost = 0) {
  const Pack<V> e = times_exp(Pack<V>(1), -u, -u_lost), y = factor / (1 + e);
  const auto near = Pack<V>(xsimd::abs(u.v)) <= sigmoid_near<V>;
  return all(near) ? y : far_sigmoid(y, factor, e, u, u_lost);
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
/// sinh or cosh, which is f of the standard library: y, but near the largest number xsimd squares
/// e^(x / 2) and its error.
template <class V, class F> V mended_hyperbolic(V y, F f, V x) {
  return mended(y, Pack<V>(xsimd::abs(x)) > number<V>(87, 709), f, x);
}
template <class V> V sinh(V x) {
  return mended_hyperbolic(
      xsimd::sinh(x), [](auto e) { return std::sinh(e); }, x);
}
template <class V> V cosh(V x) {
  return mended_hyperbolic(
      xsimd::cosh(x), [](auto e) { return std::cosh(e); }, x);
}
/// tanh of floats, given e = e^(-2 |x|): x + x^3 times a polynomial of Cephes below 0.625, above
/// 1 - 2 e / (1 + e).
template <class V> V tanh_of_floats(V x, Pack<V> e) {
  const Pack<V> p(x), size(xsimd::abs(x)), square = p * p;
  const Pack<V> near = p + p * square *
                               polynomial(square, std::array{-5.70498872745e-3f, 2.06390887954e-2f,
                                                             -5.37397155531e-2f, 1.33314422036e-1f,
                                                             -3.33332819422e-1f});
  const Pack<V> far = 1 - 2 * e / (1 + e);
  return where(size < 0.625, near, Pack<V>(xsimd::copysign(far.v, x))).v;
}
/// e^(-2 |x|)
template <class V> Pack<V> exp_of_minus_twice(V x) {
  return math::exp((-2 * Pack<V>(xsimd::abs(x))).v);
}
template <class V> V tanh(V x) {
  if constexpr (std::same_as<scalar_of<V>, float>)
    return tanh_of_floats(x, exp_of_minus_twice(x));
  else
    return xsimd::tanh(x);
}

/// x - tanh(x), which cancels: below 1 as x^3 times a polynomial in x^2, above as
/// (x - 1) + 2 / (e^2x + 1).
template <class V> V tanhshrink(V x) {
  const Pack<V> size(xsimd::abs(x)), square = size * size;
  Pack<V> series;
  if constexpr (std::same_as<scalar_of<V>, float>)
    series =
        polynomial(square, std::array{-0.00015297308f, 0.000962346f, -0.003266267f, 0.008744376f,
                                      -0.02184914f, 0.053967677f, -0.13333352f, 0.33333334f});
  else
    series = polynomial(
        square, std::array{-2.5154949020700525e-08, 2.6330714229616783e-07, -1.3791794138190248e-06,
                           4.9877560500638006e-06, -1.4606125729389801e-05, 3.8389602084451558e-05,
                           -9.6462773350619355e-05, 0.00023895705020051023, -0.00058997929385503983,
                           0.0014558246918899163, -0.0035921266793277505, 0.0088632354045734274,
                           -0.021869488529128706, 0.053968253968046359, -0.13333333333333089,
                           0.33333333333333331});
  const Pack<V> far = (size - 1) + 2 / (Pack<V>(math::exp((2 * size).v)) + 1);
  const Pack<V> square_lost = lost_by_product(size, size, square), cube = size * square,
                cube_lost = lost_by_product(size, square, cube) + size * square_lost;
  const Pack<V> near = fused(cube, series, cube_lost * series);
  return xsimd::copysign(where(size < 1, near, far).v, x);
}

}  // namespace gradtape::math
