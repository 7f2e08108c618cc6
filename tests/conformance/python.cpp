#include "python.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace gradtape::conformance {
namespace {

[[noreturn]] void no_operator(const std::string& op, const Value& a, const Value& b) {
  throw Unsupported(fmt::format("{} between {} and {}", op, a.kind(), b.kind()));
}

/// The table's name of an operator between tensors; "" where there is none.
std::string table_name(const std::string& op) {
  static const std::map<std::string, std::string> names = {{"+", "add"},
                                                           {"-", "sub"},
                                                           {"*", "mul"},
                                                           {"/", "div"},
                                                           {"//", "floor_divide"},
                                                           {"%", "remainder"},
                                                           {"**", "pow"},
                                                           {"@", "matmul"},
                                                           {"&", "bitwise_and"},
                                                           {"|", "bitwise_or"},
                                                           {"^", "bitwise_xor"},
                                                           {"==", "eq"},
                                                           {"!=", "ne"},
                                                           {"<", "lt"},
                                                           {"<=", "le"},
                                                           {">", "gt"},
                                                           {">=", "ge"},
                                                           {"<<", "bitwise_left_shift"},
                                                           {">>", "bitwise_right_shift"}};
  const auto found = names.find(op);
  return found == names.end() ? "" : found->second;
}

Value tensor_operator(const std::string& op, const Value& a, const Value& b) {
  std::string name = table_name(op);
  if (name.empty()) no_operator(op, a, b);
  constexpr std::string_view bitwise = "bitwise_";
  if (name.starts_with(bitwise) && !find_function(name))
    name = "logical_" + name.substr(bitwise.size());
  return call_function(name, {a, b});
}

std::int64_t floor_division(std::int64_t a, std::int64_t b) {
  const auto quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

/// base^exponent for exponent >= 0; nothing where it overflows.
std::optional<std::int64_t> integer_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2 && __builtin_mul_overflow(result, base, &result)) return {};
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) return {};
  }
  return result;
}

/// Nothing where the result is no int64: Python's integers have no end, doubles must do then.
std::optional<Value> of_integers(const std::string& op, std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  if ((op == "//" || op == "%") && b == 0) throw Unsupported("division by zero");
  if (b == -1 && a == std::numeric_limits<std::int64_t>::min()) return {};
  if (op == "+") return __builtin_add_overflow(a, b, &out) ? std::optional<Value>() : out;
  if (op == "-") return __builtin_sub_overflow(a, b, &out) ? std::optional<Value>() : out;
  if (op == "*") return __builtin_mul_overflow(a, b, &out) ? std::optional<Value>() : out;
  if (op == "//") return floor_division(a, b);
  if (op == "%") return a - floor_division(a, b) * b;
  if (op == "**" && b >= 0) {
    if (const auto power = integer_power(a, b)) return *power;
    return {};
  }
  if (op == "&") return a & b;
  if (op == "|") return a | b;
  if (op == "^") return a ^ b;
  if (op == "<<" && b >= 0 && b < 62 && std::abs(a) < (std::int64_t{1} << (62 - b))) return a << b;
  if (op == ">>" && b >= 0) return a >> std::min<std::int64_t>(b, 63);
  return {};
}

std::optional<Value> of_doubles(const std::string& op, double a, double b) {
  if ((op == "/" || op == "//" || op == "%") && b == 0) throw Unsupported("division by zero");
  if (op == "+") return a + b;
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  if (op == "/") return a / b;
  if (op == "//") return std::floor(a / b);
  if (op == "%") {
    const double remainder = std::fmod(a, b);
    return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
  }
  if (op == "**") {
    if (a < 0 && std::isfinite(b) && b != std::floor(b)) throw Unsupported("complex numbers");
    return std::pow(a, b);
  }
  return {};
}

bool is_integral(const Value& x) { return x.is<bool>() || x.is<std::int64_t>(); }

template <class T> bool ordered(const std::string& op, const T& a, const T& b) {
  if (op == "<") return a < b;
  if (op == "<=") return a <= b;
  if (op == ">") return a > b;
  return a >= b;
}

bool equal(const Value& a, const Value& b) {
  if (a.is<Tensor>() || b.is<Tensor>()) return truth(tensor_operator("==", a, b));
  if (is_integral(a) && is_integral(b)) return a.integer("==") == b.integer("==");
  if (a.is_number() && b.is_number()) return a.number("==") == b.number("==");
  if (a.is<std::string>() && b.is<std::string>())
    return a.get<std::string>() == b.get<std::string>();
  if (a.is<Dtype>() && b.is<Dtype>()) return a.get<Dtype>() == b.get<Dtype>();
  if (a.is<List>() && b.is<List>())
    return std::equal(a.get<List>().begin(), a.get<List>().end(), b.get<List>().begin(),
                      b.get<List>().end(), equal);
  return a.is_none() && b.is_none();
}

}  // namespace

Value unary(const std::string& op, const Value& x) {
  if (op == "not") return !truth(x);
  if (x.is<Tensor>()) {
    if (op == "+") return x;
    if (op == "-") return call_function("neg", {x});
    return call_function(find_function("bitwise_not") ? "bitwise_not" : "logical_not", {x});
  }
  if (!x.is_number()) throw Unsupported(fmt::format("{} of {}", op, x.kind()));
  if (x.is<double>()) {
    if (op == "~") throw Unsupported("~ of a float");
    return op == "-" ? -x.get<double>() : x.get<double>();
  }
  const auto integer = x.integer(op);
  if (op == "~") return ~integer;
  return op == "-" ? of_integers("-", 0, integer).value_or(-static_cast<double>(integer)) : integer;
}

