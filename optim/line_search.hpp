/// The line search of LBFGS.
#pragma once

#include <functional>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::optim::detail {

/// A function of many variables at x + t d.
struct LinePoint {
  double t = 0;
  double value = 0;
  double slope = 0;  ///< Along d: <gradient, d>.
  Tensor gradient;
};

/// A step length that satisfies the strong Wolfe conditions
///
///     f(t) <= f(0) + c1 t f'(0)   and   |f'(t)| <= c2 |f'(0)|   with c1 = 1e-4, c2 = 0.9,
///
/// or the lowest point seen after 25 trials, or once the interval around it, times `size`, is below
/// `tolerance`. Nocedal and Wright 2006, "Numerical optimization", Algorithms 3.5 and 3.6, with the
/// interpolation and safeguards of Schmidt's minFunc, as in PyTorch. Where f is not finite, t is
/// too long. `line` is asked for other points than `start`, which has t = 0; `t` is the first of
/// them.
LinePoint strong_wolfe(const std::function<LinePoint(double t)>& line, const LinePoint& start,
                       double t, double size, double tolerance);

}  // namespace gradtape::optim::detail
