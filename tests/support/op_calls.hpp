/// Every call of the table of all ops.
#pragma once

#include <gradtape/autograd/check/op_properties.hpp>

#include <doctest/doctest.h>

#include <string>

#include "support/op_samples.hpp"

namespace gradtape::testing {

/// The op under which errors are thrown.
inline std::string title(const OpSample& sample) {
  return *sample.name ? sample.name : sample.function;
}

/// Calls `check(sample, inputs)` for every list of shapes of every row.
template <class Check> void for_each_call(Check check) {
  for (const auto& sample : op_samples())
    for (const auto& shapes : sample.shapes) {
      std::string call = title(sample);
      for (const auto& shape : shapes) call += " " + shape.str();
      CAPTURE(call);
      check(sample, sample_inputs(sample, shapes));
    }
}

inline void check(const op_properties::Outcome& outcome) {
  CHECK_MESSAGE(outcome, outcome.problem);
}

}  // namespace gradtape::testing
