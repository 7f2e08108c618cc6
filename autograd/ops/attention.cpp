#include "gradtape/autograd/ops/attention.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/ops/detail/attention.hpp"
#include "gradtape/autograd/ops/detail/matrix.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

constexpr const char* op = attention_op;
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

/// The mask of the options, checked, for scores of that shape and a query q.
Tensor given_mask(const Tensor& mask, const Shape& scores, Tensor q) {
  if (!mask.defined()) return mask;
  Tensor given = mask.ndim() == 0 ? reshape(mask, {1}) : mask;
  if (!broadcasts_to(given.shape(), scores))
    fail<ShapeError>(op, fmt::format("mask {} does not broadcast to the scores, {}",
                                     describe(given), scores.str()));
  if (given.dtype() != bool_) promote_literals(q, given, op);
  return given;
}

Mask mask_of(const AttentionCall& call) {
  const Shape& scores = call.scores;
  Mask mask;
  if (call.options.causal)
    mask.allowed = lower_triangle(scores[scores.ndim() - 2], scores[scores.ndim() - 1]);
  if (!call.mask.defined()) return mask;
  if (call.mask.dtype() != bool_)
    mask.added = call.mask;
  else
    mask.allowed = mask.allowed.defined() ? logical_and(mask.allowed, call.mask) : call.mask;
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

/// `call` with the masks that mask_of found.
Attention attend(const AttentionCall& call, const Mask& mask) {
  Tensor scores = matmul(call.q * call.scale(), transpose(call.k));
  if (mask.added.defined()) scores = scores + mask.added;
  Tensor weights = mask.allowed.defined() ? masked_softmax(scores, mask.allowed) : softmax(scores);
  const auto& options = call.options;
  if (options.dropout != 0) weights = dropout(weights, options.dropout, options.generator);
  return {matmul(weights, call.v), weights};
}

Tensor bad_rows(const Tensor& x) { return any(logical_not(isfinite(x)), -1); }

/// attend where keys and values that a query does not see may be NaN or infinite. A product with
/// their weight, 0, would be NaN: so they are taken as 0, and a query that does see one, or is one,
/// gets afterwards what plain arithmetic gives.
Attention attend_past_nan(const AttentionCall& call, const Mask& mask) {
  AttentionCall cleaned = call;
  for (Tensor* x : {&cleaned.q, &cleaned.k, &cleaned.v}) *x = where(isfinite(*x), *x, 0);
  Attention y = attend(cleaned, mask);
  const Attention more = [&] {
    const auto inside = RecordingScope::inside_op();
    const Tensor bad = unsqueeze(logical_or(bad_rows(call.k), bad_rows(call.v)), -2);
    const Tensor touched = logical_or(any(logical_and(mask.allowed, bad), -1, {.keepdim = true}),
                                      unsqueeze(bad_rows(call.q), -1));
    if (!any(touched).item<bool>()) return Attention();
    AttentionCall all_kept = call;
    all_kept.options.dropout = 0;
    const Attention plain = attend(all_kept, mask);
    const auto change = [&](const Tensor& from, const Tensor& to) {
      return where(touched, to - from, 0).detach();
    };
    return Attention{change(y.output, plain.output), change(y.weights, plain.weights)};
  }();
  if (more.output.defined()) y = {y.output + more.output, y.weights + more.weights};
  return y;
}

AttentionCall checked(const Tensor& query, const Tensor& key, const Tensor& value,
                      const AttentionOptions& options) {
  Tensor x[] = {query, key, value};
  promote_literals(x, 3, op);
  const auto& [q, k, v] = x;
  check(q, k, v);
  Shape scores = broadcast(batch_shape(q), batch_shape(k), op);
  scores.push_back(q.size(-2));
  scores.push_back(k.size(-2));
  return {q, k, v, given_mask(options.mask, scores, q), options, scores};
}

}  // namespace

Attention detail::composed_attention(const AttentionCall& call) {
  const Mask mask = mask_of(call);
  const bool masked = mask.allowed.defined() || mask.added.defined();
  if (!masked || (surely_finite(call.q) && surely_finite(call.k) && surely_finite(call.v)))
    return attend(call, mask);
  return attend_past_nan(call, split(mask));
}

Attention detail::attention(const Tensor& query, const Tensor& key, const Tensor& value,
                            const AttentionOptions& options) {
  return composed_attention(checked(query, key, value, options));
}

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& options) {
  const AttentionCall call = checked(query, key, value, options);
  return blocked_attention_serves(call) ? blocked_attention(call) : composed_attention(call).output;
}

}  // namespace gradtape
