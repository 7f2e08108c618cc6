#include <numbers>

#include "../value.hpp"
#include "promotion.hpp"

namespace gradtape::conformance {
namespace {

std::vector<Tensor> operands(Call& c, bool swapped = false) {
  std::vector<Tensor> x{c.tensor(0, "input"), c.tensor(1, "other")};
  if (swapped) std::swap(x[0], x[1]);
  return x;
}

/// input + alpha other, or with a minus, or the other way round.
Function sum_of(double sign, bool swapped = false) {
  return [=](Call& c) -> Value {
    auto x = operands(c, swapped);
    const Value& alpha = c.at(2, "alpha");
    if (!alpha.is_none()) x[1] = x[1] * alpha.tensor("alpha");
    if (promote(x) == bool_) return logical_or(x[0], x[1]);
    return sign > 0 ? x[0] + x[1] : x[0] - x[1];
  };
}

Value product_of(Call& c) {
  auto x = operands(c);
  return promote(x) == bool_ ? logical_and(x[0], x[1]) : x[0] * x[1];
}

Function quotient_of(bool swapped) {
  return [=](Call& c) -> Value {
    auto x = operands(c, swapped);
    const std::string mode = c.text(2, "rounding_mode", "");
    const Dtype before = promoted(x);
    promote(x, true);
    if (mode.empty()) return x[0] / x[1];
    if (mode != "floor" && mode != "trunc") throw Unsupported("div: rounding_mode " + mode);
    const Tensor y = mode == "floor" ? floor_divide(x[0], x[1]) : trunc(x[0] / x[1]);
    return is_floating(before) ? y : y.to(int64);
  };
}

/// base^exponent; a number as the exponent stays one.
Tensor power(Tensor base, Tensor exponent, bool to_floating) {
  std::vector<Tensor> x{base, exponent};
  const Dtype before = promoted(x);
  const bool literal = exponent.is_weak();
  promote(x, true);
  if (literal) x[1] = exponent;
  const Tensor y = pow(x[0], x[1]);
  return is_floating(before) || to_floating ? y : y.to(int64);
}

Function power_of(bool swapped) {
  return [=](Call& c) -> Value {
    const Tensor a = c.tensor(0, "input"), b = c.tensor(1, swapped ? "other" : "exponent");
    // PyTorch's __rpow__ copies the base, which cuts its gradient.
    return swapped ? power(b.detach(), a, false) : power(a, b, false);
  };
}

Value float_power_of(Call& c) {
  const Tensor base = c.tensor(0, "input"), exponent = c.tensor(1, "exponent");
  return power(base.is_weak() ? base : base.to(float64),
               exponent.is_weak() ? exponent : exponent.to(float64), true);
}

Tensor bound(Call& c, std::size_t i, const char* name, const Tensor& x) {
  const Tensor limit = c.tensor_or_none(i, name);
  return limit.defined() && limit.dtype() != x.dtype() ? limit.to(x.dtype()) : limit;
}

/// clamp, with either bound a number, a tensor or none.
Tensor clamped(Call& c, const char* low_name, std::size_t low, const char* high_name,
               std::size_t high) {
  const Tensor x = c.tensor(0, "input");
  std::vector<Tensor> all{x};
  if (low_name && c.has(low, low_name)) all.push_back(c.tensor(low, low_name));
  if (high_name && c.has(high, high_name)) all.push_back(c.tensor(high, high_name));
  const Dtype dtype = promoted(all);
  const Tensor y = is_floating(dtype) ? x.to(dtype) : x.to(float64);
  const Tensor a = low_name ? bound(c, low, low_name, y) : Tensor(),
               b = high_name ? bound(c, high, high_name, y) : Tensor();
  const Tensor result = clamp(y, a, b);
  return is_floating(dtype) ? result : result.to(dtype);
}

Tensor logaddexp2(const Tensor& a, const Tensor& b) {
  return logaddexp(a * std::numbers::ln2, b * std::numbers::ln2) / std::numbers::ln2;
}
Tensor ldexp(const Tensor& a, const Tensor& b) { return a * exp2(b); }
Tensor xlog1py(const Tensor& a, const Tensor& b) {
  return where(a == 0.0, where(b != b, b, 0.0), a * log1p(where(a == 0.0, 0.0, b)));
}

Value lerp_of(Call& c) {
  std::vector<Tensor> x{c.tensor(0, "input"), c.tensor(1, "end"), c.tensor(2, "weight")};
  promote(x, true);
  return lerp(x[0], x[1], x[2]);
}

/// input + value f(tensor1, tensor2)
Function with_product(Tensor (*f)(const Tensor&, const Tensor&, const Tensor&, double)) {
  return [f](Call& c) -> Value {
    std::vector<Tensor> x{c.tensor(0, "input"), c.tensor(1, "tensor1"), c.tensor(2, "tensor2")};
    const double value = c.number(3, "value", 1);
    const Dtype before = promoted(x);
    promote(x, true);
    const Tensor y = f(x[0], x[1], x[2], value);
    return is_floating(before) ? y : y.to(int64);
  };
}

Mapping functions() {
  Mapping map = {
      {"add", sum_of(1)},
      {"__add__", sum_of(1)},
      {"__radd__", sum_of(1, true)},
      {"sub", sum_of(-1)},
      {"subtract", sum_of(-1)},
      {"__sub__", sum_of(-1)},
      {"mul", product_of},
      {"multiply", product_of},
      {"__mul__", product_of},
      {"__rmul__", product_of},
      {"div", quotient_of(false)},
      {"divide", quotient_of(false)},
      {"true_divide", quotient_of(false)},
      {"__div__", quotient_of(false)},
      {"__truediv__", quotient_of(false)},
      {"__rdiv__", quotient_of(true)},
      {"__rtruediv__", quotient_of(true)},
      {"floor_divide", numeric_of_two(floor_divide)},
      {"__floordiv__", numeric_of_two(floor_divide)},
      {"__rfloordiv__", numeric_of_two(floor_divide, true)},
      {"remainder", numeric_of_two(remainder)},
      {"__mod__", numeric_of_two(remainder)},
      {"__rmod__", numeric_of_two(remainder, true)},
      {"fmod", numeric_of_two(fmod)},
      {"pow", power_of(false)},
      {"__pow__", power_of(false)},
      {"__rpow__", power_of(true)},
      {"float_power", float_power_of},
      {"maximum", numeric_of_two(maximum)},
      {"minimum", numeric_of_two(minimum)},
      {"fmax", numeric_of_two(fmax)},
      {"fmin", numeric_of_two(fmin)},
      {"atan2", floating_of_two(atan2)},
      {"arctan2", floating_of_two(atan2)},
      {"hypot", floating_of_two(hypot)},
      {"logaddexp", floating_of_two(logaddexp)},
      {"logaddexp2", floating_of_two(logaddexp2)},
      {"xlogy", floating_of_two(xlogy)},
      {"special.xlogy", floating_of_two(xlogy)},
      {"special.xlog1py", floating_of_two(xlog1py)},
      {"copysign", floating_of_two(copysign)},
      {"ldexp", floating_of_two(ldexp)},
      {"lerp", lerp_of},
      {"addcmul", with_product(addcmul)},
      {"addcdiv", with_product(addcdiv)},
  };
  // rsub(a, b) = b - alpha a
  const Function reversed = [](Call& c) -> Value {
    auto x = operands(c, true);
    const Value& alpha = c.at(2, "alpha");
    if (!alpha.is_none()) x[1] = x[1] * alpha.tensor("alpha");
    promote(x);
    return x[0] - x[1];
  };
  map.emplace("rsub", reversed);
  map.emplace("__rsub__", reversed);
  map.emplace("heaviside", Function([](Call& c) -> Value {
                return numeric({c.tensor(0, "input"), c.tensor(1, "values")}, heaviside);
              }));
  for (const char* name : {"clamp", "clip"})
    map.emplace(name, Function([](Call& c) -> Value { return clamped(c, "min", 1, "max", 2); }));
  map.emplace("clamp_min",
              Function([](Call& c) -> Value { return clamped(c, "min", 1, nullptr, 0); }));
  map.emplace("clamp_max",
              Function([](Call& c) -> Value { return clamped(c, nullptr, 0, "max", 1); }));
  return map;
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
