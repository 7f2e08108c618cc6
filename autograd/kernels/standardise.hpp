/// Mean and variance of groups of elements, on raw pointers.
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
  T* shrink;    ///< a power of two; 1 unless the squares of deviations would leave the range of T
  T* center;    ///< mean shrink, rounded
  T* rest;      ///< what rounding took from it
  T* variance;  ///< times shrink^2
};

/// The frame of every group. The variance divides by the number of elements; it is 0 where all are
/// equal, NaN where one is not finite.
template <class T> void moments(const T* x, Frame<T> frame, AxisView groups);
/// That of the groups [begin, end), of no more than a band of columns (group_loops.hpp) if inner is
/// 1.
template <class T>
void moments_of(const T* x, Frame<T> frame, AxisView groups, std::int64_t begin, std::int64_t end);
/// The same about 0 in place of the mean: center and rest are 0, the variance is the mean square.
template <class T>
void squares_of(const T* x, Frame<T> frame, AxisView groups, std::int64_t begin, std::int64_t end);

}  // namespace gradtape::kernels
