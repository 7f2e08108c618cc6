#include <cmath>
#include <limits>
#include <numbers>

#include "../value.hpp"
#include "promotion.hpp"

namespace gradtape::conformance {
namespace {

Value same(Call& c) {
  c.ignore(99, "memory_format");
  return c.tensor(0, "input");
}

Value round_of(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const auto decimals = static_cast<int>(c.integer(1, "decimals", 0));
  return is_floating(x.dtype()) ? round(x, decimals) : x;
}

Value logit_of(Call& c) {
  const Tensor x = floating(c.tensor(0, "input"));
  if (!c.has(1, "eps")) return logit(x);
  const double eps = c.number(1, "eps");
  return logit(clamp(x, eps, 1 - eps));
}

Value nan_to_num_of(Call& c) {
  NanToNumOptions options;
  const Tensor x = c.tensor(0, "input");
  options.nan = c.number(1, "nan", options.nan);
  options.posinf = c.number(2, "posinf", options.posinf);
  options.neginf = c.number(3, "neginf", options.neginf);
  return is_floating(x.dtype()) ? nan_to_num(x, options) : x;
}

/// polygamma(n, x), and the method x.polygamma(n).
Value polygamma_of(Call& c) {
  const bool method = c.at(0, "n").is<Tensor>() && c.at(0, "n").get<Tensor>().ndim() > 0;
  const bool tensor_first = method || (c.args.size() == 2 && c.args[0].is<Tensor>());
  if (tensor_first)
    return polygamma(static_cast<int>(c.integer(1, "n")), floating(c.tensor(0, "input")));
  return polygamma(static_cast<int>(c.integer(0, "n")), floating(c.tensor(1, "input")));
}

/// The sum over i = 0 ... p - 1 of lgamma(x - i / 2), plus its constant.
Value mvlgamma_of(Call& c) {
  const Tensor x = floating(c.tensor(0, "input"));
  const auto p = static_cast<double>(c.integer(1, "p"));
  Tensor sum = lgamma(x);
  for (int i = 1; i < p; ++i) sum = sum + lgamma(x - 0.5 * i);
  return sum + p * (p - 1) / 4 * std::log(std::numbers::pi);
}

Tensor deg2rad(const Tensor& x) { return x * (std::numbers::pi / 180); }
Tensor rad2deg(const Tensor& x) { return x * (180 / std::numbers::pi); }
Tensor negative(const Tensor& x) { return -x; }
Tensor ndtr(const Tensor& x) { return 0.5 * erfc(x * -std::numbers::sqrt2 / 2); }
/// log ndtr, far below 0 by the continued fraction of Mills' ratio
Tensor log_ndtr(const Tensor& x) {
  Tensor ratio = zeros_like(x);
  for (int k = 60; k >= 1; --k) ratio = static_cast<double>(k) / (-x + ratio);
  const Tensor tail =
      -0.5 * (x * x) - 0.5 * std::log(2 * std::numbers::pi) - log(where(x < -5.0, -x + ratio, 1.0));
  return where(x < -5.0, tail, log1p(-0.5 * erfc(where(x < -5.0, 0.0, x) / std::numbers::sqrt2)));
}
Tensor ndtri(const Tensor& x) { return std::numbers::sqrt2 * erfinv(2.0 * x - 1.0); }
/// e^(x^2) erfc(x), from 5 on by the continued fraction of Mills' ratio
Tensor erfcx(const Tensor& x) {
  const Tensor far = where(x > 5.0, x, 5.0), near = where(x > 5.0, 0.0, x);
  Tensor ratio = zeros_like(x);
  for (int k = 60; k >= 1; --k) ratio = 0.5 * k / (far + ratio);
  return where(x > 5.0, std::numbers::inv_sqrtpi / (far + ratio), exp(near * near) * erfc(near));
}
Tensor entr(const Tensor& x) {
  return where(x < 0.0, -std::numeric_limits<double>::infinity(), -xlogy(x, x));
}

Mapping functions() {
  Mapping map = {
      {"positive", same},          {"round", round_of},
      {"special.round", round_of}, {"logit", logit_of},
      {"special.logit", logit_of}, {"nan_to_num", nan_to_num_of},
      {"polygamma", polygamma_of}, {"special.polygamma", polygamma_of},
      {"mvlgamma", mvlgamma_of},   {"special.multigammaln", mvlgamma_of},
  };
  using One = Tensor (*)(const Tensor&);
  for (const auto& [name, f] :
       std::initializer_list<std::pair<const char*, One>>{{"abs", abs},
                                                          {"absolute", abs},
                                                          {"sign", sign},
                                                          {"sgn", sign},
                                                          {"floor", floor},
                                                          {"ceil", ceil},
                                                          {"trunc", trunc},
                                                          {"fix", trunc},
                                                          {"square", square},
                                                          {"fabs", abs},
                                                          {"__abs__", abs},
                                                          {"neg", negative},
                                                          {"negative", negative},
                                                          {"__neg__", negative}})
    map.emplace(name, numeric_of_one(f));
  for (const auto& [name, f] :
       std::initializer_list<std::pair<const char*, One>>{{"frac", frac},
                                                          {"sqrt", sqrt},
                                                          {"rsqrt", rsqrt},
                                                          {"reciprocal", reciprocal},
                                                          {"exp", exp},
                                                          {"exp2", exp2},
                                                          {"special.exp2", exp2},
                                                          {"expm1", expm1},
                                                          {"special.expm1", expm1},
                                                          {"log", log},
                                                          {"log2", log2},
                                                          {"log10", log10},
                                                          {"log1p", log1p},
                                                          {"special.log1p", log1p},
                                                          {"sin", sin},
                                                          {"cos", cos},
                                                          {"tan", tan},
                                                          {"asin", asin},
                                                          {"arcsin", asin},
                                                          {"acos", acos},
                                                          {"arccos", acos},
                                                          {"atan", atan},
                                                          {"arctan", atan},
                                                          {"sinh", sinh},
                                                          {"cosh", cosh},
                                                          {"tanh", tanh},
                                                          {"asinh", asinh},
                                                          {"arcsinh", asinh},
                                                          {"acosh", acosh},
                                                          {"arccosh", acosh},
                                                          {"atanh", atanh},
                                                          {"arctanh", atanh},
                                                          {"sinc", sinc},
                                                          {"special.sinc", sinc},
                                                          {"erf", erf},
                                                          {"special.erf", erf},
                                                          {"erfc", erfc},
                                                          {"special.erfc", erfc},
                                                          {"erfinv", erfinv},
                                                          {"special.erfinv", erfinv},
                                                          {"lgamma", lgamma},
                                                          {"special.gammaln", lgamma},
                                                          {"digamma", digamma},
                                                          {"special.digamma", digamma},
                                                          {"special.psi", digamma},
                                                          {"deg2rad", deg2rad},
                                                          {"rad2deg", rad2deg},
                                                          {"special.ndtr", ndtr},
                                                          {"special.log_ndtr", log_ndtr},
                                                          {"special.ndtri", ndtri},
                                                          {"special.erfcx", erfcx},
                                                          {"special.entr", entr}})
    map.emplace(name, floating_of_one(f));
  return map;
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
