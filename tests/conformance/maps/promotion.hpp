/// How PyTorch makes the dtypes of an op's operands one; ours must agree beforehand.
#pragma once

#include <algorithm>
#include <vector>

#include "../value.hpp"

namespace gradtape::conformance {

/// Integers and bools become float64, the default dtype of the corpus.
inline Tensor floating(const Tensor& x) {
  return is_floating(x.dtype()) || x.is_weak() ? x : x.to(float64);
}

/// The dtype that PyTorch computes with: the category (bool, integer, floating) is the highest
/// among the operands, the width that of the tensors with axes, else of the 0-d ones, else of the
/// numbers.
inline Dtype promoted(const std::vector<Tensor>& x) {
  const auto rank = [](Dtype dtype) {
    return dtype == bool_ ? 0 : dtype == int64 ? 1 : dtype == float32 ? 2 : 3;
  };
  int best[3] = {-1, -1, -1};
  for (const auto& t : x) {
    int& place = best[t.is_weak() ? 2 : t.ndim() == 0 ? 1 : 0];
    place = std::max(place, rank(t.dtype()));
  }
  int result = best[0];
  for (int lower : {best[1], best[2]})
    if (std::min(lower, 2) > std::min(result, 2)) result = lower;
  return result <= 0 ? bool_ : result == 1 ? int64 : result == 2 ? float32 : float64;
}

/// The operands in the dtype of `promoted`, or in float64 where that is no floating one.
inline Dtype promote(std::vector<Tensor>& x, bool to_floating = false) {
  Dtype dtype = promoted(x);
  if (to_floating && !is_floating(dtype)) dtype = float64;
  for (auto& t : x)
    if (t.dtype() != dtype) t = t.to(dtype);
  return dtype;
}

/// f in floating numbers, whatever comes.
inline Function floating_of_one(Tensor (*f)(const Tensor&)) {
  return [f](Call& c) -> Value {
    c.ignore(99, "out");
    return f(floating(c.tensor(0, "input")));
  };
}
inline Function floating_of_two(Tensor (*f)(const Tensor&, const Tensor&)) {
  return [f](Call& c) -> Value {
    std::vector<Tensor> x{c.tensor(0, "input"), c.tensor(1, "other")};
    promote(x, true);
    return f(x[0], x[1]);
  };
}

/// f, computed in float64 for integers, which it gives back.
inline Function numeric_of_one(Tensor (*f)(const Tensor&)) {
  return [f](Call& c) -> Value {
    const Tensor x = c.tensor(0, "input");
    return is_floating(x.dtype()) ? f(x) : f(x.to(float64)).to(x.dtype());
  };
}
inline Tensor numeric(std::vector<Tensor> x, Tensor (*f)(const Tensor&, const Tensor&)) {
  const Dtype dtype = promote(x);
  if (is_floating(dtype)) return f(x[0], x[1]);
  return f(x[0].to(float64), x[1].to(float64)).to(dtype == bool_ ? int64 : dtype);
}
inline Function numeric_of_two(Tensor (*f)(const Tensor&, const Tensor&), bool swapped = false) {
  return [=](Call& c) -> Value {
    const Tensor a = c.tensor(0, "input"), b = c.tensor(1, "other");
    return swapped ? numeric({b, a}, f) : numeric({a, b}, f);
  };
}

}  // namespace gradtape::conformance
