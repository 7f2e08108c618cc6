#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "python.hpp"

namespace gradtape::conformance {
namespace {

using Builtins = std::map<std::string, Value>;

const Value& argument(Call& c, std::size_t i) {
  if (i >= c.args.size())
    throw Unsupported(fmt::format("{}: argument {} is not given", c.function, i));
  return c.args[i];
}

Value keyword(Call& c, const std::string& name, Value otherwise = {}) {
  const auto found = c.kwargs.find(name);
  return found == c.kwargs.end() ? otherwise : found->second;
}

Value range(Call& c) {
  const bool one = c.args.size() == 1;
  const auto start = one ? 0 : argument(c, 0).integer("range");
  const auto stop = argument(c, one ? 0 : 1).integer("range");
  const auto step = c.args.size() > 2 ? c.args[2].integer("range") : 1;
  if (step == 0) throw Unsupported("a range of step 0");
  List out;
  for (auto i = start; step > 0 ? i < stop : i > stop; i += step) {
    if (out.size() == 100'000) throw Unsupported("so long a range");
    out.emplace_back(i);
  }
  return out;
}

/// The least of several values or of the items of one, in the order that `op` gives.
Function extremum(const char* op) {
  return [op](Call& c) -> Value {
    const List list = c.args.size() == 1 ? items(c.args[0]) : c.args;
    if (list.empty()) throw Unsupported("min or max of nothing");
    const Value key = keyword(c, "key");
    auto rank = [&](const Value& item) { return key.is_none() ? item : call(key, {item}); };
    Value best = list[0];
    for (const auto& item : list)
      if (truth(compare(op, rank(item), rank(best)))) best = item;
    return best;
  };
}

Value sum_of(Call& c) {
  Value total = c.args.size() > 1 ? c.args[1] : keyword(c, "start", 0);
  for (const auto& item : items(argument(c, 0))) total = binary("+", total, item);
  return total;
}

Value to_float(Call& c) {
  const Value& x = argument(c, 0);
  if (!x.is<std::string>()) return x.number("float");
  std::string text = x.get<std::string>();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char character) { return std::tolower(character); });
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);  // knows inf, infinity and nan
  if (text.empty() || *end) throw Unsupported("float('" + text + "')");
  return value;
}

Value to_int(Call& c) {
  const Value& x = argument(c, 0);
  if (x.is<bool>() || x.is<std::int64_t>()) return x.integer("int");
  const double value = std::trunc(x.number("int"));
  if (!(std::abs(value) < 0x1p63)) throw Unsupported("int of a float so large");
  return static_cast<std::int64_t>(value);
}

Value absolute(Call& c) {
  const Value& x = argument(c, 0);
  if (x.is<Tensor>()) return call_function("abs", {x});
  return truth(compare("<", x, 0)) ? unary("-", x) : unary("+", x);
}

Value rounded(Call& c) {
  const Value& x = argument(c, 0);
  if (x.is<Tensor>()) return call_function("round", c.args, c.kwargs);
  if (c.args.size() > 1) {
    const double scale = std::pow(10.0, c.args[1].number("round"));
    return std::nearbyint(x.number("round") * scale) / scale;
  }
  return static_cast<std::int64_t>(std::nearbyint(x.number("round")));
}

Value length(Call& c) {
  const Value& x = argument(c, 0);
  if (x.is<std::string>()) return static_cast<std::int64_t>(x.get<std::string>().size());
  if (x.is<Tensor>()) return x.get<Tensor>().size(0);
  return static_cast<std::int64_t>(items(x).size());
}

Value zip(Call& c) {
  List out;
  std::vector<List> lists;
  for (const auto& x : c.args) lists.push_back(items(x));
  for (std::size_t i = 0;; ++i) {
    List row;
    for (const auto& list : lists) {
      if (i == list.size()) return out;
      row.push_back(list[i]);
    }
    if (row.empty()) return out;
    out.emplace_back(row);
  }
}

Value enumerate(Call& c) {
  List out;
  auto i = (c.args.size() > 1 ? c.args[1] : keyword(c, "start", 0)).integer("enumerate");
  for (const auto& item : items(argument(c, 0))) out.emplace_back(List{i++, item});
  return out;
}

