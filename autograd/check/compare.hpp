/// Evidence: analytic and numeric derivatives side by side, and what each pair shows.
#pragma once

#include "gradtape/autograd/check/difference.hpp"

namespace gradtape::gradient_check {

/// What one comparison shows.
enum class Finding {
  agrees,
  kink,     ///< at a kink, and the analytic slope is a subgradient there
  unclear,  ///< outside the error bar, but the discrepancy does not persist; or no numeric value
  wrong,
};

/// A derivative twice.
struct Estimate {
  std::int64_t element = -1;  ///< -1: along a random direction
  double analytic = 0;
  Difference numeric;
  Finding finding = Finding::agrees;
  double remainder_order = NAN;    ///< of a wrong one
  double left = NAN, right = NAN;  ///< the slopes at a kink

  double discrepancy() const { return std::abs(analytic - numeric.value); }
};

/// All that was compared for one tensor that varies.
struct Evidence {
  bool reached = true;  ///< the tape leads there
  Vector analytic;      ///< the whole gradient
  std::vector<Estimate> estimates;
  std::vector<Estimate> directions;  ///< of the fast mode
  double scale = 0;                  ///< the size of its largest derivative
  double rounding = 0;               ///< what the analytic values may be off by
  double negligible = 0;             ///< a discrepancy that nobody is blamed for

  bool any(Finding finding) const;
  /// Whether a derivative is known not to be 0.
  bool proves_something() const;
  double widest_error() const;
};

/// A probe with its evidence, tensor by tensor.
struct Comparison {
  Probe probe;
  Vector noise;
  double size;  ///< of the largest term of <w, y>, at order 2 of either order
  bool exact;
  std::vector<Evidence> inputs;

  bool any(Finding finding) const;
  /// A derivative along one element of an input, by differences alone.
  Estimate estimate(std::size_t input, std::int64_t element) const;
};

/// Compares element by element, or along random directions; in a wrong direction it then looks for
/// wrong elements by bisection, and samples others. `size` is that of the comparison of the order
/// below.
Comparison compare(Probe probe, bool exact, int directions, double size = 0);

}  // namespace gradtape::gradient_check
