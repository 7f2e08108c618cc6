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

// The cross-entropy of a row is -sum_c a_c log_softmax(x)_c for the a that the row asks for. The
// forward pass leaves in offsets the shift m of every row, then log(sum(exp(x - m))): two numbers,
// because their sum would lose digits of the second.

/// Rows that ask for one class each:
/// a = (1 - smoothing) weight[index] one_hot(index) + smoothing / n weight, where index >= 0.
template <class T> struct ClassTargets {
  const std::int64_t* index;  ///< [count], below n; a row with a negative one asks for nothing.
  const T* weight;            ///< [n], or null where all are 1.
  double smoothing;
};
/// Rows that ask for a = wanted[row].
template <class T> struct SoftTargets {
  const T* wanted;  ///< [count, n]
};
/// What a backward pass multiplies the gradient of each row with: scale[row], or one number.
template <class T> struct RowScale {
  const T* scale;
  bool one_for_all;
  T operator[](std::int64_t row) const { return scale[one_for_all ? 0 : row]; }
};

/// loss: [count], offsets: [2, count]
template <class T>
void cross_entropy(const T* x, const ClassTargets<T>& target, T* offsets, double* loss,
                   AxisView rows);
template <class T>
void cross_entropy(const T* x, const SoftTargets<T>& target, T* offsets, double* loss,
                   AxisView rows);
/// dx = scale (sum(a) softmax(x) - a), and 0 in rows whose scale is 0.
template <class T>
void cross_entropy_backward(const T* x, const ClassTargets<T>& target, const T* offsets,
                            RowScale<T> scale, T* dx, AxisView rows);
template <class T>
void cross_entropy_backward(const T* x, const SoftTargets<T>& target, const T* offsets,
                            RowScale<T> scale, T* dx, AxisView rows);

}  // namespace gradtape::kernels
