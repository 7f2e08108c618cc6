/// Scans on raw pointers: results that accumulate along the middle axis.
#pragma once

#include "gradtape/autograd/kernels/reduce.hpp"

namespace gradtape::kernels {

enum class Direction { forward, reverse };

// Each lane x[o, :, j] is walked by one thread in order, so results are the same for every number
// of threads. Floats are accumulated in double.

/// y[o, i, j] = sum of x[o, k, j] over k <= i (k >= i in reverse). T: float, double, std::int64_t.
template <class T> void cumsum(const T* x, T* y, AxisView view, Direction direction);
/// y[o, i, j] = product of x[o, k, j] over k <= i. T: float, double, std::int64_t.
template <class T> void cumprod(const T* x, T* y, AxisView view);
/// y[o, i, j] = log(sum of exp(x[o, k, j]) over k <= i). T: float, double.
template <class T> void logcumsumexp(const T* x, T* y, AxisView view);
/// y[o, i, j] = the k <= i at which x[o, k, j] is the largest: the last of equal ones, the last of
/// NaNs. T: float, double, std::int64_t.
template <class T> void cummax(const T* x, std::int64_t* y, AxisView view);
/// As cummax, for the smallest.
template <class T> void cummin(const T* x, std::int64_t* y, AxisView view);
/// h[i] = b[i] + a[i] h[i - 1] from h[-1] = 0, or in reverse its transpose
/// h[i] = b[i] + a[i + 1] h[i + 1]. A product with h = 0 is 0 whatever a is. T: float, double.
template <class T>
void recurrence(const T* a, const T* b, T* h, AxisView view, Direction direction);

}  // namespace gradtape::kernels
