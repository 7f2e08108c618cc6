/// Reductions on raw pointers.
#pragma once

#include <cstdint>

#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape::kernels {

using detail::AxisView;  // a reduction drops the middle axis

// Each result is the same for every number of threads. T: float, double, std::int64_t or bool.

/// y[o, j] = sum_i x[o, i, j]; pairwise, so that rounding errors grow with the logarithm of n. Out
/// is T, or std::int64_t for bool.
template <class T, class Out> void sum(const T* x, Out* y, AxisView view);
/// y[o, j] = sum_i x[o, i, j] / n for n > 0, which overflows for no finite x. T: float or double.
template <class T> void mean(const T* x, T* y, AxisView view);
/// y[o, j] = prod_i x[o, i, j]
template <class T, class Out> void prod(const T* x, Out* y, AxisView view);
/// y[o, j] = max_i x[o, i, j]; NaN wins. n >= 1.
template <class T> void max(const T* x, T* y, AxisView view);
/// y[o, j] = min_i x[o, i, j]; NaN wins. n >= 1.
template <class T> void min(const T* x, T* y, AxisView view);
/// The first i at which x[o, i, j] is the largest, or NaN. n >= 1.
template <class T> void argmax(const T* x, std::int64_t* y, AxisView view);
/// The first i at which x[o, i, j] is the smallest, or NaN. n >= 1.
template <class T> void argmin(const T* x, std::int64_t* y, AxisView view);

/// y[o, i, j] = the product of x[o, k, j] over all k but i. T: float or double.
template <class T> void exclusive_prod(const T* x, T* y, AxisView view);

}  // namespace gradtape::kernels
