/// gradcheck: compares the tape's gradients with finite differences, to second order, and says what
/// is wrong with a wrong one.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "gradtape/autograd/check/call.hpp"
#include "gradtape/autograd/parameter.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// What a gradient check concludes.
enum class Verdict {
  pass,          ///< Analytic and numeric derivatives agree, within bars that are narrow enough.
  fail,          ///< They differ by more than the error bar, and the Taylor remainder confirms it.
  inconclusive,  ///< The numbers prove neither: noise, kinks, zeros on both sides, randomness.
};
/// "pass", "fail" or "inconclusive".
const char* name(Verdict verdict);

/// The likely cause of a verdict that is not a pass.
enum class Cause {
  none,               ///< It passed.
  unknown,            ///< Wrong, but no hypothesis explains it.
  wrong_sign,         ///< The analytic gradient is minus the numeric one.
  constant_factor,    ///< It is a constant times it; the report names the factor.
  transposed,         ///< It, an operand or the cotangent is transposed.
  missing_sum,        ///< It holds one slice of a sum over an axis of the output.
  extra_sum,          ///< It was summed over too many axes.
  overwritten,        ///< It holds one of several contributions, which should be added up.
  ignores_cotangent,  ///< It does not depend on the incoming cotangent.
  nonlinear,          ///< It is not linear in the incoming cotangent.
  passes_cotangent,   ///< It is the incoming cotangent: the slope of the op itself is missing.
  wrong_input,        ///< It is the gradient of another input.
  permuted,           ///< The right values in the wrong places.
  zero,               ///< It is 0 where the function has a slope.
  detached,           ///< The gradient is cut off from the graph, so it has no gradient itself.
  unnamed_parameter,  ///< The function uses a variable that is neither input nor listed parameter.
  unreachable,        ///< The tape does not lead to the input, but the function depends on it.
  not_finite,         ///< NaN or infinite.
  float32_precision,  ///< Somewhere float64 numbers were rounded to float32.
  random_forward,     ///< Two calls with the same inputs gave two outputs.
  random_backward,    ///< Two backward passes gave two gradients.
  kink,               ///< The function has a kink where it was checked.
  noise,              ///< Rounding or roughness of the function hides its slope.
  no_evidence,        ///< Nothing to check, or zeros on both sides.
};
/// The cause in words, such as "wrong sign".
const char* name(Cause cause);

/// Options of gradcheck.
struct GradcheckOptions {
  int order = 1;  ///< 2 also checks the gradient of the gradient.
  /// Variables that f uses besides its inputs, such as a module's parameters().
  std::vector<Parameter> parameters = {};
  bool convert_float32 = false;  ///< Check float32 inputs as float64 instead of refusing them.
  std::vector<std::string> names = {};  ///< Names of the inputs in messages; "input 0" ... without.
  /// How elements are moved: one at a time, or each input along random directions. `automatic`
  /// takes the first up to `exact_limit` elements in all.
  enum class Mode { automatic, exact, fast } mode = Mode::automatic;
  std::int64_t exact_limit = 1000;  ///< Elements in all up to which `automatic` is exact.
  int directions = 3;  ///< Number of random directions for each input in the fast mode, >= 1.
  /// Agreement within an error bar that is wider than this part of the input's largest derivative
  /// is no evidence. It is no tolerance: what disagrees by more than its bar fails in any case.
  double resolution = 1e-4;
  bool diagnose = true;  ///< Look for the cause of a failure, which takes some more calls of f.
};

