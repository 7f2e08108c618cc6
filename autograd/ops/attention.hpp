/// Attention.
#pragma once

#include <optional>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Options of scaled_dot_product_attention.
struct AttentionOptions {
  Tensor mask = {};     ///< bool (true takes part) or added to the scores; broadcasts to them.
  bool causal = false;  ///< Position i sees positions 0 ... i only.
  std::optional<double> scale = {};  ///< Of the scores; 1 / sqrt(d) unless given.
  double dropout = 0;                ///< Probability with which a weight is dropped, in [0, 1].
  Generator generator = {};          ///< Draws what is dropped.
};
/// softmax(scale query key^T + mask) value (Vaswani et al. 2017, eq. 1).  query: [..., n, d], key:
/// [..., m, d], value: [..., m, dv], batches broadcast -> [..., n, dv]. A query that may see
/// nothing gets 0, also where -inf is added to all its scores. What a query may not see is as if it
/// were not there, NaN and infinities included. Throws ShapeError, DtypeError, ValueError.
[[nodiscard]] Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key,
                                                  const Tensor& value,
                                                  const AttentionOptions& options = {});

namespace detail {
/// What scaled_dot_product_attention gives, and the weights of the values: [..., n, m], after
/// dropout.
struct Attention {
  Tensor output, weights;
};
[[nodiscard]] Attention attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                  const AttentionOptions& options);
}  // namespace detail

namespace author {
/// `attention(query, key, value, options)`: `output` as scaled_dot_product_attention gives it, and
/// `weights` of the values, [..., n, m], after dropout. For layers that return the weights too.
using detail::attention;
}  // namespace author

}  // namespace gradtape
