/// Scaled dot-product attention on raw pointers, some queries at a time.
#pragma once

#include <cstdint>

namespace gradtape::kernels {

/// What a score [n, m] is made of: row i, column j of matrix b is at
/// `start[b] + i * row + j * column`.
struct ScoreMask {
  const void* data = nullptr;  ///< bool: true takes part; or T, added to the scores.
  bool added = false;          ///< Which of the two.
  const std::int64_t* start = nullptr;
  std::int64_t row = 0, column = 0;
};

/// The operands of softmax(scale q k^T + mask) v for a batch of matrices. T: float or double. No
/// extent is 0.
template <class T> struct AttentionOperands {
  const T *q, *k, *v;  ///< [batch, n, d], [batch, m, d], [batch, m, dv]; finite.
  std::int64_t batch, n, m, d, dv;
  T scale;
  bool causal;  ///< Row i of the scores has the columns 0 ... i only.
  ScoreMask mask;
};

// A row of scores is made and used up while it is in the cache: memory for some rows of them is
// all that either pass takes. Columns that no row of a block may see are not computed. A row that
// may see nothing has weights of 0.

/// y: [batch, n, dv]
template <class T> void attention(const AttentionOperands<T>& x, T* y);
/// The gradients of q, k and v for the cotangent g of y; null where one is not needed. The weights
/// are computed again.
template <class T>
void attention_backward(const AttentionOperands<T>& x, const T* g, T* dq, T* dk, T* dv);

}  // namespace gradtape::kernels