Value sorted(Call& c) {
  List list = items(argument(c, 0));
  const Value key = keyword(c, "key");
  const bool reverse = truth(keyword(c, "reverse", false));
  auto rank = [&](const Value& item) { return key.is_none() ? item : call(key, {item}); };
  std::stable_sort(list.begin(), list.end(), [&](const Value& a, const Value& b) {
    return truth(compare(reverse ? ">" : "<", rank(a), rank(b)));
  });
  return list;
}

Value slice_of(Call& c) {
  auto bound = [](const Value& x) {
    return x.is_none() ? std::optional<std::int64_t>() : x.integer("slice");
  };
  if (c.args.size() == 1) return Slice{{}, bound(c.args[0]), {}};
  return Slice{bound(argument(c, 0)), bound(argument(c, 1)),
               c.args.size() > 2 ? bound(c.args[2]) : std::nullopt};
}

/// functools.reduce(f, list, start)
Value reduce(Call& c) {
  List list = items(argument(c, 1));
  if (c.args.size() > 2) list.insert(list.begin(), c.args[2]);
  if (list.empty()) throw Unsupported("reduce of nothing");
  Value total = list[0];
  for (std::size_t i = 1; i < list.size(); ++i) total = call(argument(c, 0), {total, list[i]});
  return total;
}

void add_lists(Builtins& b) {
  b["range"] = Function(range);
  b["sum"] = Function(sum_of);
  b["min"] = extremum("<");
  b["max"] = extremum(">");
  b["len"] = Function(length);
  b["zip"] = Function(zip);
  b["enumerate"] = Function(enumerate);
  b["sorted"] = Function(sorted);
  b["slice"] = Function(slice_of);
  b["reduce"] = b["functools.reduce"] = Function(reduce);
  b["tuple"] = b["list"] = b["iter"] =
      Function([](Call& c) -> Value { return c.args.empty() ? List() : items(c.args[0]); });
  b["reversed"] = Function([](Call& c) -> Value {
    List list = items(argument(c, 0));
    std::reverse(list.begin(), list.end());
    return list;
  });
  b["map"] = Function([](Call& c) -> Value {
    List out;
    Call rest("zip", List(c.args.begin() + (c.args.empty() ? 0 : 1), c.args.end()), {});
    for (const auto& row : items(zip(rest))) out.push_back(call(argument(c, 0), row.get<List>()));
    return out;
  });
  b["filter"] = Function([](Call& c) -> Value {
    List out;
    for (const auto& item : items(argument(c, 1)))
      if (truth(c.args[0].is_none() ? item : call(c.args[0], {item}))) out.push_back(item);
    return out;
  });
  b["any"] = Function([](Call& c) -> Value {
    const List list = items(argument(c, 0));
    return std::any_of(list.begin(), list.end(), truth);
  });
  b["all"] = Function([](Call& c) -> Value {
    const List list = items(argument(c, 0));
    return std::all_of(list.begin(), list.end(), truth);
  });
}

void add_numbers(Builtins& b) {
  b["float"] = Function(to_float);
  b["int"] = Function(to_int);
  b["bool"] = Function([](Call& c) -> Value { return !c.args.empty() && truth(c.args[0]); });
  b["abs"] = Function(absolute);
  b["round"] = Function(rounded);
  b["pow"] = Function([](Call& c) { return binary("**", argument(c, 0), argument(c, 1)); });
  b["divmod"] = Function([](Call& c) -> Value {
    return List{binary("//", argument(c, 0), argument(c, 1)), binary("%", c.args[0], c.args[1])};
  });
  b["Ellipsis"] = Ellipsis{};
}

/// A function of one double, which Python refuses to give NaN for a number.
Function real(double (*f)(double)) {
  return [f](Call& c) -> Value {
    const double x = argument(c, 0).number(c.function), y = f(x);
    if (std::isnan(y) && !std::isnan(x)) throw Unsupported("math: outside the domain");
    return y;
  };
}

Function real(double (*f)(double, double)) {
  return [f](Call& c) -> Value {
    return f(argument(c, 0).number(c.function), argument(c, 1).number(c.function));
  };
}

Function integral(double (*f)(double)) {
  return [f](Call& c) -> Value {
    const double y = f(argument(c, 0).number(c.function));
    if (!(std::abs(y) < 0x1p63)) throw Unsupported("an integer so large");
    return static_cast<std::int64_t>(y);
  };
}

