#include "gradtape/autograd/ops/attention.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/ops/detail/matrix.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

constexpr const char* op = "scaled_dot_product_attention";
constexpr double infinity = std::numeric_limits<double>::infinity();

void check(const Tensor& query, const Tensor& key, const Tensor& value) {
  if (query.ndim() < 2 || key.ndim() < 2 || value.ndim() < 2)
    fail<ShapeError>(op, fmt::format("needs query [..., n, d], key [..., m, d] and value "
                                     "[..., m, dv], got {}, {} and {}",
                                     describe(query), describe(key), describe(value)));
  if (query.size(-1) != key.size(-1))
    fail<ShapeError>(op, fmt::format("query {} and key {} differ in their last extent",
                                     describe(query), describe(key)));
  if (key.size(-2) != value.size(-2))
    fail<ShapeError>(op, fmt::format("key {} and value {} differ in their number of rows",
                                     describe(key), describe(value)));
}

/// bool [n, m]: whether query i may see key j.
Tensor lower_triangle(std::int64_t n, std::int64_t m) {
  return reshape(arange(n), {n, 1}) >= arange(m);
}

/// What the queries may see, and what is added to their scores; either may be undefined.
struct Mask {
  Tensor allowed, added;
};

/// -inf in `added` as false in `allowed`. Its rows may be -inf throughout, and -inf plus the NaN of
/// a key that is left out is NaN.
Mask split(const Mask& mask) {
  if (!mask.added.defined()) return mask;
  const Tensor open = mask.added != -infinity;
  return {mask.allowed.defined() ? logical_and(mask.allowed, open) : open,
          where(open, mask.added, 0)};
}

/// Whether a row of an added mask leaves nothing, or may do so together with what is allowed.
bool leaves_nothing(const Mask& mask) {
  if (!mask.added.defined() || mask.added.numel() == 0) return false;
  const Tensor shut = mask.added == -infinity;
  return any(mask.allowed.defined() ? shut : all(shut, -1)).item<bool>();
}

/// `scores` is their shape, q the query, whose dtype they have.
Mask mask_of(const AttentionOptions& options, const Shape& scores, Tensor q) {
  Mask mask;
  if (options.causal)
    mask.allowed = lower_triangle(scores[scores.ndim() - 2], scores[scores.ndim() - 1]);
  if (!options.mask.defined()) return mask;
  const Tensor given = options.mask.ndim() == 0 ? reshape(options.mask, {1}) : options.mask;
  if (!broadcasts_to(given.shape(), scores))
    fail<ShapeError>(op, fmt::format("mask {} does not broadcast to the scores, {}",
                                     describe(given), scores.str()));
  if (given.dtype() != bool_) {
    mask.added = given;
    promote_literals(q, mask.added, op);
  } else {
    mask.allowed = mask.allowed.defined() ? logical_and(mask.allowed, given) : given;
  }
  return leaves_nothing(mask) ? split(mask) : mask;
}

/// softmax along the last axis over what `allowed` holds; 0 where it holds nowhere in a row.
Tensor masked_softmax(const Tensor& scores, const Tensor& allowed) {
  if (scores.size(-1) == 0) return scores;
  const Tensor weights = softmax(where(allowed, scores, -infinity));
  const Tensor sees = sum(allowed, -1, {.keepdim = true}) > 0;
  const auto all = sees.data<bool>();
  for (const bool any : all)
    if (!any) return where(sees, weights, 0);
  return weights;
}

Attention attend(const Tensor& q, const Tensor& k, const Tensor& v, const Mask& mask,
                 const AttentionOptions& options) {
  const double scale = options.scale.value_or(1 / std::sqrt(static_cast<double>(q.size(-1))));
  Tensor scores = matmul(q * scale, transpose(k));
  if (mask.added.defined()) scores = scores + mask.added;
  Tensor weights = mask.allowed.defined() ? masked_softmax(scores, mask.allowed) : softmax(scores);
  if (options.dropout != 0) weights = dropout(weights, options.dropout, options.generator);
  return {matmul(weights, v), weights};
}

/// Whether all elements are finite; false too where their sum overflows.
bool surely_finite(const Tensor& x) {
  const auto inside = RecordingScope::inside_op();
  return std::isfinite(sum(x).item<double>());
}

Tensor bad_rows(const Tensor& x) { return any(logical_not(isfinite(x)), -1); }

/// attend where keys and values that a query does not see may be NaN or infinite. A product with
/// their weight, 0, would be NaN: so they are taken as 0, and a query that does see one, or is one,
/// gets afterwards what plain arithmetic gives.
Attention attend_past_nan(const Tensor& q, const Tensor& k, const Tensor& v, const Mask& mask,
                          AttentionOptions options) {
  const auto cleaned = [](const Tensor& x) { return where(isfinite(x), x, 0); };
  Attention y = attend(cleaned(q), cleaned(k), cleaned(v), mask, options);
  const Attention more = [&] {
    const auto inside = RecordingScope::inside_op();
    const Tensor bad = unsqueeze(logical_or(bad_rows(k), bad_rows(v)), -2);
    const Tensor touched = logical_or(any(logical_and(mask.allowed, bad), -1, {.keepdim = true}),
                                      unsqueeze(bad_rows(q), -1));
    if (!any(touched).item<bool>()) return Attention();
    options.dropout = 0;
    const Attention plain = attend(q, k, v, mask, options);
    const auto change = [&](const Tensor& from, const Tensor& to) {
      return where(touched, to - from, 0).detach();
    };
    return Attention{change(y.output, plain.output), change(y.weights, plain.weights)};
  }();
  if (more.output.defined()) y = {y.output + more.output, y.weights + more.weights};
  return y;
}

}  // namespace

Attention detail::attention(const Tensor& query, const Tensor& key, const Tensor& value,
                            const AttentionOptions& options) {
  Tensor x[] = {query, key, value};
  promote_literals(x, 3, op);
  const auto& [q, k, v] = x;
  check(q, k, v);
  Shape scores = broadcast(batch_shape(q), batch_shape(k), op);
  scores.push_back(q.size(-2));
  scores.push_back(k.size(-2));
  const Mask mask = mask_of(options, scores, q);
  const bool masked = mask.allowed.defined() || mask.added.defined();
  if (!masked || (surely_finite(q) && surely_finite(k) && surely_finite(v)))
    return attend(q, k, v, mask, options);
  return attend_past_nan(q, k, v, split(mask), options);
}

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& options) {
  return attention(query, key, value, options).output;
}

}  // namespace gradtape
