/// Runs a case and compares.
#pragma once

#include <stdexcept>
#include <string>

#include "cases.hpp"

namespace gradtape::conformance {

enum class Verdict { passed, failed, unsupported };

struct Outcome {
  Verdict verdict = Verdict::passed;
  std::string reason;  ///< What differs and where, or what is missing.
};

/// What differs; ends the check of a case.
struct Difference : std::runtime_error {
  using runtime_error::runtime_error;
};

/// Throws Difference unless the tensors agree; of random ones shape and dtype alone can.
void compare_tensors(const std::string& what, const Tensor& got, const Tensor& want, const Case& c);

/// Compares the tensors of a result with the outputs of the case, and their gradients, to second
/// order where the case has them, with respect to the leaves, which bear the names of its inputs.
void check_results(const Case& c, const Value& result, const std::vector<Input>& leaves);

// Cases of other kinds than "op". Each throws Difference, or Unsupported.
void check_module(const Case& c);
void check_optimizer(const Case& c);
void check_scheduler(const Case& c);
void check_clip(const Case& c);
void check_training(const Case& c);
void check_init(const Case& c);
void check_statistic(const Case& c);

/// Whether there is a check for cases of this kind; the others count as unsupported.
bool can_check(const std::string& kind);

/// Checks values, gradients and Hessian-vector products, or what the case's kind says. Throws
/// nothing: an error of the library is a failure.
Outcome check(const Case& c);

}  // namespace gradtape::conformance
