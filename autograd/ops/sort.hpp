/// Sorting, order statistics and searching. Sorts are stable; NaN counts as larger than every
/// number. Gradients go to the elements that were chosen.
#pragma once

#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Options of sort and argsort.
struct SortOptions {
  bool descending = false;  ///< Largest first.
};
/// Options of topk.
struct TopkOptions {
  std::int64_t axis = -1;  ///< The axis along which it looks.
  bool largest = true;     ///< The smallest otherwise.
};
/// How quantile reads between two elements.
enum class Interpolation { linear, lower, higher, nearest, midpoint };
/// Options of quantile.
struct QuantileOptions {
  bool keepdim = false;                                 ///< Keep the reduced axes with extent 1.
  Interpolation interpolation = Interpolation::linear;  ///< Between two elements.
};
/// Options of searchsorted and bucketize.
struct SearchOptions {
  bool right = false;  ///< Behind equal elements rather than before them.
};

/// x in ascending (or descending) order along axis, and where each element was.
[[nodiscard]] WithIndices sort(const Tensor& x, std::int64_t axis = -1, SortOptions options = {});
/// The indices that sort x along axis, int64.
[[nodiscard]] Tensor argsort(const Tensor& x, std::int64_t axis = -1, SortOptions options = {});
/// The k largest (or smallest) elements along an axis in order, and where they are. Throws
/// ValueError unless 0 <= k <= n.
[[nodiscard]] WithIndices topk(const Tensor& x, std::int64_t k, TopkOptions options = {});
/// The k-th smallest element along axis, counted from 1, and where it is. Linear in the elements.
/// Throws ValueError unless 1 <= k <= n.
[[nodiscard]] WithIndices kthvalue(const Tensor& x, std::int64_t k, std::int64_t axis = -1,
                                   ReduceOptions options = {});
/// The median along axis, the lower of two, and where it is. NaN wins. Throws ShapeError over
/// nothing.
[[nodiscard]] WithIndices median(const Tensor& x, std::int64_t axis, ReduceOptions options = {});
namespace by_argument {
/// The most frequent element along axis, the smallest of several, and the last place where it is.
/// Throws ShapeError over nothing.
[[nodiscard]] WithIndices mode(const Tensor& x, std::int64_t axis = -1, ReduceOptions options = {});
}  // namespace by_argument
/// The q-quantile over axes: the element of rank q (n - 1) in ascending order, read between two
/// elements as the options say. NaN wins. q in [0, 1]: [...] -> [..., x's shape without the axes].
/// Linear and midpoint differentiate for x, linear for q too. Throws ValueError for q outside [0,
/// 1], ShapeError over nothing.
[[nodiscard]] Tensor quantile(const Tensor& x, const Tensor& q, const Axes& axes = {},
                              QuantileOptions options = {});

/// What unique gives; 1-d but for inverse.
struct Unique {
  Tensor values;   ///< Ascending.
  Tensor inverse;  ///< int64, of x's shape: where each element of x is among the values.
  Tensor counts;   ///< int64: how often each value occurs in x.
};
/// The different elements of x. Every NaN is one of its own. Not differentiable.
[[nodiscard]] Unique unique(const Tensor& x);
/// Where each value would go among the elements of sorted, ascending along its last axis, int64 of
/// x's shape: before equal elements, or behind them with .right. sorted: [n] for all of x, or [...,
/// n] with the leading axes of x: [..., m]. Throws ShapeError, DtypeError.
[[nodiscard]] Tensor searchsorted(const Tensor& sorted, const Tensor& x,
                                  SearchOptions options = {});
/// searchsorted with the arguments as torch.bucketize has them: the bucket of each element of x
/// between the ascending boundaries [n].
[[nodiscard]] Tensor bucketize(const Tensor& x, const Tensor& boundaries,
                               SearchOptions options = {});

}  // namespace gradtape
