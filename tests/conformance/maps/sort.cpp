#include <map>

#include "axes.hpp"

namespace gradtape::conformance {
namespace {

/// sort(x, dim, descending), or with the keyword stable.
Value sorted(Call& c) {
  const Tensor x = c.tensor(0, "input");
  c.ignore(keyword_only, "stable");
  const SortOptions options{.descending = c.flag(2, "descending", false)};
  return named_like(
      x, along(
             c, 1, x, [&](const Tensor& t, auto axis) { return sort(t, axis, options); }, -1));
}

Value order(Call& c) {
  const Tensor x = c.tensor(0, "input");
  c.ignore(keyword_only, "stable");
  const SortOptions options{.descending = c.flag(2, "descending", false)};
  const auto f = [&](const Tensor& t, auto axis) { return argsort(t, axis, options); };
  return reshape(along(c, 1, x, f, -1), x.shape());
}

/// topk(x, k, dim, largest, sorted)
Value top(Call& c) {
  const Tensor x = c.tensor(0, "input");
  c.ignore(4, "sorted");
  const auto k = c.integer(1, "k");
  const bool largest = c.flag(3, "largest", true);
  const auto f = [&](const Tensor& t, std::int64_t axis) {
    return topk(t, k, {.axis = axis, .largest = largest});
  };
  return named_like(x, along(c, 2, x, f, -1));
}

/// kthvalue(x, k, dim, keepdim)
Value kth(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const auto k = c.integer(1, "k");
  const ReduceOptions options{.keepdim = keepdim(c, 3)};
  const auto f = [&](const Tensor& t, std::int64_t axis) { return kthvalue(t, k, axis, options); };
  return named_like(x, along(c, 2, x, f, -1));
}

Value most_frequent(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const ReduceOptions options{.keepdim = keepdim(c, 2)};
  const auto f = [&](const Tensor& t, std::int64_t axis) { return mode(t, axis, options); };
  return named_like(x, along(c, 1, x, f, -1));
}

/// The elements that are `wanted` share the gradient, as PyTorch's median of all elements has it.
Tensor shared(const Tensor& x, const Tensor& wanted) {
  const Tensor at = wanted.detach();
  const Tensor hit = logical_or(x == at, logical_and(x != x, at != at));
  return sum(where(hit, x, 0.0)) / sum(hit).to(x.dtype());
}

/// median(x), median(x, dim, keepdim)
Value middle(Call& c) {
  const Tensor x = c.tensor(0, "input");
  if (!c.has(1, "dim")) return shared(x, median(reshape(x, {x.numel()}), 0).values);
  const ReduceOptions options{.keepdim = keepdim(c, 2)};
  const auto f = [&](const Tensor& t, std::int64_t axis) { return median(t, axis, options); };
  return named_like(x, along(c, 1, x, f));
}

/// The lower median of what is not NaN along the last axis.
WithIndices nanmedian_last(const Tensor& x) {
  const auto [values, at] = sort(x);
  const Tensor count = count_nonzero(x == x, -1, {.keepdim = true});
  const Tensor half = where(count == 0, 0, ((count - 1).to(float64) * 0.5));
  const Tensor rank = floor(half).to(int64);
  return {squeeze(gather(values, -1, rank), -1), squeeze(gather(at, -1, rank), -1)};
}

Value nan_middle(Call& c) {
  const Tensor x = c.tensor(0, "input");
  if (!c.has(1, "dim")) return shared(x, nanmedian_last(reshape(x, {x.numel()})).values);
  const bool keep = keepdim(c, 2);
  const auto f = [&](const Tensor& t, std::int64_t axis) {
    const WithIndices y = nanmedian_last(transpose(t, axis, -1));
    const auto back = [&](const Tensor& m) {
      const Tensor whole = transpose(unsqueeze(m, -1), axis, -1);
      return keep ? whole : squeeze(whole, axis);
    };
    return WithIndices{back(y.values), back(y.indices)};
  };
  return named_like(x, along(c, 1, x, f));
}

/// quantile(x, q, dim, keepdim, interpolation=)
Value quantiles(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const Tensor q = c.tensor(1, "q");
  const Axes axes = dims(c, 2, x);
  const std::map<std::string, Interpolation> kinds{{"linear", Interpolation::linear},
                                                   {"lower", Interpolation::lower},
                                                   {"higher", Interpolation::higher},
                                                   {"nearest", Interpolation::nearest},
                                                   {"midpoint", Interpolation::midpoint}};
  const auto kind = kinds.find(c.text(keyword_only, "interpolation", "linear"));
  if (kind == kinds.end()) throw Unsupported("quantile: this interpolation");
  return quantile(x, q, axes, {.keepdim = keepdim(c, 3), .interpolation = kind->second});
}

/// unique(x, sorted, return_inverse, return_counts) without dim
Value distinct(Call& c) {
  const Unique u = unique(c.tensor(0, "input"));
  c.ignore(1, "sorted");
  List out{u.values};
  if (c.flag(2, "return_inverse", false)) out.emplace_back(u.inverse);
  if (c.flag(3, "return_counts", false)) out.emplace_back(u.counts);
  return out.size() == 1 ? out[0] : Value(out);
}

/// right=True or side="right"
bool to_the_right(Call& c) {
  c.ignore(keyword_only, "out_int32");
  return c.flag(keyword_only, "right", false) || c.text(keyword_only, "side", "left") == "right";
}

Value search(Call& c) {
  const Tensor sorted = c.tensor(0, "sorted_sequence"), x = c.tensor(1, "input");
  return searchsorted(sorted, x, {.right = to_the_right(c)});
}

Value bucket(Call& c) {
  const Tensor x = c.tensor(0, "input"), boundaries = c.tensor(1, "boundaries");
  return bucketize(x, boundaries, {.right = to_the_right(c)});
}

}  // namespace

Mapping sort_map() {
  return {
      {"sort", sorted},
      {"argsort", order},
      {"msort", [](Call& c) -> Value { return sort(c.tensor(0, "input"), 0).values; }},
      {"topk", top},
      {"kthvalue", kth},
      {"mode", most_frequent},
      {"median", middle},
      {"nanmedian", nan_middle},
      {"quantile", quantiles},
      {"unique", distinct},
      {"searchsorted", search},
      {"bucketize", bucket},
  };
}

}  // namespace gradtape::conformance
