/// Derivatives by differences, with error bars.
#pragma once

#include "gradtape/autograd/check/problem.hpp"

#include <cmath>

namespace gradtape::gradient_check {

/// A bar is this many standard deviations of a rounding error wide. Extrapolation adds up several
/// slopes with weights up to 4/3, and thousands of comparisons must all hold.
constexpr double safety = 12;

/// A derivative by differences: it lies within value +- error.
struct Difference {
  double value = NAN, error = INFINITY;
  double step = 0;     ///< the one that the value owes most to
  bool bends = false;  ///< the slopes to both sides do not approach each other
};

/// The standard deviation of the rounding error of each element of y(x), from differences of fourth
/// order between seven neighbours, to which the smooth part adds next to nothing
/// (Hamming 1962; More and Wild 2011, "Estimating computational noise"). `spacing` is relative to
/// the elements of x; the neighbours lie to one side, for x may be a kink. At least half a unit in
/// the last place.
Vector measure_noise(const std::function<Vector(const Tensors&)>& y, const Tensors& x,
                     double spacing);

/// <w, y> along a line x + t d through one of the tensors.
class Line {
 public:
  /// Along one element, in units of 1 or of the element where that is larger.
  Line(const Probe& probe, const Vector& noise, std::size_t input, std::int64_t element);
  /// Along any direction.
  Line(const Probe& probe, const Vector& noise, std::size_t input, Vector direction);

  /// Central differences over halved steps, extrapolated to step 0 (Richardson 1911), for the step
  /// and the order whose error bar is narrowest (Ridders 1982).
  Difference derivative() const;
  /// The slope to one side: +1 or -1.
  Difference one_sided(int side) const;
  /// The order in h with which the odd part of the Taylor remainder, (y(h) - y(-h))/2 - h a,
  /// shrinks over steps where it is h |discrepancy|: 1 if that is real. NAN if there are no such
  /// steps: then the discrepancy does not outlive the shrinking of the steps.
  double remainder_order(double analytic, double discrepancy) const;
  /// The derivative of every element of y, around the step of `found`.
  Vector column(const Difference& found) const;

 private:
  struct Slope {
    double value, rounding;
  };
  Vector at(double t) const;
  /// The slope of <w, y> between two points, and the standard deviation of its rounding error.
  Slope slope(double from, double to) const;
  Slope slope(double from, double to, const Vector& low, const Vector& high) const;
  template <class SlopeAt> Difference extrapolate(SlopeAt slope_at, double base) const;

  const Probe& probe_;
  const Vector& noise_;
  std::size_t input_;
  Vector x_, direction_;
  std::int64_t element_ = -1;
  double unit_ = 1;
  mutable Vector middle_;  // y at t = 0, once it was needed
};

}  // namespace gradtape::gradient_check
