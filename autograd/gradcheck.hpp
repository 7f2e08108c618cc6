/// gradcheck: compares the tape's gradients with finite differences, to second order.
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "gradtape/autograd/parameter.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Options of gradcheck.
struct GradcheckOptions {
  int order = 1;       ///< 2 also checks the gradient of the gradient.
  double rtol = 1e-6;  ///< Accepted |analytic - numeric| relative to the larger of both,
  double atol = 1e-8;  ///< plus this,
  double second_order_slack = 100;  ///< both times this at order 2, where differences are noisier.
  /// Variables that f uses besides its inputs, such as a module's parameters().
  std::vector<Parameter> parameters = {};
  bool convert_float32 = false;  ///< Check float32 inputs as float64 instead of refusing them.
  std::vector<std::string> names = {};  ///< Names of the inputs in messages; "input 0" ... without.
};

/// What gradcheck found. Converts to bool: passed or not; `message` says why not.
struct GradcheckResult {
  bool passed = false;
  /// Empty when passed. Else what was compared, input, element, analytic and numeric value.
  std::string message;
  /// Largest |analytic - numeric| / (atol + rtol * magnitude); passes up to 1.
  double worst_error = 0;
  std::size_t comparisons = 0;  ///< Derivatives compared.
  explicit operator bool() const { return passed; }
};

/// Checks that the vjps behind `f` are right at `inputs`.
///
/// Every element of every floating input (and of `options.parameters`) is moved by central
/// differences in float64, refined by Richardson extrapolation, and compared with the gradient of
/// <w, f(inputs)> for a fixed random w. With order = 2 the same is done for the gradient of
/// <v, gradient>, with respect to inputs, parameters and w. `f` may itself ask for a gradient
/// (`grad` with create_graph), so a check of f' to second order checks f to third.
///
/// Evidence that proves nothing fails with its reason: an input that does not reach the output,
/// all-zero gradients on both sides, a forward pass that differs between two calls, non-finite
/// values, float32 or empty tensors. Never throws for a wrong gradient; exceptions of `f` itself
/// pass through, and parameters always get their values back. Integer and bool inputs and frozen
/// parameters are held fixed.
GradcheckResult gradcheck(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                          const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

/// As above for a function of one tensor, such as a module or a formula:
/// `gradcheck(model, x, {.order = 2, .parameters = model.parameters()})`.
template <class F>
  requires std::is_invocable_r_v<Tensor, const F&, const Tensor&>
GradcheckResult gradcheck(const F& f, const Tensor& input, const GradcheckOptions& options = {}) {
  return gradcheck([&](const std::vector<Tensor>& x) -> Tensor { return f(x[0]); }, {input},
                   options);
}

}  // namespace gradtape
