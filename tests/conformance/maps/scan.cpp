#include "axes.hpp"

namespace gradtape::conformance {
namespace {

/// f(x, dim, dtype)
Function scan(Tensor (*f)(const Tensor&, std::int64_t)) {
  return [f](Call& c) -> Value {
    const Tensor x = in_dtype(c, 2, c.tensor(0, "input"));
    return reshape(along(c, 1, x, f), x.shape());
  };
}

Function running_extreme(WithIndices (*f)(const Tensor&, std::int64_t)) {
  return [f](Call& c) -> Value {
    const Tensor x = c.tensor(0, "input");
    return named_like(x, along(c, 1, x, f));
  };
}

/// diff(x, n, dim, prepend, append)
Value difference(Call& c) {
  Tensor x = c.tensor(0, "input");
  const auto n = c.integer(1, "n", 1);
  const auto axis = c.integer(2, "dim", -1);
  std::vector<Tensor> parts{x};
  if (c.has(3, "prepend")) parts.insert(parts.begin(), c.tensor(3, "prepend"));
  if (c.has(4, "append")) parts.push_back(c.tensor(4, "append"));
  const auto one_row = [&](const Tensor& t) {  // a 0-d one stands for a slice of its value
    if (t.ndim() || x.ndim() == 0) return t;
    Shape shape = x.shape();
    shape[shape.axis(axis, "diff")] = 1;
    return expand(t, shape);
  };
  for (auto& part : parts) part = one_row(part);
  return diff(parts.size() == 1 ? x : concat(parts, axis), axis, n);
}

Mapping functions() {
  return {
      {"cumsum", scan(cumsum)},
      {"cumprod", scan(cumprod)},
      {"logcumsumexp", scan(logcumsumexp)},
      {"cummax", running_extreme(cummax)},
      {"cummin", running_extreme(cummin)},
      {"diff", difference},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
