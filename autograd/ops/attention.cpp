#include "gradtape/autograd/ops/attention.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

constexpr const char* op = "scaled_dot_product_attention";

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

/// softmax along the last axis over what `allowed` holds; 0 where it holds nowhere in a row.
Tensor masked_softmax(const Tensor& scores, const Tensor& allowed) {
  if (scores.size(-1) == 0) return scores;
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor weights = softmax(where(allowed, scores, -infinity));
  const Tensor sees = sum(allowed, -1, {.keepdim = true}) > 0;
  const auto all = sees.data<bool>();
  for (const bool any : all)
    if (!any) return where(sees, weights, 0);
  return weights;
}

}  // namespace

Tensor detail::attention_weights(const Tensor& query, const Tensor& key,
                                 const AttentionOptions& options) {
  Tensor x[] = {query, key};
  promote_literals(x, 2, op);
  const auto& [q, k] = x;
  if (q.ndim() < 2 || k.ndim() < 2 || q.size(-1) != k.size(-1))
    fail<ShapeError>(op, fmt::format("needs query [..., n, d] and key [..., m, d], got {} and {}",
                                     describe(q), describe(k)));
  const double scale = options.scale.value_or(1 / std::sqrt(static_cast<double>(q.size(-1))));
  Tensor scores = matmul(q * scale, transpose(k));

  Tensor allowed;
  if (options.causal) allowed = lower_triangle(q.size(-2), k.size(-2));
  if (const Tensor& mask = options.mask; mask.defined()) {
    if (!broadcasts_to(mask.shape(), scores.shape()))
      fail<ShapeError>(op, fmt::format("mask {} does not broadcast to the scores, {}",
                                       describe(mask), scores.shape().str()));
    if (mask.dtype() != bool_) {
      Tensor a = scores, b = mask;
      promote_literals(a, b, op);
      scores = a + b;
    } else {
      allowed = allowed.defined() ? logical_and(allowed, mask) : mask;
    }
  }
  const Tensor weights = allowed.defined() ? masked_softmax(scores, allowed) : softmax(scores);
  if (options.dropout == 0) return weights;
  return dropout(weights, options.dropout, options.generator);
}

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& options) {
  Tensor x[] = {query, key, value};
  promote_literals(x, 3, op);
  check(x[0], x[1], x[2]);
  return matmul(attention_weights(x[0], x[1], options), x[2]);
}

}  // namespace gradtape
