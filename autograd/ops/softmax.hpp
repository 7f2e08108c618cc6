/// Softmax, its logarithm, and the cross-entropy of rows.
#pragma once

#include <optional>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

// With infinite elements these have their limits: softmax({inf, 0}) is {1, 0}. A row of -inf has
// none and gives NaN; where a mask may leave a row nothing, scaled_dot_product_attention gives 0.

/// exp(x) / sum(exp(x)) along axis
[[nodiscard]] Tensor softmax(const Tensor& x, std::int64_t axis = -1);
/// log(softmax(x)) along axis, near 0 too with all its digits.
[[nodiscard]] Tensor log_softmax(const Tensor& x, std::int64_t axis = -1);
/// softmax(-x) along axis
[[nodiscard]] Tensor softmin(const Tensor& x, std::int64_t axis = -1);

namespace detail {

/// The classes that rows of logits are to have.
struct ClassTargets {
  Tensor index;          ///< int64 [n]; a row with a negative one has the loss 0.
  Tensor weight = {};    ///< [classes], what the loss of each class is multiplied with; or none.
  double smoothing = 0;  ///< The share of each row that is spread over all classes.
};
/// nn::cross_entropy in one op: -sum_c a_c log_softmax(x)_c for each row of x: [n, classes], with
/// a = (1 - smoothing) weight[index] one_hot(index) + smoothing / classes weight. Returns [n], or,
/// with a divisor, their sum divided by it.
[[nodiscard]] Tensor cross_entropy_rows(const Tensor& x, const ClassTargets& target,
                                        std::optional<double> divisor = {});
/// The same for a given a: [n, classes], which is differentiated too.
[[nodiscard]] Tensor cross_entropy_rows(const Tensor& x, const Tensor& a,
                                        std::optional<double> divisor = {});

}  // namespace detail

namespace author {
/// The targets of `n` rows of scores, checked: what cross_entropy_rows takes.
using detail::ClassTargets;
/// `cross_entropy_rows(x, target, divisor)`: the cross-entropy of every row of x [n, classes], [n];
/// with a divisor, their sum divided by it.
using detail::cross_entropy_rows;
}  // namespace author
}  // namespace gradtape
