/// Tensors to test with, and what is read off tensors.
#pragma once

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <string>
#include <utility>
#include <vector>

namespace gradtape::testing {

inline Tensor scalar(double x) { return full({}, x, float64); }
inline Tensor vec(const std::vector<double>& x) { return tensor(x); }
/// A tracked scalar.
inline Tensor leaf(double x, std::string name = {}) {
  return scalar(x).requires_grad(std::move(name));
}

/// Normal numbers.
inline Tensor sample(const Shape& shape, std::uint64_t seed, Dtype dtype = float64) {
  Generator generator(seed);
  return randn(shape, dtype, generator);
}

/// sin(0), sin(1), ... in float64: torch.sin(torch.arange(n)).
inline Tensor sines(const Shape& shape) {
  return reshape(sin(arange(0.0, static_cast<double>(shape.numel()), 1.0, float64)), shape);
}
/// cos(0), cos(0.7), cos(1.4), ... in float64.
inline Tensor cosines(const Shape& shape) {
  return reshape(cos(0.7 * arange(0.0, static_cast<double>(shape.numel()), 1.0, float64)), shape);
}

inline double value(const Tensor& x) { return x.item<double>(); }

/// All elements, of any dtype.
inline std::vector<double> values(const Tensor& x) {
  const Tensor y = x.to(float64);
  return {y.data<double>().begin(), y.data<double>().end()};
}

/// The elements of all tensors in one row.
inline Tensor row_of(const std::vector<Tensor>& parts) {
  std::vector<Tensor> flat;
  for (const auto& part : parts) flat.push_back(flatten(part));
  return concat(flat);
}

/// A number that tells two results apart: sum_i y_i cos(i / 2).
inline double fingerprint(const Tensor& y) {
  const Tensor flat = reshape(y.detach().to(float64), {y.numel()});
  const Tensor places = arange(0.0, static_cast<double>(y.numel()), 1.0, float64);
  return sum(flat * cos(0.5 * places)).item<double>();
}

/// The square of x by an op whose vjp is `vjp(g)`.
template <class F> Tensor square_with(const Tensor& x, F vjp) {
  return record("my_square", (x * x).detach(), {x}, {vjp});
}

}  // namespace gradtape::testing
