/// The cases of a folder: cases.jsonl and the arrays of each group.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gradtape/autograd/tensor.hpp>

#include "value.hpp"

namespace gradtape::conformance {

struct Input {
  std::string name;
  Tensor value;
  bool grad = false;  ///< A gradient is wanted.
};

struct Output {
  Tensor value;
  Tensor cotangent;  ///< Undefined where the output is not differentiable.
};

using Arrays = std::map<std::string, Tensor>;

/// Gradients by input; an undefined one stands for no path, which is zero.
using Gradients = std::map<std::string, Tensor>;

struct Case {
  std::string id, group, kind, op, note;
  std::set<std::string> tags;
  /// PyTorch was asked for a variant that returns the first outputs alone.
  bool first_outputs_only = false;
  double rtol = 0, atol = 0;
  std::string json;  ///< Its line.
  Arrays arrays;     ///< Those that it names, for kinds other than "op" and "module".

  // Of the kinds "op" and "module" alone.
  std::string expression;    ///< Empty where `args` and `kwargs` give the call.
  std::string args, kwargs;  ///< Of the function, or of the module's constructor, as JSON.
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  Gradients grads;
  std::map<std::string, Tensor> hvp_directions;
  Gradients hvp;

  bool is_convention() const;  ///< Follows a choice of PyTorch's: kinks, ties, boundaries.
  std::string call() const;    ///< For messages: the expression, or op(args).
};

/// The arrays of its group that the strings of a case name, given as JSON.
Arrays named_arrays(const std::string& line, const Arrays& group);

/// What the function of a case is called with. Throws Unsupported for JSON that stands for nothing
/// known.
List arguments(const Case& c, const std::map<std::string, Value>& inputs);
std::map<std::string, Value> keywords(const Case& c, const std::map<std::string, Value>& inputs);

/// All cases, in the order of the file. Throws IoError for a folder that is none.
std::vector<Case> read_cases(const std::string& folder);

}  // namespace gradtape::conformance
