/// RowGradient: the gradient of a table of which only few rows were used.
#pragma once

#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// A gradient of a table [n, d] that is zero but for k rows: what the vjp of a lookup returns, such
/// as that of embedding with EmbeddingOptions::sparse. backward() leaves it in a leaf as it is;
/// everywhere else the engine makes it dense. From Parameter::row_gradient the rows come ascending,
/// each one once; a vjp may return them in any order, several times, and counted from the end.
struct RowGradient {
  Tensor index;   ///< int64 [k]: the rows.
  Tensor values;  ///< [k, d]: their gradients.

  /// Whether there is one at all.
  [[nodiscard]] bool defined() const { return index.defined(); }
};

namespace detail {

/// The sum of all parts.
[[nodiscard]] RowGradient joined(const std::vector<RowGradient>& parts, const Shape& table);
/// The gradient of a table of `count` rows, as ops that are recorded where recording is on.
[[nodiscard]] Tensor to_dense(const RowGradient& rows, std::int64_t count);
/// `gradient`, which may be undefined, and all parts.
[[nodiscard]] Tensor dense_sum(const Tensor& gradient, const std::vector<RowGradient>& parts,
                               const Shape& table);

}  // namespace detail
}  // namespace gradtape
