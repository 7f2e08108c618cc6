/// How exact the elementwise functions are: what scan_test.cpp measures them against, and the
/// figures that it holds them to, which docs/contract.md prints.
#pragma once

#include <gradtape/autograd/tensor.hpp>

#include <string>
#include <vector>

namespace gradtape::testing {

/// A function of one tensor, with the function itself and its derivatives in long double.
struct AccuracyRow {
  using Exact = long double (*)(long double);

  const char* name;
  Tensor (*f)(const Tensor&);
  Exact value, slope, second;  ///< second may be null
  /// The largest errors in ulp (units in the last place of the exact result), over the whole
  /// domain, float32 and float64 alike.
  double value_ulp, slope_ulp, second_ulp = 0;
  /// Where value or derivatives are differences of terms that cancel: the size of the terms. Errors
  /// are in ulp of it where the result is smaller.
  Exact terms = nullptr;
  bool terms_of_value = false;
};
const std::vector<AccuracyRow>& accuracy_rows();

/// A function of two tensors.
struct BinaryAccuracyRow {
  using Exact = long double (*)(long double, long double);

  const char* name;
  Tensor (*f)(const Tensor&, const Tensor&);
  Exact value, slope_a, slope_b;
  double value_ulp, slope_ulp;
  Exact terms = nullptr;  ///< of the value
};
const std::vector<BinaryAccuracyRow>& binary_accuracy_rows();

/// The table of the figures in Markdown.
std::string accuracy_table();

}  // namespace gradtape::testing
