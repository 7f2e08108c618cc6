/// Mean and variance of groups of elements, and what normalisations make of them, on raw pointers.
#pragma once

#include <cstdint>

#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape::kernels {

// Groups: an array seen as [outer, n, inner], of which group k is all of [:, k, :]. Rows of a
// matrix are {1, rows, columns}, channels of images {n, channels, height width}.
using detail::AxisView;

// Results do not depend on the number of threads. T: float or double. Each group has an element.

/// mean[k] and the variance var[k] = mean((x - mean)^2) of every group.
template <class T> void moments(const T* x, T* mean, T* var, AxisView groups);
/// y = (x - mean) scale, with the numbers of each group.
template <class T>
void standardise(const T* x, const T* mean, const T* scale, T* y, AxisView groups);
/// dx = scale (g - mean(g) - y mean(g y)) for y = (x - mean) scale, where scale is 1 / sqrt(var +
/// eps). Where g is 0 throughout a group, dx is 0.
template <class T>
void standardise_backward(const T* g, const T* x, const T* mean, const T* scale, T* dx,
                          AxisView groups);

}  // namespace gradtape::kernels
