#include <functional>

#include "../value.hpp"
#include "promotion.hpp"

namespace gradtape::conformance {
namespace {

using Two = Tensor (*)(const Tensor&, const Tensor&);

Function compared(Two f) {
  return [f](Call& c) -> Value {
    std::vector<Tensor> x{c.tensor(0, "input"), c.tensor(1, "other")};
    promote(x);
    return f(x[0], x[1]);
  };
}

Tensor truth(const Tensor& x) { return x.dtype() == bool_ ? x : x != 0; }

Function logical(Two f) {
  return
      [f](Call& c) -> Value { return f(truth(c.tensor(0, "input")), truth(c.tensor(1, "other"))); };
}

/// Of bools the same as `logical`; bits of integers we have not.
Function bitwise(Two f) {
  return [f](Call& c) -> Value {
    const Tensor a = c.tensor(0, "input"), b = c.tensor(1, "other");
    if (a.dtype() != bool_ || (b.dtype() != bool_ && !b.is_weak()))
      throw Unsupported("bitwise operations on integers");
    return f(a, truth(b));
  };
}

Value logical_not_of(Call& c) { return logical_not(truth(c.tensor(0, "input"))); }
Value bitwise_not_of(Call& c) {
  const Tensor x = c.tensor(0, "input");
  return x.dtype() == bool_ ? logical_not(x) : -x - 1;
}

Value isclose_of(Call& c) {
  std::vector<Tensor> x{c.tensor(0, "input"), c.tensor(1, "other")};
  promote(x);
  return isclose(x[0], x[1], c.number(2, "rtol", 1e-5), c.number(3, "atol", 1e-8),
                 c.flag(4, "equal_nan", false));
}

/// where(condition, x, y), and the method x.where(condition, y).
Value where_of(Call& c) {
  const auto is_condition = [](const Value& v) {
    return v.is<Tensor>() && v.get<Tensor>().dtype() == bool_;
  };
  const bool method = !c.args.empty() && !is_condition(c.args[0]);
  const Tensor condition = truth(c.tensor(method ? 1 : 0, "condition"));
  std::vector<Tensor> x{c.tensor(method ? 0 : 1, method ? "self" : "input"), c.tensor(2, "other")};
  promote(x);
  return where(condition, x[0], x[1]);
}

Mapping functions() {
  Mapping map = {
      {"logical_and", logical(logical_and)},
      {"logical_or", logical(logical_or)},
      {"logical_xor", logical(logical_xor)},
      {"logical_not", logical_not_of},
      {"bitwise_and", bitwise(logical_and)},
      {"bitwise_or", bitwise(logical_or)},
      {"bitwise_xor", bitwise(logical_xor)},
      {"__and__", bitwise(logical_and)},
      {"__or__", bitwise(logical_or)},
      {"__xor__", bitwise(logical_xor)},
      {"bitwise_not", bitwise_not_of},
      {"__invert__", bitwise_not_of},
      {"isclose", isclose_of},
      {"where", where_of},
      {"isnan", [](Call& c) -> Value { return isnan(c.tensor(0, "input")); }},
      {"isinf", [](Call& c) -> Value { return isinf(c.tensor(0, "input")); }},
      {"isfinite", [](Call& c) -> Value { return isfinite(c.tensor(0, "input")); }},
      {"equal",
       [](Call& c) -> Value { return array_equal(c.tensor(0, "input"), c.tensor(1, "other")); }},
      {"allclose",
       [](Call& c) -> Value {
         return array_equal(logical_not(isclose_of(c).tensor("allclose")),
                            zeros_like(isclose_of(c).tensor("allclose")));
       }},
  };
  for (const auto& [names, f] : std::initializer_list<std::pair<std::vector<const char*>, Two>>{
           {{"eq", "__eq__"}, operator==},
           {{"ne", "not_equal", "__ne__"}, operator!=},
           {{"lt", "less", "__lt__"}, operator<},
           {{"le", "less_equal", "__le__"}, operator<=},
           {{"gt", "greater", "__gt__"}, operator>},
           {{"ge", "greater_equal", "__ge__"}, operator>=}})
    for (const char* name : names) map.emplace(name, compared(f));
  return map;
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
