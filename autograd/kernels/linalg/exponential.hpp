/// The exponential of one square matrix on raw pointers.
#pragma once

#include <cstdint>

namespace gradtape::kernels {

/// y = e^a, n x n; T: float or double. NaN throughout where an element of a is not finite; an
/// element that is too large for T is infinite.
///
/// By scaling and squaring of Taylor polynomials, which unlike Pade approximants need no system
/// solved: zeros and ones stay exact. Three things keep digits where the norm of a is large beside
/// e^a:
/// - A similarity by powers of two first makes the norm as small as it can.
/// - What is squared is e^x - 1, not e^x, for as long as it is small: (1 + y)^2 - 1 = 2 y + y^2, so
///   that a small element of x does not drown beside the 1 (the fault of overscaling: Al-Mohy and
///   Higham 2009, "A new scaling and squaring algorithm for the matrix exponential").
/// - Floats are computed in double precision, and where there are so many squarings that their
///   rounding errors would show, double precision is doubled once more.
template <class T> void exponential(const T* a, std::int64_t n, T* y);

}  // namespace gradtape::kernels
