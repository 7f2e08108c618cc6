/// The weights that attention computes with.
#pragma once

#include "gradtape/autograd/ops/attention.hpp"

namespace gradtape::detail {

/// softmax(scale query key^T + mask), with dropout: the weights of scaled_dot_product_attention.
/// query: [..., n, d], key: [..., m, d] -> [..., n, m]. Throws as attention() does.
Tensor attention_weights(const Tensor& query, const Tensor& key, const AttentionOptions& options);

}  // namespace gradtape::detail