/// What gradcheck found. Converts to bool: passed or not.
struct GradcheckResult {
  Verdict verdict = Verdict::pass;  ///< Whether the gradient is right.
  Cause cause = Cause::none;        ///< What is likely to be wrong with it.
  /// Empty when passed. Else verdict, input, element, both values, and the likely cause.
  std::string message;
  std::string input;                  ///< The worst input: "input 0", "parameter 'fc1.weight'".
  std::vector<std::int64_t> element;  ///< Index of its worst element.
  double analytic = 0;                ///< There: what the tape says,
  double numeric = 0;                 ///< what the differences say,
  double error_bar = 0;               ///< and by how much these may be off.
  /// Largest |analytic - numeric| / error bar; passes up to 1.
  double worst_error = 0;
  /// Widest error bar relative to the largest derivative of its input: a mistake of this relative
  /// size would have been seen in every element.
  double sharpness = 0;
  std::size_t comparisons = 0;     ///< Derivatives compared.
  bool exact = true;               ///< Every element was moved on its own.
  std::vector<std::string> notes;  ///< What a reader of a pass should know, such as kinks.
  int output = -1;                 ///< Of several outputs, the one that is wrong; -1 otherwise.
  explicit operator bool() const { return verdict == Verdict::pass; }
};

/// Writes the verdict, the message and the notes.
std::ostream& operator<<(std::ostream& out, const GradcheckResult& result);

namespace detail {
[[nodiscard]] GradcheckResult run_gradcheck(
    const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
    const std::vector<Tensor>& inputs, const GradcheckOptions& options);
}

/// Checks that the vjps behind `f` are right at `inputs`.
///
/// The gradient of <w, f(inputs)> for a fixed random w is compared with central differences in
/// float64, which Richardson extrapolation refines over shrinking steps (Richardson 1911; Ridders
/// 1982). There is no tolerance to choose: the accepted discrepancy is the error bar of the
/// differences, which adds the last correction of the extrapolation and the rounding of f, measured
/// from difference tables (More and Wild 2011). What lies outside fails if the Taylor remainder
/// shrinks like h, as it does for a wrong gradient, and is inconclusive otherwise (Farrell et al.
/// 2013). With order = 2 the same is done for the gradient of <v, gradient>, with respect to
/// inputs, parameters and w. `f` may itself ask for a gradient (`grad` with create_graph), so a
/// check of f' to second order checks f to third.
///
/// At a kink a gradient between the two one-sided slopes is accepted with a note, provided that
/// other elements of the input prove something; outside of them it fails.
///
/// Where `parameters` are given, they must be all that `f` uses: a tracked leaf on its tape that is
/// neither an input nor one of them is most likely a variable that a module forgot to register, so
/// that no optimizer would move it and no file keep it, and the check is inconclusive. Without
/// `parameters` such leaves are a note.
///
/// Several outputs are checked together, with a w for each, and one by one where that fails: the
/// message names the one that is wrong. Integer and bool outputs have no gradient to check.
///
/// Evidence that proves nothing is inconclusive, with its reason: an input that does not reach the
/// output, zero gradients on both sides, a forward pass that differs between two calls, non-finite
/// values, float32 or empty tensors. Never throws for a wrong gradient; exceptions of `f` itself
/// pass through, and parameters always get their values back. Integer and bool inputs and frozen
/// parameters are held fixed.
///
/// `f` takes 1 to 4 tensors or a std::vector of them, and gives a Tensor, or several in a
/// std::vector, std::array or std::tuple. Throws ValueError for another number of inputs than it
/// takes, and for options out of range.
template <class F>
[[nodiscard]] GradcheckResult gradcheck(F&& f, const std::vector<Tensor>& inputs,
                                        const GradcheckOptions& options = {}) {
  return detail::run_gradcheck(
      [&](const std::vector<Tensor>& x) {
        return detail::as_tensors(detail::call_on("gradcheck", f, x));
      },
      inputs, options);
}

/// As above for one input: `gradcheck(model, x, {.order = 2, .parameters = model.parameters()})`.
template <class F>
[[nodiscard]] GradcheckResult gradcheck(F&& f, const Tensor& input,
                                        const GradcheckOptions& options = {}) {
  return gradcheck(f, std::vector<Tensor>{input}, options);
}

}  // namespace gradtape