Value logarithm(Call& c) {
  const double x = argument(c, 0).number("log");
  if (!(x > 0)) throw Unsupported("math: outside the domain");
  return c.args.size() > 1 ? std::log(x) / std::log(c.args[1].number("log")) : std::log(x);
}

Value product(Call& c) {
  Value total = keyword(c, "start", 1);
  for (const auto& item : items(argument(c, 0))) total = binary("*", total, item);
  return total;
}

Value factorial(Call& c) {
  Value total = 1;
  const auto n = argument(c, 0).integer("factorial");
  if (n < 0 || n > 170) throw Unsupported("such a factorial");
  for (std::int64_t i = 2; i <= n; ++i) total = binary("*", total, i);
  return total;
}

Value combinations(Call& c) {
  const auto n = argument(c, 0).integer("comb"), k = argument(c, 1).integer("comb");
  if (n < 0 || k < 0 || n > 1000) throw Unsupported("such a binomial coefficient");
  Value total = 1;
  for (std::int64_t i = 0; i < k; ++i) total = binary("//", binary("*", total, n - i), i + 1);
  return total;
}

void add_math(Builtins& b) {
  const std::pair<const char*, double (*)(double)> functions[] = {
      {"sqrt", std::sqrt},
      {"exp", std::exp},
      {"log2", std::log2},
      {"log10", std::log10},
      {"log1p", std::log1p},
      {"expm1", std::expm1},
      {"sin", std::sin},
      {"cos", std::cos},
      {"tan", std::tan},
      {"asin", std::asin},
      {"acos", std::acos},
      {"atan", std::atan},
      {"sinh", std::sinh},
      {"cosh", std::cosh},
      {"tanh", std::tanh},
      {"asinh", std::asinh},
      {"acosh", std::acosh},
      {"atanh", std::atanh},
      {"erf", std::erf},
      {"erfc", std::erfc},
      {"gamma", std::tgamma},
      {"lgamma", std::lgamma},
      {"fabs", std::fabs},
      {"cbrt", std::cbrt},
      {"degrees", [](double x) { return x * 180 / std::numbers::pi; }},
      {"radians", [](double x) { return x * std::numbers::pi / 180; }}};
  for (const auto& [name, f] : functions) b[std::string("math.") + name] = real(f);
  b["math.atan2"] = real(static_cast<double (*)(double, double)>(std::atan2));
  b["math.hypot"] = real(static_cast<double (*)(double, double)>(std::hypot));
  b["math.pow"] = real(static_cast<double (*)(double, double)>(std::pow));
  b["math.fmod"] = real(static_cast<double (*)(double, double)>(std::fmod));
  b["math.copysign"] = real(static_cast<double (*)(double, double)>(std::copysign));
  b["math.floor"] = integral(std::floor);
  b["math.ceil"] = integral(std::ceil);
  b["math.trunc"] = integral(std::trunc);
  b["math.log"] = Function(logarithm);
  b["math.prod"] = Function(product);
  b["math.factorial"] = Function(factorial);
  b["math.comb"] = Function(combinations);
  b["math.gcd"] = Function([](Call& c) -> Value {
    return std::gcd(argument(c, 0).integer("gcd"), argument(c, 1).integer("gcd"));
  });
  b["math.isqrt"] = Function([](Call& c) -> Value {
    return static_cast<std::int64_t>(std::sqrt(argument(c, 0).number("isqrt")));
  });
  b["math.isnan"] =
      Function([](Call& c) -> Value { return std::isnan(argument(c, 0).number("")); });
  b["math.isinf"] =
      Function([](Call& c) -> Value { return std::isinf(argument(c, 0).number("")); });
  b["math.isfinite"] =
      Function([](Call& c) -> Value { return std::isfinite(argument(c, 0).number("")); });
  b["math.pi"] = std::numbers::pi;
  b["math.tau"] = 2 * std::numbers::pi;
  b["math.e"] = std::numbers::e;
  b["math.inf"] = std::numeric_limits<double>::infinity();
  b["math.nan"] = std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

const std::map<std::string, Value>& builtins() {
  static const Builtins all = [] {
    Builtins b;
    add_lists(b);
    add_numbers(b);
    add_math(b);
    return b;
  }();
  return all;
}

}  // namespace gradtape::conformance
