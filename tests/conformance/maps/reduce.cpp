#include "axes.hpp"

namespace gradtape::conformance {
namespace {

using Reduction = Tensor (*)(const Tensor&, const Axes&, ReduceOptions);

/// f(x, dim, keepdim)
Function reduction(Reduction f) {
  return [f](Call& c) -> Value {
    const Tensor x = c.tensor(0, "input");
    const Axes axes = dims(c, 1, x);
    return f(x, axes, {.keepdim = keepdim(c, 2)});
  };
}

/// f(x, dim, keepdim, dtype)
Function cast_reduction(Reduction f) {
  return [f](Call& c) -> Value {
    const Tensor x = in_dtype(c, 3, c.tensor(0, "input"));
    const Axes axes = dims(c, 1, x);
    return f(x, axes, {.keepdim = keepdim(c, 2)});
  };
}

Tensor nansum(const Tensor& x, const Axes& axes, ReduceOptions options) {
  return sum(where(x != x, 0.0, x), axes, options);
}

Tensor nanmean(const Tensor& x, const Axes& axes, ReduceOptions options) {
  return nansum(x, axes, options) / sum(x == x, axes, options).to(x.dtype());
}

struct Spread {
  Tensor x;
  Axes axes;
  VarOptions options;
};

/// (x, unbiased), (x, dim, unbiased, keepdim) or (x, dim, correction=, keepdim=)
Spread spread(Call& c) {
  Spread s{c.tensor(0, "input"), {}, {}};
  const bool short_form = c.at(1, "dim").is<bool>();
  if (!short_form) s.axes = dims(c, 1, s.x);
  const bool unbiased = short_form ? c.flag(1, "unbiased") : c.flag(2, "unbiased", true);
  s.options.correction = c.number(keyword_only, "correction", unbiased ? 1 : 0);
  s.options.keepdim = keepdim(c, 3);
  return s;
}

Function deviation(Tensor (*f)(const Tensor&, const Axes&, VarOptions)) {
  return [f](Call& c) -> Value {
    const Spread s = spread(c);
    return f(s.x, s.axes, s.options);
  };
}

Function deviation_and_mean(Tensor (*f)(const Tensor&, const Axes&, VarOptions)) {
  return [f](Call& c) -> Value {
    const Spread s = spread(c);
    return List{f(s.x, s.axes, s.options), mean(s.x, s.axes, {.keepdim = s.options.keepdim})};
  };
}

/// max(x) shares the gradient among ties, max(x, dim) gives values and indices, max(x, other)
/// compares element by element.
Function extremum(Reduction all, WithIndices (*one)(const Tensor&, std::int64_t, ReduceOptions),
                  Tensor (*two)(const Tensor&, const Tensor&)) {
  return [=](Call& c) -> Value {
    const Tensor x = c.tensor(0, "input");
    if (c.at(1, "other").is<Tensor>()) return two(x, c.tensor(1, "other"));
    if (!c.has(1, "dim") && !c.has(keyword_only, "axis")) return all(x, {}, {});
    const bool keep = keepdim(c, 2);
    return named_like(x, along(c, 1, x, [&](const Tensor& t, std::int64_t axis) {
                        return one(t, axis, {.keepdim = keep});
                      }));
  };
}

Value aminmax(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const Axes axes = dims(c, 1, x);
  const ReduceOptions options{.keepdim = keepdim(c, 2)};
  return {List{amin(x, axes, options), amax(x, axes, options)}, {"min", "max"}};
}

Value matrix_norm(const Tensor& x, const Value& ord, const Axes& axes, bool keep) {
  List dim{-2, -1};
  if (!axes.is_all()) dim = List(axes.list.begin(), axes.list.end());
  return call_function("linalg.matrix_norm", {x, ord, dim, keep});
}

/// torch.norm(x, p, dim, keepdim, dtype): vectors, but for p = "nuc"
Value any_norm(Call& c) {
  const Tensor x = in_dtype(c, 4, c.tensor(0, "input"));
  const Value p = c.at(1, "p");
  const Axes axes = dims(c, 2, x);
  const bool keep = keepdim(c, 3);
  const bool words = p.is<std::string>();
  if (words && p.text("p") != "fro") return matrix_norm(x, p, axes, keep);
  return norm(x, words || p.is_none() ? 2 : p.number("p"), axes, {.keepdim = keep});
}

/// torch.linalg.norm(x, ord, dim, keepdim, dtype): matrices where ord is given and two axes are
/// meant.
Value linalg_norm(Call& c) {
  const Tensor x = in_dtype(c, 4, c.tensor(0, "A"));
  const Value ord = c.at(1, "ord");
  const Axes axes = dims(c, 2, x);
  const bool keep = keepdim(c, 3);
  const auto count = axes.is_all() ? static_cast<std::size_t>(x.ndim()) : axes.list.size();
  if (!ord.is_none() && count == 2) return matrix_norm(x, ord, axes, keep);
  return norm(x, ord.is_none() ? 2 : ord.number("ord"), axes, {.keepdim = keep});
}

Value vector_norm(Call& c) {
  const Tensor x = in_dtype(c, 4, c.tensor(0, "x"));
  const Axes axes = dims(c, 2, x);
  const double ord = c.number(1, "ord", 2);
  return norm(x, ord, axes, {.keepdim = keepdim(c, 3)});
}

Value dist(Call& c) {
  return norm(c.tensor(0, "input") - c.tensor(1, "other"), c.number(2, "p", 2));
}

/// The areas of the trapezoids between neighbours: y, x or dx, dim.
Tensor trapezoids(Call& c) {
  const Tensor y = c.tensor(0, "y");
  const int axis = y.shape().axis(c.integer(keyword_only, "dim", -1), "trapezoid");
  const auto ahead = [axis](const Tensor& t) { return slice(t, axis, 1); };
  const auto behind = [axis](const Tensor& t) { return slice(t, axis, 0, -1); };
  const Tensor heights = (ahead(y) + behind(y)) * 0.5;
  if (!c.at(1, "x").is<Tensor>()) {
    const double dx = c.at(1, "x").is_number() ? c.number(1, "x") : c.number(keyword_only, "dx", 1);
    return heights * dx;
  }
  const Tensor x = c.tensor(1, "x");
  std::vector<std::int64_t> shape(static_cast<std::size_t>(y.ndim()), 1);
  if (x.ndim() == 1)
    shape[static_cast<std::size_t>(axis)] = x.size(0);
  else
    for (int i = 0; i < x.ndim(); ++i)
      shape[static_cast<std::size_t>(y.ndim() - x.ndim() + i)] = x.size(i);
  const Tensor places = reshape(x, Shape(shape));
  return (ahead(places) - behind(places)) * heights;
}

Value trapezoid(Call& c) {
  const Tensor areas = trapezoids(c);
  return sum(areas, Axes{c.integer(keyword_only, "dim", -1)});
}

Value cumulative_trapezoid(Call& c) {
  const Tensor areas = trapezoids(c);
  return cumsum(areas, c.integer(keyword_only, "dim", -1));
}

Mapping functions() {
  return {
      {"sum", cast_reduction(sum)},
      {"mean", cast_reduction(mean)},
      {"prod", cast_reduction(prod)},
      {"nansum", cast_reduction(nansum)},
      {"nanmean", cast_reduction(nanmean)},
      {"var", deviation(var)},
      {"std", deviation(stddev)},
      {"var_mean", deviation_and_mean(var)},
      {"std_mean", deviation_and_mean(stddev)},
      {"amax", reduction(amax)},
      {"amin", reduction(amin)},
      {"aminmax", aminmax},
      {"max", extremum(amax, max_with_index, maximum)},
      {"min", extremum(amin, min_with_index, minimum)},
      {"argmax", reduction(argmax)},
      {"argmin", reduction(argmin)},
      {"logsumexp", reduction(logsumexp)},
      {"special.logsumexp", reduction(logsumexp)},
      {"count_nonzero", reduction(count_nonzero)},
      {"all", reduction(all)},
      {"any", reduction(any)},
      {"norm", any_norm},
      {"linalg.norm", linalg_norm},
      {"linalg.vector_norm", vector_norm},
      {"dist", dist},
      {"trace", [](Call& c) -> Value { return trace(c.tensor(0, "input")); }},
      {"trapz", trapezoid},
      {"trapezoid", trapezoid},
      {"cumulative_trapezoid", cumulative_trapezoid},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
