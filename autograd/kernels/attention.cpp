#include "gradtape/autograd/kernels/attention.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "gradtape/autograd/kernels/matmul/gemm.hpp"
#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/kernels/softmax.hpp"
#include "gradtape/autograd/runtime/parallel_items.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;

template <class T> constexpr T infinity = std::numeric_limits<T>::infinity();

/// How many queries are worked on at a time: few enough for their scores to stay in a core's own
/// cache, many enough for keys and values to be worth packing.
int64_t block_rows(int64_t n, int64_t m) {
  constexpr int64_t scores = 1 << 18, least = 16;
  return std::min(n, std::clamp(scores / m, least, m >= 512 ? int64_t{128} : int64_t{64}));
}

/// Some queries of one matrix of the batch, and the keys that they see.
template <class T> struct Block {
  const AttentionOperands<T>& x;
  int64_t b, first, rows, columns;

  Block(const AttentionOperands<T>& x, int64_t b, int64_t first, int64_t most)
      : x(x),
        b(b),
        first(first),
        rows(std::min(most, x.n - first)),
        columns(x.causal ? std::min(x.m, first + rows) : x.m) {}

  Matrix<T> keys(bool transposed = false) const {
    const T* const at = x.k + b * x.m * x.d;
    return transposed ? Matrix<T>{at, x.d, columns, true} : Matrix<T>{at, columns, x.d};
  }
  Matrix<T> values(bool transposed = false) const {
    const T* const at = x.v + b * x.m * x.dv;
    return transposed ? Matrix<T>{at, x.dv, columns, true} : Matrix<T>{at, columns, x.dv};
  }

  /// What row i of the scores may see becomes what it is with the mask, the rest -inf. Whether
  /// there is anything that it may see.
  bool mask(int64_t i, T* scores) const {
    const auto last = x.causal ? std::min(columns, first + i + 1) : columns;
    std::fill(scores + last, scores + columns, -infinity<T>);
    if (!x.mask.data) return last > 0;
    const auto at = x.mask.start[b] + (first + i) * x.mask.row, step = x.mask.column;
    bool sees = false;
    if (x.mask.added) {
      const T* const added = static_cast<const T*>(x.mask.data) + at;
      for (int64_t j = 0; j < last; ++j) {
        scores[j] += added[j * step];
        sees |= added[j * step] != -infinity<T>;
      }
    } else {
      const bool* const allowed = static_cast<const bool*>(x.mask.data) + at;
      for (int64_t j = 0; j < last; ++j) {
        scores[j] = allowed[j * step] ? scores[j] : -infinity<T>;
        sees |= allowed[j * step];
      }
    }
    return sees;
  }

  /// scaled: [rows, d], scale q; weights: [rows, columns]
  void weigh(T* scaled, T* weights) const {
    const T* const q = x.q + (b * x.n + first) * x.d;
    std::transform(q, q + rows * x.d, scaled, [this](T v) { return v * x.scale; });
    gemm<T>({scaled, rows, x.d}, keys(true), weights);
    if (!x.causal && !x.mask.data) return softmax(weights, weights, {rows, columns, 1});
    std::vector<bool> sees(static_cast<std::size_t>(rows));
    for (int64_t i = 0; i < rows; ++i)
      sees[static_cast<std::size_t>(i)] = mask(i, weights + i * columns);
    softmax(weights, weights, {rows, columns, 1});
    for (int64_t i = 0; i < rows; ++i)
      if (!sees[static_cast<std::size_t>(i)]) std::fill_n(weights + i * columns, columns, T(0));
  }
};

}  // namespace

template <class T> void attention(const AttentionOperands<T>& x, T* y) {
  const auto most = block_rows(x.n, x.m), blocks = (x.n + most - 1) / most;
  const auto of_block = [&](int64_t i) {
    // The last blocks of a causal matrix are the longest: each thread gets some of all.
    const Block<T> block(x, i % x.batch, i / x.batch * most, most);
    const Scratch<T> memory(block.rows * (block.columns + x.d));
    T* const weights = memory;
    block.weigh(weights + block.rows * block.columns, weights);
    gemm<T>({weights, block.rows, block.columns}, block.values(),
            y + (block.b * x.n + block.first) * x.dv);
  };
  detail::parallel_items(x.batch * blocks, 1, of_block);
}

template <class T>
void attention_backward(const AttentionOperands<T>& x, const T* g, T* dq, T* dk, T* dv) {
  const auto most = block_rows(x.n, x.m);
  const auto of_matrix = [&](int64_t b) {
    const Scratch<T> memory(most * (2 * x.m + x.d));
    T* const weights = memory;
    T *const slopes = weights + most * x.m, *const scaled = slopes + most * x.m;
    if (dk) std::fill_n(dk + b * x.m * x.d, x.m * x.d, T(0));
    if (dv) std::fill_n(dv + b * x.m * x.dv, x.m * x.dv, T(0));
    for (int64_t first = 0; first < x.n; first += most) {
      const Block<T> block(x, b, first, most);
      const auto rows = block.rows, columns = block.columns, row = b * x.n + first;
      const Matrix<T> cotangent{g + row * x.dv, rows, x.dv};
      block.weigh(scaled, weights);
      if (dv) gemm<T>({weights, columns, rows, true}, cotangent, dv + b * x.m * x.dv, true);
      if (!dq && !dk) continue;
      gemm<T>(cotangent, block.values(true), slopes);
      softmax_backward(slopes, weights, slopes, {rows, columns, 1});
      if (dk) gemm<T>({slopes, columns, rows, true}, {scaled, rows, x.d}, dk + b * x.m * x.d, true);
      if (!dq) continue;
      T* const to = dq + row * x.d;
      gemm<T>({slopes, rows, columns}, block.keys(), to);
      std::transform(to, to + rows * x.d, to, [&x](T v) { return v * x.scale; });
    }
  };
  detail::parallel_items(x.batch, 1, of_matrix);
}

template void attention(const AttentionOperands<float>&, float*);
template void attention(const AttentionOperands<double>&, double*);
template void attention_backward(const AttentionOperands<float>&, const float*, float*, float*,
                                 float*);
template void attention_backward(const AttentionOperands<double>&, const double*, double*, double*,
                                 double*);

}  // namespace gradtape::kernels
