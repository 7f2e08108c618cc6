/// The likely cause of a wrong gradient, found by trying what would make it so.
#pragma once

#include "gradtape/autograd/check/compare.hpp"

namespace gradtape::gradient_check {

struct Diagnosis {
  Cause cause = Cause::unknown;
  std::string text;  ///< one clause, such as "2 times the numeric one in every element"
};

/// Tries one hypothesis after another on the wrong gradient of `input`.
Diagnosis diagnose(const Comparison& comparison, std::size_t input);

/// Whether f rounds to float32 somewhere: its values are rough at the size of float32's rounding.
bool rounds_to_float32(const Comparison& comparison);

}  // namespace gradtape::gradient_check
