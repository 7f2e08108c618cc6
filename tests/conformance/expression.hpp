/// The subset of Python in which the corpus writes its compositions.
#pragma once

#include <map>
#include <string>

#include "value.hpp"

namespace gradtape::conformance {

/// The value of a Python expression over named inputs. `torch.f`, `F.f` and x.f(...) are looked up
/// in mapping(), as are the operators of tensors ("add", "matmul", "__getitem__", ...); numbers
/// follow Python's own rules. Covered: arithmetic, comparisons (chained), logic, conditional
/// expressions, tuples and lists, subscripts, calls with keywords and `*`, lambda, `:=`, list
/// comprehensions and generator expressions, the usual builtins and `math`.
///
/// Throws Unsupported for any other syntax, an unknown name, or operands that do not fit. Errors of
/// the library pass through.
Value evaluate(const std::string& expression, const std::map<std::string, Value>& inputs);

}  // namespace gradtape::conformance
