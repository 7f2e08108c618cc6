/// Runs a case and compares.
#pragma once

#include <string>

#include "cases.hpp"

namespace gradtape::conformance {

enum class Verdict { passed, failed, unsupported };

struct Outcome {
  Verdict verdict = Verdict::passed;
  std::string reason;  ///< What differs and where, or what is missing.
};

/// Whether there is a check for cases of this kind; the others count as unsupported.
bool can_check(const std::string& kind);

/// Checks values, gradients and Hessian-vector products. Throws nothing: an error of the library is
/// a failure.
Outcome check(const Case& c);

}  // namespace gradtape::conformance