Value binary(const std::string& op, const Value& a, const Value& b) {
  if (a.is<Tensor>() || b.is<Tensor>()) return tensor_operator(op, a, b);
  if (a.is<bool>() && b.is<bool>() && (op == "&" || op == "|" || op == "^"))
    return op == "&"   ? (a.get<bool>() && b.get<bool>())
           : op == "|" ? (a.get<bool>() || b.get<bool>())
                       : a.get<bool>() != b.get<bool>();
  if (is_integral(a) && is_integral(b))
    if (const auto exact = of_integers(op, a.integer(op), b.integer(op))) return *exact;
  if (a.is_number() && b.is_number())
    if (const auto rounded = of_doubles(op, a.number(op), b.number(op))) return *rounded;
  if (op == "+" && a.is<std::string>() && b.is<std::string>())
    return a.get<std::string>() + b.get<std::string>();
  if (op == "+" && a.is<List>() && b.is<List>()) {
    List joined = a.get<List>();
    joined.insert(joined.end(), b.get<List>().begin(), b.get<List>().end());
    return joined;
  }
  if (op == "*" && is_integral(a) && b.is<List>()) return binary(op, b, a);
  if (op == "*" && a.is<List>() && is_integral(b)) {
    const List& list = a.get<List>();
    const auto count = std::max<std::int64_t>(0, b.integer(op));
    if (count * static_cast<double>(list.size()) > 1e6) throw Unsupported("so long a list");
    List repeated;
    for (std::int64_t i = 0; i < count; ++i)
      repeated.insert(repeated.end(), list.begin(), list.end());
    return repeated;
  }
  no_operator(op, a, b);
}

Value compare(const std::string& op, const Value& a, const Value& b) {
  if (op == "is") return a.is_none() || b.is_none() ? a.is_none() && b.is_none() : equal(a, b);
  if (op == "is not") return !truth(compare("is", a, b));
  if (op == "in") {
    const List list = items(b);
    return std::any_of(list.begin(), list.end(), [&](const Value& item) { return equal(a, item); });
  }
  if (op == "not in") return !truth(compare("in", a, b));
  if ((a.is<Tensor>() && !b.is_none()) || (b.is<Tensor>() && !a.is_none()))
    return tensor_operator(op, a, b);
  if (op == "==") return equal(a, b);
  if (op == "!=") return !equal(a, b);
  if (is_integral(a) && is_integral(b)) return ordered(op, a.integer(op), b.integer(op));
  if (a.is_number() && b.is_number()) return ordered(op, a.number(op), b.number(op));
  if (a.is<std::string>() && b.is<std::string>())
    return ordered(op, a.get<std::string>(), b.get<std::string>());
  if (a.is<List>() && b.is<List>()) {  // as words in a dictionary
    const List &x = a.get<List>(), &y = b.get<List>();
    for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i)
      if (!equal(x[i], y[i])) return compare(op, x[i], y[i]);
    return ordered(op, x.size(), y.size());
  }
  no_operator(op, a, b);
}

bool truth(const Value& x) {
  if (x.is<bool>()) return x.get<bool>();
  if (x.is<std::int64_t>()) return x.get<std::int64_t>() != 0;
  if (x.is<double>()) return x.get<double>() != 0;
  if (x.is<std::string>()) return !x.get<std::string>().empty();
  if (x.is<List>()) return !x.get<List>().empty();
  if (x.is<Tensor>()) {
    if (x.get<Tensor>().numel() != 1)
      throw Unsupported("the truth of a tensor of shape " + x.get<Tensor>().shape().str());
    return x.get<Tensor>().item<double>() != 0;
  }
  return !x.is_none();
}

List items(const Value& x) {
  if (x.is<List>()) return x.get<List>();
  if (!x.is<Tensor>()) throw Unsupported("a loop over " + x.kind());
  const Tensor& tensor = x.get<Tensor>();
  if (tensor.ndim() == 0) throw Unsupported("a loop over a 0-d tensor");
  List rows;
  for (std::int64_t i = 0; i < tensor.size(0); ++i) rows.emplace_back(select(tensor, 0, i));
  return rows;
}

Value subscript(const Value& x, const Value& index) {
  if (x.is<Tensor>()) return call_function("__getitem__", {x, index});
  if (!x.is<List>()) throw Unsupported("a subscript of " + x.kind());
  const List& list = x.get<List>();
  const auto size = static_cast<std::int64_t>(list.size());
  if (!index.is<Slice>()) {
    const auto i = index.integer("index");
    if (i < -size || i >= size) throw Unsupported(fmt::format("index {} of {} items", i, size));
    return list[static_cast<std::size_t>(i < 0 ? i + size : i)];
  }
  const Slice& slice = index.get<Slice>();
  const auto step = slice.step.value_or(1);
  if (step == 0) throw Unsupported("a slice of step 0");
  auto bound = [&](std::optional<std::int64_t> given, std::int64_t otherwise) {
    if (!given) return otherwise;
    return std::clamp(*given < 0 ? *given + size : *given, step > 0 ? std::int64_t{0} : -1,
                      step > 0 ? size : size - 1);
  };
  const auto start = bound(slice.start, step > 0 ? 0 : size - 1);
  const auto stop = bound(slice.stop, step > 0 ? size : -1);
  List out;
  for (auto i = start; step > 0 ? i < stop : i > stop; i += step)
    out.push_back(list[static_cast<std::size_t>(i)]);
  return out;
}

Value call(const Value& function, List args, std::map<std::string, Value> kwargs) {
  Call call("function", std::move(args), std::move(kwargs));
  if (function.is<Object>()) return function.get<Object>().call(call);
  if (!function.is<Function>()) throw Unsupported("a call of " + function.kind());
  return function.get<Function>()(call);
}

}  // namespace gradtape::conformance
