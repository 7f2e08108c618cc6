/// Softmax, log-softmax and cross-entropy on raw pointers, with their backward passes.
#pragma once

#include <cstdint>

#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape::kernels {

// Rows: a matrix of `outer` rows of n elements each; inner is 1.
using detail::AxisView;

// Each row is reduced by one thread in one order, so results do not depend on the number of
// threads, nor on the row's place in the matrix. T: float or double.

/// y = exp(x) / sum(exp(x)), row by row. The rows are shifted to a largest element of 0 first.
template <class T> void softmax(const T* x, T* y, AxisView rows);
/// dx = y (g - sum(g y)) for y = softmax(x).
template <class T> void softmax_backward(const T* g, const T* y, T* dx, AxisView rows);

/// y = x - log(sum(exp(x))), row by row.
template <class T> void log_softmax(const T* x, T* y, AxisView rows);
/// dx = g - exp(y) sum(g) for y = log_softmax(x).
template <class T> void log_softmax_backward(const T* g, const T* y, T* dx, AxisView rows);

/// The mean of -log_softmax(x)[row, target[row]]. offsets: [count, 2]; offsets[row] becomes the
/// row's shift m and log(sum(exp(x - m))), two numbers because their sum would lose digits of the
/// second. target in [0, n), count >= 1.
template <class T>
T cross_entropy(const T* x, const std::int64_t* target, T* offsets, AxisView rows);
/// dx = scale (softmax(x) - one_hot(target)) with the offsets that the forward pass left.
template <class T>
void cross_entropy_backward(const T* x, const std::int64_t* target, const T* offsets, T scale,
                            T* dx, AxisView rows);

}  // namespace gradtape::kernels
