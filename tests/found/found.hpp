/// Faults and frictions that users of this library and of others reported, each with the right
/// answer:
/// `./tests/found/run` runs them all.
#pragma once

#include <gradtape/gradtape.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "support/close.hpp"
#include "support/text.hpp"

namespace gradtape::testing {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// The gradient of sum(f(x)).
template <class F> Tensor slope(const F& f, const Tensor& x) {
  const Tensor leaf = x.requires_grad();
  return grad(sum(f(leaf)), {leaf})[0];
}

/// The second derivative of an elementwise f.
template <class F> Tensor curvature(const F& f, const Tensor& x) {
  const Tensor leaf = x.requires_grad();
  const Tensor first = grad(sum(f(leaf)), {leaf}, {.create_graph = true})[0];
  if (!first.is_tracked()) return zeros_like(x);  // a constant slope
  return grad(sum(first), {leaf}, {.allow_unused = true})[0];
}

/// Whether the elements are `expected`, each to a relative `tolerance`; NaN and infinities as they
/// are.
inline bool is(const Tensor& x, const std::vector<double>& expected, double tolerance = 1e-12) {
  const std::vector<double> elements = x.detach().to(float64).values<double>();
  if (elements.size() != expected.size()) return false;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const double a = elements[i], b = expected[i];
    const bool same = a == b || (a != a && b != b) || std::abs(a - b) <= tolerance * std::abs(b);
    if (!same) return false;
  }
  return true;
}

}  // namespace gradtape::testing
