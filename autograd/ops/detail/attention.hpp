/// The two ways of attention; for ops/attention*.cpp only.
#pragma once

#include "gradtape/autograd/ops/attention.hpp"

namespace gradtape::detail {

inline constexpr const char* attention_op = "scaled_dot_product_attention";

/// Operands of attention that were checked: dtypes and extents fit.
struct AttentionCall {
  Tensor q, k, v;
  Tensor mask;  ///< Undefined, bool, or of the dtype of q; broadcasts to the scores.
  AttentionOptions options;
  Shape scores;  ///< [..., n, m]
  double scale() const;
};

/// The output and the weights by public ops.
[[nodiscard]] Attention composed_attention(const AttentionCall& call);

/// Whether blocked_attention serves the call. It gives no weights, drops none, has no gradient for
/// a mask, and takes q, k and v of one batch shape, finite and not empty.
[[nodiscard]] bool blocked_attention_serves(const AttentionCall& call);
/// The output in memory that is linear in the extents: scores are computed some rows at a time, and
/// again in the backward pass. A backward pass that is itself recorded, or gets a cotangent that is
/// not finite, goes by composed_attention.
[[nodiscard]] Tensor blocked_attention(const AttentionCall& call);

/// Whether all elements are finite; false too where their sum overflows.
[[nodiscard]] bool surely_finite(const Tensor& x);

}  // namespace gradtape::detail
