/// Euclidean distances between all rows of two matrices, on raw pointers.
#pragma once

#include <cstdint>

namespace gradtape::kernels {

/// `count` pairs of matrices: a is [n, d], b is [m, d].
struct Pairs {
  std::int64_t count, n, m, d;
};

// Results do not depend on the number of threads. T: float or double.

/// y[i, j] = |a_i - b_j|. The differences are squared as they are: |a|^2 + |b|^2 - 2 a b would lose
/// the digits of small ones. Where squares over- or underflow, they are scaled.
template <class T> void euclidean(const T* a, const T* b, T* y, Pairs pairs);
/// da_i = sum_j w[i, j] (a_i - b_j); terms with w 0 count as 0.
template <class T>
void weighted_differences(const T* w, const T* a, const T* b, T* da, Pairs pairs);
/// y[i, j] = sum_c g[i, c] (a[i, c] - b[j, c]); terms with g 0 count as 0.
template <class T>
void products_with_differences(const T* g, const T* a, const T* b, T* y, Pairs pairs);

}  // namespace gradtape::kernels
