/// Decompositions of small matrices by plane rotations (Jacobi's methods), which take a few of them
/// where LAPACK takes as long for its preparations. As accurate as LAPACK's or more so.
#pragma once

#include <cstdint>

namespace gradtape::kernels {

/// Matrices of up to so many rows and columns.
inline constexpr std::int64_t jacobi_limit = 6;

/// As svd in lapack.hpp, for finite a. False, and nothing done, for a matrix that is not small or
/// has no full rank, so that vectors are missing.
template <class T> bool jacobi_svd(const T* a, std::int64_t m, std::int64_t n, T* u, T* s, T* vh);

/// As eigh in lapack.hpp, for finite a. False, and nothing done, for a matrix that is not small.
template <class T> bool jacobi_eigh(const T* a, std::int64_t n, T* w, T* v);

}  // namespace gradtape::kernels
