/// Indexing: Python's slices and advanced indexing, gathering, scattering, masks and embeddings.
/// Indices are int64; negative ones count from the end, but in one_hot and embedding they are out
/// of range. Throws ValueError for one out of range.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// start:stop:step of Python, with its rules for negative and outlying bounds; step >= 1.
struct Range {
  std::int64_t start = 0, stop = to_end, step = 1;
};
/// A whole axis in `at`.
[[nodiscard]] constexpr Range range() { return {}; }
/// Part of an axis in `at`: range(1, to_end, 2) is Python's 1::2.
template <detail::AnyInteger Start, detail::AnyInteger Stop, detail::AnyInteger Step = int>
[[nodiscard]] constexpr Range range(Start start, Stop stop, Step step = 1) {
  return {detail::to_int64(start), detail::to_int64(stop), detail::to_int64(step)};
}
/// An error: it would be taken for 1: here and for :1 there.
template <class T> [[nodiscard]] constexpr Range range(T) {
  static_assert(!std::is_same_v<T, T>,
                "gradtape: range(n) is n: to some and :n to others; write range(n, to_end) or "
                "range(0, n)");
  return {};
}
/// A new axis of extent 1 in `at`.
inline constexpr struct Newaxis {
} newaxis;
/// As many whole axes in `at` as the other indices leave over.
inline constexpr struct Ellipsis {
} ellipsis;

/// What `at` takes for an axis: an integer, a range, newaxis, ellipsis, a tensor of int64 or bool.
class Index {
 public:
  template <detail::AnyInteger T> Index(T i) : what_(detail::to_int64(i)) {}
  Index(Range range) : what_(range) {}
  Index(Newaxis) : what_(newaxis) {}
  Index(Ellipsis) : what_(ellipsis) {}
  Index(Tensor index) : what_(std::move(index)) {}

  /// What it holds, where that is a T: std::int64_t, Range, Newaxis, Ellipsis or Tensor; else null.
  template <class T> const T* get_if() const { return std::get_if<T>(&what_); }

 private:
  std::variant<std::int64_t, Range, Newaxis, Ellipsis, Tensor> what_;
};

/// The indices of `at`: `{range(1, to_end), 0}`, one index, or a vector of them.
class IndexList {
 public:
  IndexList() = default;
  template <std::convertible_to<Index>... I>
    requires(sizeof...(I) > 0)
  IndexList(I&&... indices) {
    list.reserve(sizeof...(I));
    (list.push_back(std::forward<I>(indices)), ...);
  }
  IndexList(std::vector<Index> indices) : list(std::move(indices)) {}

  /// The indices themselves.
  std::vector<Index> list;
};

/// x[...] of Python: `at(x, {range(1, to_end, 2), newaxis, ellipsis, 3})`. An integer drops its
/// axis. Tensors of int64 index together: they broadcast, and their common shape takes the place of
/// their axes, or comes first where these are not neighbours. A bool tensor stands for the axes of
/// its own shape and for the positions of its true elements. Throws ShapeError, ValueError.
[[nodiscard]] Tensor at(const Tensor& x, const IndexList& indices);
/// Options of index_put.
struct IndexPutOptions {
  bool accumulate = false;  ///< Add to what is there.
};
/// x with `values`, which broadcast, in the place of at(x, indices). Of several values for one
/// place the last one, row-major, stays and gets the gradient; with accumulate they are added.
[[nodiscard]] Tensor index_put(const Tensor& x, const IndexList& indices, const Tensor& values,
                               IndexPutOptions options = {});

/// Rows of x along `axis` in the order of index: [n]. -> x's shape with n along axis
[[nodiscard]] Tensor index_select(const Tensor& x, std::int64_t axis, const Tensor& index);
/// x with row i of source added to its row index[i] along `axis`, for each i.
[[nodiscard]] Tensor index_add(const Tensor& x, std::int64_t axis, const Tensor& index,
                               const Tensor& source);

/// out[i][j][k] = x[i][index[i][j][k]][k] for axis 1; index has x's rank and at most its extents
/// off the axis.
[[nodiscard]] Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& index);
/// The same, but x and index broadcast off the axis.
[[nodiscard]] Tensor take_along(const Tensor& x, std::int64_t axis, const Tensor& index);
/// x with out[i][index[i][j][k]][k] = source[i][j][k] for axis 1. source: a scalar, or as large as
/// index at least, of which the first elements count. Of several values for one place the last one,
/// row-major, stays and gets the gradient.
[[nodiscard]] Tensor scatter(const Tensor& x, std::int64_t axis, const Tensor& index,
                             const Tensor& source);
/// x with source[i][j][k] added to out[i][index[i][j][k]][k] for axis 1.
[[nodiscard]] Tensor scatter_add(const Tensor& x, std::int64_t axis, const Tensor& index,
                                 const Tensor& source);

/// How scatter_reduce joins the values for one place.
enum class ScatterReduction : std::uint8_t { sum, prod, mean, amax, amin };
/// Options of scatter_reduce.
struct ScatterReduceOptions {
  bool include_self = true;  ///< x's own element counts among the values for its place.
};
/// x with the values that scatter along axis would write to a place joined to one; places that get
/// none keep x's element. Equal extremes share the gradient. Throws DtypeError unless floating.
[[nodiscard]] Tensor scatter_reduce(const Tensor& x, std::int64_t axis, const Tensor& index,
                                    const Tensor& source, ScatterReduction reduction,
                                    ScatterReduceOptions options = {});

/// value where mask is true, x elsewhere; mask broadcasts.
[[nodiscard]] Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value);
/// The elements of x where mask is true, row-major: [n]. x and mask broadcast.
[[nodiscard]] Tensor masked_select(const Tensor& x, const Tensor& mask);
/// The positions of the elements of x that are not 0, row-major: int64 [n, x.ndim()].
[[nodiscard]] Tensor nonzero(const Tensor& x);

/// index: [...] -> [..., classes]; 1 at the index, 0 elsewhere. Throws ValueError for an index that
/// is negative or no class.
[[nodiscard]] Tensor one_hot(const Tensor& index, std::int64_t classes, Dtype dtype = float32);
/// Options of embedding.
struct EmbeddingOptions {
  std::optional<std::int64_t> padding_idx = {};  ///< Position of a row that gets no gradient.
  bool scale_grad_by_freq =
      false;  ///< Divides the gradient of a row by how often it was looked up.
  /// For a large table that is a Parameter: backward() leaves the gradients of the rows alone in it
  /// (Parameter::row_gradient), which SparseAdam and plain SGD use as they are.
  bool sparse = false;
};
/// Rows of a table: table [n, d], index [...] -> [..., d]. Throws ValueError for an index that is
/// negative or no row.
///
/// A layer with sparse gradients passes its Parameter itself, `embedding(weight, index, {.sparse =
/// true})`: of what is computed from it, as of any table that is no leaf, the gradient is whole.
[[nodiscard]] Tensor embedding(const Tensor& table, const Tensor& index,
                               const EmbeddingOptions& options = {});

}  // namespace gradtape
