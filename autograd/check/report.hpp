/// The verdict on all the evidence, in numbers and in words.
#pragma once

#include "gradtape/autograd/check/compare.hpp"

namespace gradtape::gradient_check {

/// Adds the evidence of one order to the result. Returns whether a next order is worth looking at.
bool conclude(const Comparison& comparison, const GradcheckOptions& options,
              GradcheckResult& result);

}  // namespace gradtape::gradient_check
