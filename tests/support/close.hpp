/// Comparison of numbers and tensors up to a tolerance that is always stated.
#pragma once

#include <gradtape/autograd/ops/comparison.hpp>

#include <doctest/doctest.h>

namespace gradtape::testing {

/// What is equal to any x with |x - value| < tolerance (1 + the larger of |x| and |value|):
///
///     CHECK(loss.item<double>() == close(0.25, 1e-12));
inline doctest::Approx close(double value, double tolerance) {
  return doctest::Approx(value).epsilon(tolerance);
}

/// Whether two tensors have one shape and elements with |a - b| <= tolerance (1 + |b|).
inline bool close(const Tensor& a, const Tensor& b, double tolerance) {
  return a.shape() == b.shape() && allclose(a, b, tolerance, tolerance);
}

}  // namespace gradtape::testing
