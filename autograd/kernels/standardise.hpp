/// Mean and variance of groups of elements, and what normalisations make of them, on raw pointers.
#pragma once

#include <cstdint>

#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape::kernels {

// Groups: an array seen as [outer, n, inner], of which group k is all of [:, k, :]. Rows of a
// matrix are {1, rows, columns}, channels of images {n, channels, height width}.
using detail::AxisView;

// Results do not depend on the number of threads. T: float or double. Each group has an element.

/// From where each group is looked at, n numbers each. The deviation of x from the mean is
/// ((x shrink - center) - rest) / shrink: no digit of it is lost to a mean that had to be rounded,
/// and no square of it overflows.
template <class T> struct Frame {
  T* shrink;  ///< a power of two; 1 unless the squares of deviations would leave the range of T
  T* center;  ///< mean shrink, rounded
  T* rest;    ///< what rounding took from it
  T* scale;   ///< at first the variance times shrink^2
};

/// The frame of every group. The variance divides by the number of elements; it is 0 where all are
/// equal, NaN where one is not finite.
template <class T> void moments(const T* x, Frame<T> frame, AxisView groups);
/// Makes the variance the factor that standardises: scale = 1 / sqrt(scale + eps shrink^2).
template <class T> void invert(Frame<T> frame, double eps, std::int64_t groups);
/// y = ((x shrink - center) - rest) scale, with the numbers of each group.
template <class T> void standardise(const T* x, Frame<const T> frame, T* y, AxisView groups);
/// dx = shrink scale (g - mean(g) - y mean(g y)) for y as above. Where g is 0 throughout a group,
/// dx is 0.
template <class T>
void standardise_backward(const T* g, const T* x, Frame<const T> frame, T* dx, AxisView groups);

}  // namespace gradtape::kernels
