/// Reductions over any axes. Axes may be negative: -1 is the last.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// The axes of a reduction: none given means all of them. Converts from `1`, `{0, 2}` or a vector;
/// an empty vector means no axis.
class Axes : public IntegerList {
 public:
  Axes() : all_(true) {}
  template <std::same_as<IntegerList> List>  // a template, so that Axes({0, 1}) means one thing
  Axes(List axes) : IntegerList(std::move(axes)) {}
  using IntegerList::IntegerList;
  /// Whether none was given, which means all axes.
  [[nodiscard]] bool is_all() const { return all_; }

 private:
  bool all_ = false;
};

/// A tensor, or a number that is no axis.
template <class T>
concept NoAxis = std::floating_point<T> ||
                 (!std::is_arithmetic_v<T> && std::is_convertible_v<const T&, const Tensor&>);

/// Options of most reductions.
struct ReduceOptions {
  bool keepdim = false;  ///< Keep the reduced axes with extent 1.
};
/// Values, and their int64 indices along the axis.
struct WithIndices {
  Tensor values, indices;
};
/// Options of var and stddev.
struct VarOptions {
  bool keepdim = false;   ///< Keep the reduced axes with extent 1.
  double correction = 1;  ///< Divide by n - correction: 1 gives the unbiased estimate.
};

/// Sum over axes; of nothing, 0. Integers and bools sum to int64, which wraps modulo 2^64.
[[nodiscard]] Tensor sum(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Arithmetic mean over axes; floating only. Throws ShapeError over nothing.
[[nodiscard]] Tensor mean(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Largest element over axes; ties share the gradient. NaN wins. Throws ShapeError over nothing.
[[nodiscard]] Tensor amax(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Smallest element over axes; ties share the gradient. NaN wins. Throws ShapeError over nothing.
[[nodiscard]] Tensor amin(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Largest element over axes; of equal ones the first, row-major, gets the gradient. NaN wins.
/// Throws ShapeError over nothing.
[[nodiscard]] Tensor max(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Smallest element over axes; of equal ones the first, row-major, gets the gradient. NaN wins.
/// Throws ShapeError over nothing.
[[nodiscard]] Tensor min(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Errors: of two operands, element by element, the larger one is maximum(a, b), the smaller one
/// minimum(a, b); of one tensor along an axis with the indices, max_with_index(x, axis).
template <NoAxis B> Tensor max(const Tensor& a, const B& b) = delete;
template <NoAxis B> Tensor min(const Tensor& a, const B& b) = delete;
/// The largest element along one axis with its index: the first of equal ones, which gets the
/// gradient. NaN wins. Throws ShapeError over nothing.
[[nodiscard]] WithIndices max_with_index(const Tensor& x, std::int64_t axis,
                                         ReduceOptions options = {});
/// The smallest element along one axis with its index, as max_with_index.
[[nodiscard]] WithIndices min_with_index(const Tensor& x, std::int64_t axis,
                                         ReduceOptions options = {});
/// Product over axes; of nothing, 1. Right to any order where elements are 0. int64 wraps.
[[nodiscard]] Tensor prod(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Variance over axes: sum (x - mean)^2 / (n - correction). Throws ShapeError over nothing.
[[nodiscard]] Tensor var(const Tensor& x, const Axes& axes = {}, VarOptions options = {});
/// Standard deviation over axes: sqrt(var(x)), with slope 0 where it is 0. Throws ShapeError over
/// nothing.
[[nodiscard]] Tensor stddev(const Tensor& x, const Axes& axes = {}, VarOptions options = {});
/// The norm of x as a vector over axes: (sum |x|^p)^(1/p), without overflow; for p = inf the
/// largest |x|, for -inf the smallest, for 0 the number of elements that are not 0. The slope is 0
/// where the norm is 0, and for p < 1 where x is 0; elements that tie for p = +-inf share it. Over
/// nothing 0; throws ShapeError there for p < 0 and p = inf, ValueError for p = NaN.
[[nodiscard]] Tensor norm(const Tensor& x, double p = 2, const Axes& axes = {},
                          ReduceOptions options = {});
/// log(sum(exp(x))) over axes, without overflow; of nothing, -inf. Elements of +inf share slope 1.
[[nodiscard]] Tensor logsumexp(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Index (int64) of the largest element along one axis, or among the elements of several (or all)
/// joined row-major; the first of equal ones, or of NaNs. Throws ShapeError over nothing.
[[nodiscard]] Tensor argmax(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Index (int64) of the smallest element, as argmax.
[[nodiscard]] Tensor argmin(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// The sum of the diagonal of the last two axes. x: [..., n, m] -> [...]
[[nodiscard]] Tensor trace(const Tensor& x);
/// How many elements are not 0 over axes, int64; NaN is not 0.
[[nodiscard]] Tensor count_nonzero(const Tensor& x, const Axes& axes = {},
                                   ReduceOptions options = {});
/// Whether no element is 0 over axes, bool; of nothing, true.
[[nodiscard]] Tensor all(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Whether some element is not 0 over axes, bool; of nothing, false.
[[nodiscard]] Tensor any(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});

}  // namespace gradtape
