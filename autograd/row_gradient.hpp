/// RowGradient: the gradient of a table of which only few rows were used.
#pragma once

#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// What embedding with EmbeddingOptions::sparse leaves in a table [n, d] that is a leaf, in place
/// of a gradient [n, d] that is zero nearly everywhere.
struct RowGradient {
  Tensor index;   ///< int64 [k]: the rows, ascending, each one once.
  Tensor values;  ///< [k, d]: their gradients.

  bool defined() const { return index.defined(); }
};

namespace detail {

/// Whether a vjp that is called now is to leave its rows in this leaf, and give an undefined
/// contribution: within a pass of backward() that nobody watches, and without hooks on the leaf,
/// which want to see a whole gradient.
bool takes_rows(Node& leaf);
/// Adds values [k, d] to the gradient of the leaf's rows index [k], which may repeat or be
/// negative.
void add_rows(Node& leaf, const Tensor& index, const Tensor& values);

/// The sum of all parts.
RowGradient joined(const std::vector<RowGradient>& parts, const Shape& table);
/// `gradient`, which may be undefined, and all parts.
Tensor dense(const Tensor& gradient, const std::vector<RowGradient>& parts, const Shape& table);

}  // namespace detail
}  // namespace gradtape
