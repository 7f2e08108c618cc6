/// What the tests of the tape share.
#pragma once

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <string>
#include <utility>
#include <vector>

namespace gradtape::testing {

inline Tensor scalar(double x) { return full({}, x, float64); }
inline Tensor leaf(double x, std::string name = {}) {
  return scalar(x).requires_grad(std::move(name));
}
inline double value(const Tensor& x) { return x.item<double>(); }
inline Tensor vec(std::vector<double> x) { return tensor(x); }

/// The text of the error that `f` throws.
template <class E, class F> std::string error(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("another type: ") + e.what();
  }
  return "no error";
}

/// The square of x by an op whose vjp is `vjp(g)`.
template <class F> Tensor square_with(const Tensor& x, F vjp) {
  return record("my_square", (x * x).detach(), {x}, {vjp});
}

}  // namespace gradtape::testing
