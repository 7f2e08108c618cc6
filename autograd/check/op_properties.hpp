/// What every op promises, one function a promise. test_op runs them on a user's op, the
/// library's own tests on every op of the library.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::op_properties {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;
using Tensors = std::vector<Tensor>;

/// Whether a promise is kept. Converts to bool.
struct Outcome {
  bool applies = true;  ///< false: there is nothing to promise for such inputs
  std::string problem;  ///< empty: kept
  explicit operator bool() const { return problem.empty(); }
};

/// A fixed cotangent of y: numbers from 0.5 to 1.5.
Tensor cotangent(const Tensor& y);

/// gradcheck passes.
Outcome gradient_is_right(const Function& f, const Tensors& x, int order);
/// Value and gradient in float32 are those in float64, up to parts of the largest element.
Outcome float32_agrees(const Function& f, const Tensors& x, double value_tolerance = 2e-6,
                       double gradient_tolerance = 1e-5);
/// float32 and float64 together throw a DtypeError that begins with the op's name (where given)
/// and names both.
Outcome dtypes_do_not_mix(const Function& f, const Tensors& x, const std::string& op = {});
/// Neither the forward nor the backward pass writes into inputs, output or cotangent.
Outcome inputs_are_untouched(const Function& f, const Tensors& x);
/// The first-order pass gives what the recorded one gives, in both dtypes, untracked.
Outcome fast_pass_equals_recorded(const Function& f, const Tensors& x);
/// A cotangent of zeros gives gradients of exact zeros, never NaN.
Outcome zero_cotangent_gives_zero(const Function& f, const Tensors& x);
/// A backward pass visits each node of the graph once.
Outcome nodes_are_visited_once(const Function& f, const Tensors& x);
/// The gradients have the shapes of the inputs, and are 0 where the output is empty. Applies where
/// something is empty.
Outcome empty_tensors_work(const Function& f, const Tensors& x);
/// Whichever of the inputs are tracked, the value has the same bits, and those that are tracked
/// have the same gradients.
Outcome any_inputs_may_be_tracked(const Function& f, const Tensors& x);
/// One tensor passed as two inputs gets the sum of the gradients of two equal ones. Applies where f
/// takes equal ones.
Outcome inputs_may_be_one_tensor(const Function& f, const Tensors& x);
/// Inputs and cotangents that transpose() has not moved yet give what those give that lie in order,
/// up to the order of sums in BLAS. Applies where something has two axes of extents above 1.
Outcome lazy_transposes_agree(const Function& f, const Tensors& x);
/// A result that nobody uses, of an op with several, counts as one with a cotangent of zeros.
Outcome unused_results_count_as_zero(const std::function<Tensors(const Tensors&)>& f,
                                     const Tensors& x);

}  // namespace gradtape::op_properties
