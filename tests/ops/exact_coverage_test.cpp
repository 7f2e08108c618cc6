// No differentiable op is without a check of its accuracy, or a reason why it needs none.
#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "support/accuracy.hpp"
#include "support/exact.hpp"
#include "support/op_samples.hpp"

using namespace gradtape::testing;

namespace {

/// Ops whose results are right to the last digit, so that no figure could be given. What is flat,
/// or random, needs no entry: the table of samples says so.
const std::map<std::string, std::vector<std::string>> exempt{
    {"each element of the result is one of the operands' or a constant, the slope 0 or 1",
     {"neg",      "relu",    "relu6",      "hardtanh",       "hardshrink",     "threshold",
      "maxout",   "maximum", "minimum",    "fmax",           "fmin",           "clamp",
      "copysign", "frac",    "nan_to_num", "where",          "masked_fill",    "amax",
      "amin",     "max",     "min",        "max_with_index", "min_with_index", "cummax",
      "cummin",   "sort",    "topk",       "kthvalue",       "median",         "mode",
      "heaviside"}},
    {"moves elements, each to one place",
     {"flip",    "roll",           "rot90",         "diag",          "diagonal",       "diag_embed",
      "tril",    "triu",           "reshape",       "flatten",       "transpose",      "permute",
      "slice",   "slice_backward", "select",        "unsqueeze",     "squeeze",        "unflatten",
      "movedim", "narrow",         "split",         "chunk",         "unbind",         "concat",
      "stack",   "scatter",        "masked_select", "pixel_shuffle", "pixel_unshuffle"}},
    {"meshgrid is expand", {"meshgrid"}},
    {"the same as the op without indices",
     {"max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices",
      "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d_with_indices",
      "adaptive_max_pool3d_with_indices"}},
};

/// The op of a row: "norm" of "norm, p = 3".
std::string op_of(const std::string& row) { return row.substr(0, row.find(',')); }

}  // namespace

TEST_CASE(
    "every differentiable op is held to figures in docs/contract.md, or exempt for a reason") {
  std::set<std::string> measured, sampled;
  for (const auto& row : accuracy_rows()) measured.insert(op_of(row.name));
  for (const auto& row : binary_accuracy_rows()) measured.insert(op_of(row.name));
  for (const auto& row : exact::rows()) measured.insert(op_of(row.name));
  std::set<std::string> unmeasured;
  for (const auto& sample : op_samples()) {
    const std::string op = *sample.function ? sample.function : sample.name;
    sampled.insert(op);
    if (!measured.contains(op) && !sample.flat && !sample.random) unmeasured.insert(op);
  }
  for (const auto& [reason, ops] : exempt)
    for (const auto& op : ops)
      CHECK_MESSAGE(unmeasured.erase(op) == 1, op,
                    " needs no exemption: it is no differentiable op, or measured");
  for (const auto& op : unmeasured)
    CHECK_MESSAGE(
        false, op,
        " has neither a row in tests/support/exact_*.cpp or accuracy.cpp, nor a reason in "
        "tests/ops/exact_coverage_test.cpp");
  CHECK(sampled.size() > 200);
}
