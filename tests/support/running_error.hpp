/// Numbers that know how exact a computation with them can be: reference formulas are written once,
/// and give the value, the derivative and the bound of the errors of both.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace gradtape::testing::exact {

using std::abs, std::exp, std::expm1, std::log, std::log1p, std::pow, std::sqrt,
    std::tanh;  // of long double

/// A value and its derivative along one direction, both to many digits (Real), and how far off they
/// may be, in units of the roundoff u = 2^-53, where each operation on the way rounds its result
/// (running error analysis: Higham 2002, "Accuracy and stability of numerical algorithms", 3.3).
template <class Real> struct Number {
  Real value = 0, slope = 0;
  Real value_bound = 0, slope_bound = 0;
  bool in_range = true;  ///< whether nothing on the way is too large for float64

  Number() = default;
  Number(double constant) : value(constant) {}
  Number(Real value, Real slope, Real value_bound, Real slope_bound, bool in_range)
      : value(value),
        slope(slope),
        value_bound(value_bound + lost(value)),
        slope_bound(slope_bound + lost(slope)),
        in_range(in_range && fits(value) && fits(slope)) {}

  static bool fits(const Real& x) {
    static const Real most = std::numeric_limits<double>::max();
    return abs(x) <= most;
  }
  /// Where x is too small for float64, all of it may be lost.
  static Real lost(const Real& x) {
    static const Real least = std::numeric_limits<double>::min(), unit = 0x1p53;
    return abs(x) < least ? Real(abs(x) * unit) : Real(0);
  }

  friend Number operator+(const Number& a, const Number& b) {
    const Real total = a.value + b.value, along = a.slope + b.slope;
    return {total, along, a.value_bound + b.value_bound + abs(total),
            a.slope_bound + b.slope_bound + abs(along), a.in_range && b.in_range};
  }
  friend Number operator-(const Number& a) {
    return {-a.value, -a.slope, a.value_bound, a.slope_bound, a.in_range};
  }
  friend Number operator-(const Number& a, const Number& b) { return a + -b; }
  friend Number operator*(const Number& a, const Number& b) {
    const Real product = a.value * b.value, left = a.slope * b.value, right = a.value * b.slope;
    return {product, left + right,
            abs(a.value) * b.value_bound + abs(b.value) * a.value_bound + abs(product),
            abs(a.slope) * b.value_bound + abs(b.value) * a.slope_bound + 2 * abs(left) +
                abs(a.value) * b.slope_bound + abs(b.slope) * a.value_bound + 2 * abs(right),
            a.in_range && b.in_range && fits(left) && fits(right)};
  }
  friend Number operator/(const Number& a, const Number& b) {
    const Real one = 1 / b.value;
    return a * b.mapped(one, -one * one, 2 * one * one * one);
  }
  friend bool operator<(const Number& a, const Number& b) { return a.value < b.value; }
  friend bool operator>(const Number& a, const Number& b) { return b < a; }

  /// f of this, given f and its derivatives here; f itself is right to 2 units.
  Number mapped(const Real& f, const Real& first, const Real& second) const {
    return {f, first * slope, abs(first) * value_bound + 2 * abs(f),
            abs(first) * slope_bound + abs(slope) * (abs(second) * value_bound + 3 * abs(first)),
            in_range && fits(f)};
  }
  /// The value alone, exact and with the slope 0: what may be subtracted and added again.
  [[nodiscard]] Number constant() const { return {value, 0, 0, 0, in_range}; }

  friend Number exp(const Number& x) {
    const Real y = exp(x.value);
    return x.mapped(y, y, y);
  }
  friend Number expm1(const Number& x) {
    const Real y = exp(x.value);
    return x.mapped(expm1(x.value), y, y);
  }
  friend Number log(const Number& x) {
    const Real one = 1 / x.value;
    return x.mapped(log(x.value), one, -one * one);
  }
  friend Number log1p(const Number& x) {
    const Real one = 1 / (1 + x.value);
    return x.mapped(log1p(x.value), one, -one * one);
  }
  friend Number sqrt(const Number& x) {
    const Real y = sqrt(x.value);
    return x.mapped(y, 1 / (2 * y), -1 / (4 * y * x.value));
  }
  friend Number pow(const Number& x, double power) {
    const Real y = pow(x.value, Real(power)), first = power * y / x.value;
    return x.mapped(y, first, (power - 1) * first / x.value);
  }
  friend Number sigmoid(const Number& x) {
    const Real e = exp(-abs(x.value)), y = (x.value > 0 ? Real(1) : e) / (1 + e);
    const Real first = e / ((1 + e) * (1 + e));
    return x.mapped(y, first, first * (1 - 2 * y));
  }
  friend Number tanh(const Number& x) {
    const Real e = exp(-2 * abs(x.value)), y = tanh(x.value), first = 4 * e / ((1 + e) * (1 + e));
    return x.mapped(y, first, -2 * y * first);
  }
  /// x^(1/p), 1 / p not rounded.
  friend Number root(const Number& x, double p) {
    const Real power = 1 / Real(p), y = pow(x.value, power), first = power * y / x.value;
    return x.mapped(y, first, (power - 1) * first / x.value);
  }
  friend Number abs(const Number& x) { return x.value < 0 ? -x : x; }
  friend Number square(const Number& x) { return x * x; }
};

/// The sum in any order: each of n - 1 additions rounds what is at most the sum of all |terms|.
template <class Real> Number<Real> sum(const std::vector<Number<Real>>& terms) {
  Number<Real> total;
  Real values = 0, slopes = 0;
  for (const auto& x : terms) {
    total.value += x.value;
    total.slope += x.slope;
    total.value_bound += x.value_bound;
    total.slope_bound += x.slope_bound;
    total.in_range = total.in_range && x.in_range;
    values += abs(x.value);
    slopes += abs(x.slope);
  }
  const Real additions = static_cast<double>(std::max<std::size_t>(terms.size(), 2) - 1);
  total.value_bound += additions * values;
  total.slope_bound += additions * slopes;
  total.in_range =
      total.in_range && Number<Real>::fits(total.value) && Number<Real>::fits(total.slope);
  return total;
}

}  // namespace gradtape::testing::exact
