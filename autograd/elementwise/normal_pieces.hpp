/// The tail of the normal distribution and the slope of gelu by pieces: for AVX-512, which looks up
/// 16 of 32 floats in one instruction, so that a polynomial of its own for each piece costs neither
/// a division nor an exponential.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <numbers>
#include <utility>

#include "gradtape/autograd/elementwise/math.hpp"

namespace gradtape::math {

/// Whether registers of this type look up the coefficients of 32 pieces by one instruction each.
template <class V>
constexpr bool looks_up =
#ifdef __AVX512F__
    sizeof(V) == 64 && std::same_as<scalar_of<V>, float>;
#else
    false;
#endif

#ifdef __AVX512F__

/// Polynomials in x - k width for x from (k - 1/2) width to (k + 1/2) width, k = 0 ... 31; c[j][k]
/// is the coefficient of power j.
struct Pieces {
  static constexpr std::size_t count = 32, terms = 8;
  static constexpr double width = 0.1875;  // few bits, so that x - k width is exact
  static constexpr double end = 5.75;      // beyond it the last piece is not right to 2 ulp

  alignas(64) std::array<std::array<float, count>, terms> c{};
};

/// For the tail Q of the normal distribution and x >= 0: x Q(x), which is -gelu(-x), and the slope
/// of gelu at -x, which is Q(x) + x Q'(x).
struct NormalPieces {
  Pieces times_tail, slope;
};

/// Computes the coefficients, while compiling.
class NormalSeries {
 public:
  /// About each middle by Taylor series, as the density p has p' = -x p, and Q' = -p. The series of
  /// one piece give p and Q in the middle of the next.
  static constexpr NormalPieces pieces() {
    using std::numbers::inv_sqrtpi_v, std::numbers::sqrt2_v;
    NormalPieces made;
    Real density = inv_sqrtpi_v<Real> / sqrt2_v<Real>, tail = 0.5;
    for (std::size_t piece = 0; piece < Pieces::count; ++piece) {
      const Real x = static_cast<Real>(piece) * Pieces::width;
      Series p{density, -x * density}, q{tail, -density};
      for (std::size_t n = 2; n < p.size(); ++n) {
        p[n] = -(x * p[n - 1] + p[n - 2]) / static_cast<Real>(n);
        q[n] = -p[n - 1] / static_cast<Real>(n);
      }
      Series product{x * q[0]}, slope{q[0] - x * p[0]};
      for (std::size_t n = 1; n < p.size(); ++n) {
        product[n] = x * q[n] + q[n - 1];
        slope[n] = q[n] - x * p[n] - p[n - 1];
      }
      // The first piece's converge fast, and its x Q(x) must have no constant.
      put(piece ? economised(product) : product, made.times_tail, piece);
      put(piece ? economised(slope) : slope, made.slope, piece);
      density = value(p, Pieces::width);
      tail = value(q, Pieces::width);
    }
    return made;
  }

 private:
  using Real = long double;
  using Series = std::array<Real, 20>;  // coefficients of powers, from 0 up

  /// Without high powers: each goes with the multiple of its Chebyshev polynomial, whose size is
  /// the same all over the piece (C. Lanczos 1938).
  static constexpr Series economised(Series c) {
    constexpr Real half = Pieces::width / 2;
    Real power = 1;
    for (auto& coefficient : c) coefficient *= std::exchange(power, power * half);
    for (std::size_t n = c.size() - 1; n >= Pieces::terms; --n)
      // The polynomial of degree n has the powers n, n - 2 ...; each coefficient gives the next.
      for (Real k = static_cast<Real>(n), m = k, of_power = c[n]; k >= 2; k -= 2) {
        of_power *= -k * (k - 1) / ((m + k - 2) * (m - k + 2));
        c[static_cast<std::size_t>(k) - 2] -= of_power;
      }
    power = 1;
    for (auto& coefficient : c) coefficient /= std::exchange(power, power * half);
    return c;
  }
  static constexpr void put(const Series& from, Pieces& to, std::size_t piece) {
    for (std::size_t j = 0; j < Pieces::terms; ++j) to.c[j][piece] = static_cast<float>(from[j]);
  }
  static constexpr Real value(const Series& c, Real x) {
    Real sum = 0;
    for (std::size_t n = c.size(); n-- > 0;) sum = sum * x + c[n];
    return sum;
  }
};

inline constexpr NormalPieces normal_pieces = NormalSeries::pieces();

/// The polynomial at x, 0 <= x <= Pieces::end; NaN stays.
template <class V>
[[gnu::always_inline]] inline Pack<V> by_pieces(const Pieces& pieces, Pack<V> x) {
  const Pack<V> shifted = fused(x, Pack<V>(1 / Pieces::width), Pack<V>(rounder<V>)),
                from = fused(shifted - rounder<V>, Pack<V>(-Pieces::width), x);
  const __m512i piece = _mm512_castps_si512(shifted.v);  // its last five bits, which alone are read
  const auto coefficient = [&](std::size_t k) {
    const float* const all = pieces.c[k].data();
    return Pack<V>(V(_mm512_permutex2var_ps(_mm512_load_ps(all), piece, _mm512_load_ps(all + 16))));
  };
  Pack<V> sum = coefficient(Pieces::terms - 1);
  [&]<std::size_t... k>(std::index_sequence<k...>) {
    ((sum = fused(sum, from, coefficient(Pieces::terms - 2 - k))), ...);
  }(std::make_index_sequence<Pieces::terms - 1>());
  return sum;
}

/// y, but f(x) where x is beyond the pieces below 0.
template <class V, class F>
[[gnu::noinline, gnu::cold]] Pack<V> mended_below_slowly(Pack<V> y, Pack<V> x, F f) {
  return where(x < -Pieces::end, f(x), y);
}
template <class V, class F>
[[gnu::always_inline]] inline Pack<V> mended_below(Pack<V> y, Pack<V> x, F f) {
  return all(!(x < -Pieces::end)) ? y : mended_below_slowly(y, x, f);
}
#endif

}  // namespace gradtape::math
