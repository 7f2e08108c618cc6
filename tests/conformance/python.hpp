/// What Python's operators, attributes and builtins mean on Values.
#pragma once

#include <optional>
#include <string>

#include "value.hpp"

namespace gradtape::conformance {

/// -, +, ~ and not.
Value unary(const std::string& op, const Value& x);
/// +, -, *, /, //, %, **, @, &, |, ^, << and >>: Python's on numbers and lists, the table's as soon
/// as one side is a tensor.
Value binary(const std::string& op, const Value& a, const Value& b);
/// <, <=, ==, !=, >, >=, in, not in, is and is not.
Value compare(const std::string& op, const Value& a, const Value& b);
/// Whether `if` takes it as true.
bool truth(const Value& x);
/// What a `for` loop goes through: the items of a list, the rows of a tensor.
List items(const Value& x);
/// x[index]; a tuple of indices is a list.
Value subscript(const Value& x, const Value& index);
/// x.name; a method comes bound to x.
Value attribute(const Value& x, const std::string& name);
/// What a name outside the expression stands for, such as "len", "math.pi", "torch.float64" or
/// "torch.linalg.inv"; nothing where it is unknown.
std::optional<Value> global(const std::string& path);
/// Calls a function value.
Value call(const Value& function, List args, std::map<std::string, Value> kwargs = {});

/// The builtins and the module math; see global.
const std::map<std::string, Value>& builtins();

}  // namespace gradtape::conformance
