// LAPACK stores by columns: what it reads in a row-major matrix is the transpose. It is given that
// where it is as quick with it.

#include "gradtape/autograd/kernels/linalg/lapack.hpp"

#include <algorithm>
#include <cassert>
#include <complex>
#include <limits>

#include <gradtape_blas.h>
#if GRADTAPE_LAPACK
// xtensor-blas brings functions of LAPACK for either precision (those of FLENS, on raw pointers);
// its own xt::linalg takes and gives containers, and does not batch.
#include <xflens/cxxblas/auxiliary/auxiliary.h>
#include <xflens/cxxblas/typedefs.h>
#include <xflens/cxxlapack/interface/geqrf.h>
#include <xflens/cxxlapack/interface/gesdd.h>
#include <xflens/cxxlapack/interface/orgqr.h>
#include <xflens/cxxlapack/interface/syevd.h>
#include <xflens/cxxlapack/interface/geqrf.tcc>
#include <xflens/cxxlapack/interface/gesdd.tcc>
#include <xflens/cxxlapack/interface/orgqr.tcc>
#include <xflens/cxxlapack/interface/syevd.tcc>
#else
#include "gradtape/autograd/error.hpp"

/// In place of LAPACK's routines, in a build without them.
namespace cxxlapack {
[[noreturn]] inline void absent(const char* op) {
  gradtape::fail<gradtape::Error>(op,
                                  "this gradtape was built without LAPACK, which matrices of this "
                                  "size need: install OpenBLAS and build it again");
}
int geqrf(const auto&...) { absent("qr"); }
int orgqr(const auto&...) { absent("qr"); }
int gesdd(const auto&...) { absent("svd"); }
int syevd(const auto&...) { absent("eigh"); }
}  // namespace cxxlapack
#endif

#include "gradtape/autograd/kernels/finite.hpp"
#include "gradtape/autograd/kernels/linalg/factor.hpp"
#include "gradtape/autograd/kernels/linalg/jacobi.hpp"
#include "gradtape/autograd/kernels/matmul/blas.hpp"
#include "gradtape/autograd/kernels/matmul/triangular.hpp"
#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/runtime/serial.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

int narrow(std::int64_t n) { return static_cast<int>(n); }

template <class T> void fill_nan(T* y, std::int64_t count) {
  if (y) std::fill_n(y, count, std::numeric_limits<T>::quiet_NaN());
}

/// Calls routine(work, length) twice: for the length of the workspace, and with one.
template <class T, class Routine> int with_workspace(const Routine& routine) {
  const detail::Serial serial;
  T best = 0;
  routine(&best, -1);
  const int length = std::max(1, static_cast<int>(best) + 1);  // + 1: a float rounds large lengths
  const Scratch<T> work(length);
  return routine(work, length);
}

/// Counts `flops` over operands and results of `elements`.
template <class T> void count(double flops, double elements) {
  detail::count_work(flops, elements * sizeof(T));
}
double cube(std::int64_t n) {
  return static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
}
double product(std::int64_t m, std::int64_t n) {
  return static_cast<double>(m) * static_cast<double>(n);
}

}  // namespace

template <class T> void qr(const T* a, std::int64_t m, std::int64_t n, T* q, T* r) {
  count<T>(4 * product(n, n) * static_cast<double>(m), product(m, 2 * n) + product(n, n));
  if (n == 0) return;
  if (!all_finite(a, m * n)) return fill_nan(q, m * n), fill_nan(r, n * n);
  const Scratch<T> columns(m * n), reflectors(n);
  transpose<T>({a, n}, m, n, {columns, m});
  const int rows = narrow(m), cols = narrow(n);
  with_workspace<T>([&](T* work, int length) {
    return cxxlapack::geqrf(rows, cols, columns, rows, reflectors, work, length);
  });
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) r[i * n + j] = i > j ? T(0) : columns[j * m + i];
  with_workspace<T>([&](T* work, int length) {
    return cxxlapack::orgqr(rows, cols, cols, columns, rows, reflectors, work, length);
  });
  transpose<T>({columns, m}, n, m, {q, n});
}

template <class T> int svd(const T* a, std::int64_t m, std::int64_t n, T* u, T* s, T* vh) {
  const auto k = std::min(m, n);
  count<T>((u ? 20 : 4) * product(k, k) * static_cast<double>(std::max(m, n)),
           product(m, n) + static_cast<double>(k) + (u ? product(k, m + n) : 0));
  if (k == 0) return 0;
  if (!all_finite(a, m * n)) return fill_nan(u, m * k), fill_nan(s, k), fill_nan(vh, k * n), 0;
  if (jacobi_svd(a, m, n, u, s, vh)) return 0;
  // The rows of a are LAPACK's columns. It is quicker with tall matrices than with wide ones, so a
  // tall a is turned, and so are its vectors.
  const bool tall = m > n;
  const Scratch<T> copy(m * n), left(tall && u ? m * k : 0), right(tall && u ? k * k : 0);
  if (tall)
    transpose<T>({a, n}, m, n, {copy, m});
  else
    std::copy_n(a, m * n, copy.get());
  const Scratch<int> integers(8 * k);
  const int rows = narrow(std::max(m, n)), cols = narrow(k);
  T none = 0;
  T *first = vh, *second = u;
  if (!u)
    first = second = &none;
  else if (tall)
    first = left, second = right;
  const int info = with_workspace<T>([&](T* work, int length) {
    return cxxlapack::gesdd(u ? 'S' : 'N', rows, cols, copy.get(), rows, s, first, rows, second,
                            cols, work, length, integers.get());
  });
  if (tall && u) {
    transpose<T>({left, m}, k, m, {u, k});
    transpose<T>({right, k}, k, k, {vh, k});
  }
  return info;
}

template <class T> int eigh(const T* a, std::int64_t n, T* w, T* v) {
  count<T>((v ? 9 : 4.0 / 3) * cube(n), product(n, v ? 2 * n : n) + static_cast<double>(n));
  if (n == 0) return 0;
  bool finite = true;
  for (std::int64_t i = 0; i < n; ++i) finite = finite && all_finite(a + i * n, i + 1);
  if (!finite) return fill_nan(w, n), fill_nan(v, n * n), 0;
  if (jacobi_eigh(a, n, w, v)) return 0;
  const Scratch<T> copy(n * n);
  for (std::int64_t i = 0; i < n; ++i) std::copy_n(a + i * n, i + 1, copy + i * n);
  const detail::Serial serial;
  const int order = narrow(n);
  const auto solve = [&](T* work, int length, int* integers, int integer_length) {
    return cxxlapack::syevd(v ? 'V' : 'N', 'U', order, copy, order, w, work, length, integers,
                            integer_length);
  };
  T best = 0;
  int best_integers = 0;
  solve(&best, -1, &best_integers, -1);
  const int length = static_cast<int>(best) + 1;  // + 1: a float rounds large lengths
  const Scratch<T> work(length);
  const Scratch<int> integers(best_integers);
  const int info = solve(work, length, integers, best_integers);
  if (v) transpose<T>({copy, n}, n, n, {v, n});
  return info;
}

template void qr(const float*, std::int64_t, std::int64_t, float*, float*);
template void qr(const double*, std::int64_t, std::int64_t, double*, double*);
template int svd(const float*, std::int64_t, std::int64_t, float*, float*, float*);
template int svd(const double*, std::int64_t, std::int64_t, double*, double*, double*);
template int eigh(const float*, std::int64_t, float*, float*);
template int eigh(const double*, std::int64_t, double*, double*);

}  // namespace gradtape::kernels
