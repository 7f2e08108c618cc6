/// Python expressions as trees.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "value.hpp"

namespace gradtape::conformance {

enum class Kind {
  constant,       // value
  name,           // text
  unary,          // text: + - ~ not; [operand]
  binary,         // text: the operator; [left, right]
  logic,          // text: and, or; [left, right]
  compare,        // names: the operators; the operands, one more
  conditional,    // [then, condition, else]
  lambda,         // names: the parameters; [default of each or null..., body]
  walrus,         // text := [value]
  tuple,          // [items...]
  list,           // [items...]
  starred,        // [items]
  comprehension,  // [element, loops...]
  loop,           // [target, iterable, conditions...]
  attribute,      // text; [object]
  subscript,      // [object, index]
  slice,          // [start, stop, step], null where absent
  call,           // [callee, arguments...]; names: of each argument, "" for a positional one
};

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct Node {
  Kind kind;
  std::string text = {};
  std::vector<NodePtr> children = {};
  std::vector<std::string> names = {};
  Value value = {};
};

/// Throws Unsupported, with the position, for what is no expression of the subset.
NodePtr parse(const std::string& expression);

}  // namespace gradtape::conformance
