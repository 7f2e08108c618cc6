// An op of your own, gradient-checked to second order; the same as a formula; and a slip, caught.
#include <fmt/format.h>

#include <cmath>
#include <vector>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/formula.hpp>

using namespace gradtape;

template <class T> Tensor values_of(const Tensor& x) {
  std::vector<T> y;
  for (const T v : x.data<T>()) y.push_back(std::sqrt(1 + v * v) - 1);
  return tensor(y, x.shape());
}
Tensor values(const Tensor& x) {
  return x.dtype() == float32 ? values_of<float>(x) : values_of<double>(x);
}

/// y = sqrt(1 + x^2) - 1: a parabola near 0, |x| far away. Its slope is x / (y + 1).
///
/// An op computes its value in any way it likes, here in a plain loop, and gives `record` one
/// vector-Jacobian product per input. That is written in tensors, so it can itself be
/// differentiated; the op's own result is its second argument.
Tensor pseudo_huber(const Tensor& x) {
  return record("pseudo_huber", values(x), {x},
                {[x](const Tensor& g, const Tensor& y) { return g * x / (y + 1.0); }});
}

/// A plausible slip: the slope of the parabola, right near 0 only.
Tensor pseudo_huber_slip(const Tensor& x) {
  return record("pseudo_huber_slip", values(x), {x}, {[x](const Tensor& g) { return g * x; }});
}

/// The same as a formula: one pass forward, one pass backward, and no derivative to write.
const auto pseudo_huber_formula =
    formula("pseudo_huber", [](auto x) { return sqrt(1.0 + x * x) - 1.0; });

bool report(const char* what, const GradcheckResult& result) {
  fmt::print("{:<15} {}", what, result ? "passed" : "failed");
  if (result)
    fmt::print(" ({} comparisons, worst error {:.1e} of what is allowed)\n", result.comparisons,
               result.worst_error);
  else
    fmt::print(":\n{}\n", result.message);
  return static_cast<bool>(result);
}

int main() {
  const Tensor x = linspace(-2, 3, 7, float64);
  const bool recorded_right = report("recorded op", gradcheck(pseudo_huber, x, {.order = 2}));
  const bool formula_right = report("formula", gradcheck(pseudo_huber_formula, x, {.order = 2}));
  const bool slip_passed = report("op with a slip", gradcheck(pseudo_huber_slip, x, {.order = 2}));
  const bool equal = allclose(pseudo_huber(x), pseudo_huber_formula(x), 1e-12, 1e-12);
  fmt::print("op and formula {}\n", equal ? "agree" : "differ");
  return recorded_right && formula_right && !slip_passed && equal ? 0 : 1;
}
