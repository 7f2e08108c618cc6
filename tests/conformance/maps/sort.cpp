#include <algorithm>
#include <map>
#include <numeric>

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

/// The values, then inverse and counts where asked for from argument i on.
Value with_options(Call& c, std::size_t i, const Unique& u) {
  List out{u.values};
  if (c.flag(i, "return_inverse", false)) out.emplace_back(u.inverse);
  if (c.flag(i + 1, "return_counts", false)) out.emplace_back(u.counts);
  return out.size() == 1 ? out[0] : Value(out);
}

/// The different slices of x along an axis: in ascending order, or each run of equal neighbours
/// once. PyTorch's dim; NumPy and we know it as a loop.
Unique distinct_slices(const Tensor& x, std::int64_t axis, bool runs) {
  const Tensor first = movedim(x, axis, 0).to(float64);
  const auto n = first.size(0), width = n == 0 ? 0 : first.numel() / n;
  const auto row = [&](std::int64_t i) { return first.data<double>().subspan(i * width, width); };
  const auto less = [&](std::int64_t a, std::int64_t b) {
    return std::ranges::lexicographical_compare(row(a), row(b));
  };
  std::vector<std::int64_t> order(static_cast<std::size_t>(n)), kept, counts, inverse(order.size());
  std::iota(order.begin(), order.end(), 0);
  if (!runs) std::ranges::stable_sort(order, less);
  for (const auto i : order) {
    if (kept.empty() || !std::ranges::equal(row(kept.back()), row(i))) {
      kept.push_back(i);
      counts.push_back(0);
    }
    ++counts.back();
    inverse[static_cast<std::size_t>(i)] = std::ssize(kept) - 1;
  }
  return {index_select(x, axis, tensor(kept)), tensor(inverse), tensor(counts)};
}

/// unique(x, sorted, return_inverse, return_counts, dim)
Value distinct(Call& c) {
  const Tensor x = c.tensor(0, "input");
  c.ignore(1, "sorted");
  return with_options(c, 2,
                      c.has(4, "dim") ? distinct_slices(x, c.integer(4, "dim"), false) : unique(x));
}

/// unique_consecutive(x, return_inverse, return_counts, dim)
Value distinct_neighbours(Call& c) {
  const Tensor x = c.tensor(0, "input");
  if (c.has(3, "dim")) return with_options(c, 1, distinct_slices(x, c.integer(3, "dim"), true));
  Unique u = distinct_slices(reshape(x, {-1}), 0, true);
  u.inverse = reshape(u.inverse, x.shape());
  return with_options(c, 1, u);
}

/// right=True or side="right"
bool to_the_right(Call& c) {
  c.ignore(keyword_only, "out_int32");
  return c.flag(keyword_only, "right", false) || c.text(keyword_only, "side", "left") == "right";
}

Value search(Call& c) {
  const Tensor given = c.tensor(0, "sorted_sequence"), x = c.tensor(1, "input");
  const Tensor order = c.tensor_or_none(keyword_only, "sorter");
  const Tensor sorted = order.defined() ? take_along(given, -1, order) : given;
  return searchsorted(sorted, x, {.right = to_the_right(c)});
}

Value bucket(Call& c) {
  const Tensor x = c.tensor(0, "input"), boundaries = c.tensor(1, "boundaries");
  return bucketize(x, boundaries, {.right = to_the_right(c)});
}

Mapping functions() {
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
      {"unique_consecutive", distinct_neighbours},
      {"searchsorted", search},
      {"bucketize", bucket},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
