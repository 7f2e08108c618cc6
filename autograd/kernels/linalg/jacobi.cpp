#include "gradtape/autograd/kernels/linalg/jacobi.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gradtape::kernels {
namespace {

using std::int64_t;

constexpr int64_t limit = jacobi_limit;
constexpr int most_sweeps = 40;  // some 6 are needed
template <class T> constexpr T epsilon = std::numeric_limits<T>::epsilon();

/// A few vectors, one a row; those of `count` elements are filled up with zeros.
template <class T> struct Rows {
  T at[limit][8] = {};
};

/// The rotation that makes the off-diagonal element of [p, off; off, q] 0.
template <class T> struct Rotation {
  T t, c, s;

  Rotation(T p, T q, T off) {
    const T zeta = (q - p) / (2 * off), size = std::abs(zeta);
    // The square of a large zeta may overflow, and then the 1 beside it is nothing.
    const T large = 1 / epsilon<T>;
    t = std::copysign(size > large ? 1 / (2 * size) : 1 / (size + std::sqrt(1 + zeta * zeta)),
                      zeta);
    c = 1 / std::sqrt(1 + t * t);
    s = c * t;
  }
  /// x, y = c x - s y, s x + c y
  void turn(T* x, T* y) const {
    for (int k = 0; k < 8; ++k) {
      const T before = x[k];
      x[k] = c * before - s * y[k];
      y[k] = s * before + c * y[k];
    }
  }
};

template <class T> T dot(const T* x, const T* y) {
  T sum = 0;
  for (int k = 0; k < 8; ++k) sum += x[k] * y[k];
  return sum;
}

template <class T> Rows<T> identity(int64_t n) {
  Rows<T> rows;
  for (int64_t i = 0; i < n; ++i) rows.at[i][i] = 1;
  return rows;
}

/// That of the power of two near the largest of `count` elements; the least where all are 0.
template <class T> int exponent(const T* a, int64_t count) {
  T largest = 0;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(a[i]));
  return largest > 0 ? std::ilogb(largest) : std::numeric_limits<T>::min_exponent;
}

/// 0 ... n - 1 in the order of `values`: ascending, or descending.
template <class T> void sort_places(const T* values, int64_t n, bool descending, int* order) {
  for (int i = 0; i < n; ++i) {
    int at = i;
    for (; at > 0 &&
           (descending ? values[i] > values[order[at - 1]] : values[i] < values[order[at - 1]]);
         --at)
      order[at] = order[at - 1];
    order[at] = i;
  }
}

/// Turns the rows of x until they are orthogonal, and those of `turned` with them.
template <class T> bool orthogonalise(Rows<T>& x, Rows<T>& turned, int64_t rows) {
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    bool done = true;
    for (int64_t i = 0; i < rows; ++i)
      for (auto j = i + 1; j < rows; ++j) {
        const T p = dot(x.at[i], x.at[i]), q = dot(x.at[j], x.at[j]), off = dot(x.at[i], x.at[j]);
        if (std::abs(off) <= epsilon<T> * std::sqrt(p) * std::sqrt(q)) continue;
        done = false;
        const Rotation<T> rotation(p, q, off);
        rotation.turn(x.at[i], x.at[j]);
        rotation.turn(turned.at[i], turned.at[j]);
      }
    if (done) return true;
  }
  return false;
}

}  // namespace

template <class T> bool jacobi_svd(const T* a, int64_t m, int64_t n, T* u, T* s, T* vh) {
  if (std::max(m, n) > limit) return false;
  const bool tall = m > n;
  const auto k = std::min(m, n);
  const int size = exponent(a, m * n);
  const T scale = std::ldexp(T(1), -size);
  Rows<T> x, left = identity<T>(k);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) (tall ? x.at[j][i] : x.at[i][j]) = a[i * n + j] * scale;
  if (!orthogonalise(x, left, k)) return false;
  T norms[limit] = {};
  for (int64_t i = 0; i < k; ++i) norms[i] = std::sqrt(dot(x.at[i], x.at[i]));
  int order[limit] = {};
  sort_places(norms, k, true, order);
  const T least = norms[order[k - 1]];
  if (u && !(least > static_cast<T>(4 * limit) * epsilon<T> * norms[order[0]])) return false;
  for (int64_t i = 0; i < k; ++i) {
    const int from = order[i];
    s[i] = std::ldexp(norms[from], size);
    if (!u) continue;
    for (int64_t j = 0; j < m; ++j)
      u[j * k + i] = tall ? x.at[from][j] / norms[from] : left.at[from][j];
    for (int64_t j = 0; j < n; ++j)
      vh[i * n + j] = tall ? left.at[from][j] : x.at[from][j] / norms[from];
  }
  return true;
}

template <class T> bool jacobi_eigh(const T* a, int64_t n, T* w, T* v) {
  if (n > limit) return false;
  Rows<T> x, vectors = identity<T>(n);
  int size = std::numeric_limits<T>::min_exponent;
  for (int64_t i = 0; i < n; ++i) size = std::max(size, exponent(a + i * n, i + 1));
  const T scale = std::ldexp(T(1), -size);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j <= i; ++j) x.at[i][j] = x.at[j][i] = a[i * n + j] * scale;
  bool done = false;
  for (int sweep = 0; !done && sweep < most_sweeps; ++sweep) {
    done = true;
    for (int64_t i = 0; i < n; ++i)
      for (auto j = i + 1; j < n; ++j) {
        const T p = x.at[i][i], q = x.at[j][j], off = x.at[i][j], magnitude = std::abs(off);
        if (magnitude <= epsilon<T> * std::sqrt(std::abs(p)) * std::sqrt(std::abs(q)) ||
            magnitude <= epsilon<T> * epsilon<T>)
          continue;
        done = false;
        const Rotation<T> rotation(p, q, off);
        for (int64_t k = 0; k < n; ++k) {  // columns, then rows
          const T before = x.at[k][i];
          x.at[k][i] = rotation.c * before - rotation.s * x.at[k][j];
          x.at[k][j] = rotation.s * before + rotation.c * x.at[k][j];
        }
        rotation.turn(x.at[i], x.at[j]);
        rotation.turn(vectors.at[i], vectors.at[j]);
        x.at[i][i] = p - rotation.t * off;
        x.at[j][j] = q + rotation.t * off;
        x.at[i][j] = x.at[j][i] = 0;
      }
  }
  if (!done) return false;
  T values[limit] = {};
  for (int64_t i = 0; i < n; ++i) values[i] = x.at[i][i];
  int order[limit] = {};
  sort_places(values, n, false, order);
  for (int64_t i = 0; i < n; ++i) {
    w[i] = std::ldexp(values[order[i]], size);
    for (int64_t j = 0; v && j < n; ++j) v[j * n + i] = vectors.at[order[i]][j];
  }
  return true;
}

template bool jacobi_svd(const float*, int64_t, int64_t, float*, float*, float*);
template bool jacobi_svd(const double*, int64_t, int64_t, double*, double*, double*);
template bool jacobi_eigh(const float*, int64_t, float*, float*);
template bool jacobi_eigh(const double*, int64_t, double*, double*);

}  // namespace gradtape::kernels
