/// Every public op: signature, formula, shapes. Names and semantics are NumPy's for arrays and
/// PyTorch's for nn.
///
/// Elementwise ops broadcast as NumPy does. Tensors of different dtypes never mix silently
/// (DtypeError names both); C++ literals adopt the tensor's dtype. Floating ops are differentiable
/// to any order unless they say otherwise. Axes may be negative: -1 is the last.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

// ---- arithmetic: a, b broadcast to the result's shape. Throws ShapeError, DtypeError. ----

/// a + b
Tensor operator+(const Tensor& a, const Tensor& b);
/// a - b
Tensor operator-(const Tensor& a, const Tensor& b);
/// a * b, element by element; see matmul for the matrix product
Tensor operator*(const Tensor& a, const Tensor& b);
/// a / b; floating only
Tensor operator/(const Tensor& a, const Tensor& b);
/// -x
Tensor operator-(const Tensor& x);
/// a^b; floating only. d/db is a^b log(a), taken as 0 where a = 0 and b >= 0.
Tensor pow(const Tensor& a, const Tensor& b);
/// max(a, b), element by element; equal elements share the gradient half and half, NaN wins.
Tensor maximum(const Tensor& a, const Tensor& b);
/// min(a, b), element by element; equal elements share the gradient half and half, NaN wins.
Tensor minimum(const Tensor& a, const Tensor& b);
/// min(max(x, low), high); the gradient passes at the bounds. Throws ValueError when low > high.
Tensor clamp(const Tensor& x, double low, double high);
/// g * d, and 0 where g is 0 even if d is infinite or NaN: what a chain rule means by a product.
Tensor chain(const Tensor& g, const Tensor& d);

// ---- comparisons: bool results, not differentiable ----

/// a == b; NaN equals nothing
Tensor operator==(const Tensor& a, const Tensor& b);
/// a != b
Tensor operator!=(const Tensor& a, const Tensor& b);
/// a < b
Tensor operator<(const Tensor& a, const Tensor& b);
/// a <= b
Tensor operator<=(const Tensor& a, const Tensor& b);
/// a > b
Tensor operator>(const Tensor& a, const Tensor& b);
/// a >= b
Tensor operator>=(const Tensor& a, const Tensor& b);
/// a and b; bools only
Tensor logical_and(const Tensor& a, const Tensor& b);
/// a or b; bools only
Tensor logical_or(const Tensor& a, const Tensor& b);
/// not x; bool only
Tensor logical_not(const Tensor& x);
/// a where condition (bool) holds, b elsewhere. The branch not taken gets gradient 0, whatever it
/// holds.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
/// Whether shapes, dtypes and all elements are equal (NaN equals nothing).
bool array_equal(const Tensor& a, const Tensor& b);
/// Whether |a - b| <= atol + rtol |b| everywhere; shapes and dtypes must be equal.
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8);

// ---- elementwise, floating ----

/// |x|; the slope at 0 is 0
Tensor abs(const Tensor& x);
/// -1, 0 or 1; slope 0
Tensor sign(const Tensor& x);
/// 1 where x > 0, 0 elsewhere; slope 0
Tensor step(const Tensor& x);
Tensor square(const Tensor& x);      ///< x^2
Tensor sqrt(const Tensor& x);        ///< x^(1/2)
Tensor rsqrt(const Tensor& x);       ///< x^(-1/2)
Tensor reciprocal(const Tensor& x);  ///< 1 / x
Tensor exp(const Tensor& x);         ///< e^x
Tensor expm1(const Tensor& x);       ///< e^x - 1, exact near 0
Tensor log(const Tensor& x);         ///< natural logarithm
Tensor log1p(const Tensor& x);       ///< log(1 + x), exact near 0
Tensor sin(const Tensor& x);         ///< sine, x in radians
Tensor cos(const Tensor& x);         ///< cosine, x in radians
Tensor tan(const Tensor& x);         ///< tangent, x in radians
Tensor asin(const Tensor& x);        ///< inverse sine, radians
Tensor acos(const Tensor& x);        ///< inverse cosine, radians
Tensor atan(const Tensor& x);        ///< inverse tangent, radians
Tensor sinh(const Tensor& x);        ///< hyperbolic sine
Tensor cosh(const Tensor& x);        ///< hyperbolic cosine
Tensor tanh(const Tensor& x);        ///< hyperbolic tangent
Tensor erf(const Tensor& x);         ///< error function, 2 / sqrt(pi) int_0^x exp(-t^2) dt
Tensor floor(const Tensor& x);       ///< largest integer <= x; slope 0
Tensor ceil(const Tensor& x);        ///< smallest integer >= x; slope 0
Tensor round(const Tensor& x);       ///< nearest integer, halves to even; slope 0

// ---- activations ----

/// max(x, 0); the slope at 0 is 0
Tensor relu(const Tensor& x);
/// x where x > 0, slope * x elsewhere
Tensor leaky_relu(const Tensor& x, double slope = 0.01);
/// x where x > 0, alpha (e^x - 1) elsewhere
Tensor elu(const Tensor& x, double alpha = 1);
/// Self-normalising elu (Klambauer et al. 2017, eq. 2)
Tensor selu(const Tensor& x);
/// x Phi(x) with the normal distribution's Phi (Hendrycks and Gimpel 2016)
Tensor gelu(const Tensor& x);
/// x sigmoid(x)
Tensor silu(const Tensor& x);
/// x tanh(softplus(x))
Tensor mish(const Tensor& x);
/// log(1 + e^x), without overflow
Tensor softplus(const Tensor& x);
/// x / (1 + |x|)
Tensor softsign(const Tensor& x);
/// 1 / (1 + e^-x), without overflow
Tensor sigmoid(const Tensor& x);
/// log(sigmoid(x)) = -softplus(-x)
Tensor log_sigmoid(const Tensor& x);

// ---- reductions ----

/// The axes of a reduction: none given means all of them. Converts from `1`, `{0, 2}` or a vector.
class Axes {
 public:
  Axes() = default;
  Axes(int axis) : list{axis} {}
  Axes(std::initializer_list<std::int64_t> axes) : list(axes), all(false) {}
  Axes(std::vector<std::int64_t> axes) : list(std::move(axes)), all(false) {}
  bool is_all() const { return all && list.empty(); }

  std::vector<std::int64_t> list;

 private:
  bool all = true;
};

/// Options of most reductions.
struct ReduceOptions {
  bool keepdim = false;  ///< Keep the reduced axes with extent 1.
};
/// Options of var.
struct VarOptions {
  bool keepdim = false;
  double correction = 1;  ///< Divide by n - correction: 1 gives the unbiased estimate.
};

/// Sum over axes; of nothing, 0. Integers and bools sum to int64.
Tensor sum(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Arithmetic mean over axes; floating only. Throws ShapeError over nothing.
Tensor mean(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Largest element over axes; ties share the gradient. NaN wins. Throws ShapeError over nothing.
Tensor amax(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Smallest element over axes; ties share the gradient. NaN wins. Throws ShapeError over nothing.
Tensor amin(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Largest element over axes; of equal ones the first, row-major, gets the gradient. NaN wins.
/// Throws ShapeError over nothing.
Tensor max(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Smallest element over axes; of equal ones the first, row-major, gets the gradient. NaN wins.
/// Throws ShapeError over nothing.
Tensor min(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Product over axes; of nothing, 1. Right to any order where elements are 0.
Tensor prod(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Variance over axes: sum (x - mean)^2 / (n - correction). Throws ShapeError over nothing.
Tensor var(const Tensor& x, const Axes& axes = {}, VarOptions options = {});
/// log(sum(exp(x))) over axes, without overflow; of nothing, -inf.
Tensor logsumexp(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Index (int64) of the largest element along one axis, or among the elements of several (or all)
/// joined row-major; the first of equal ones, or of NaNs. Throws ShapeError over nothing.
Tensor argmax(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});
/// Index (int64) of the smallest element, as argmax.
Tensor argmin(const Tensor& x, const Axes& axes = {}, ReduceOptions options = {});

// ---- shape: reshape and slices along the leading axis share the elements, the others copy ----

/// The same elements, row-major, under another shape; one extent may be -1. Throws ShapeError.
Tensor reshape(const Tensor& x, const Shape& shape);
/// Swaps two axes. The last two cost nothing until the result is read outside matmul.
Tensor transpose(const Tensor& x, std::int64_t axis0 = -2, std::int64_t axis1 = -1);
/// Axis i of the result is axis order[i] of x. Throws ShapeError unless order is a permutation.
Tensor permute(const Tensor& x, const std::vector<std::int64_t>& order);
/// Broadcasts x to `shape`; -1 keeps an extent. Throws ShapeError.
Tensor expand(const Tensor& x, const Shape& shape);
/// Sums x over the axes that broadcasting `shape` to x's shape would expand: the transpose of
/// expand.
Tensor sum_to(const Tensor& x, const Shape& shape);
/// "To the end" in a slice.
inline constexpr std::int64_t end = std::numeric_limits<std::int64_t>::max();
/// x[..., start:stop:step, ...] along `axis`, with Python's rules for negative and outlying bounds;
/// step >= 1.
Tensor slice(const Tensor& x, std::int64_t axis, std::int64_t start, std::int64_t stop = end,
             std::int64_t step = 1);
/// Row i: x[i] along axis 0, one axis fewer. Throws ShapeError when i is outside [-n, n).
Tensor select(const Tensor& x, std::int64_t axis, std::int64_t i);
/// A new axis of extent 1 at `axis`, counted in the result.
Tensor unsqueeze(const Tensor& x, std::int64_t axis);
/// Drops the axis `axis` of extent 1. Throws ShapeError for another extent.
Tensor squeeze(const Tensor& x, std::int64_t axis);
/// Axes start ... stop (both included) joined into one.
Tensor flatten(const Tensor& x, std::int64_t start = 0, std::int64_t stop = -1);
/// Joins tensors along an existing axis. Throws ShapeError, DtypeError.
Tensor concat(const std::vector<Tensor>& parts, std::int64_t axis = 0);
/// Joins tensors of one shape along a new axis. Throws ShapeError, DtypeError.
Tensor stack(const std::vector<Tensor>& parts, std::int64_t axis = 0);

// ---- index: int64 indices, negative ones count from the end. Throws ValueError for one out of
// range. ----

/// Rows of x along `axis` in the order of index: [n]. -> x's shape with n along axis
Tensor index_select(const Tensor& x, std::int64_t axis, const Tensor& index);
/// The transpose of index_select: zeros with `extent` along `axis`, to which row i of x is added at
/// index[i].
Tensor index_add(const Tensor& x, std::int64_t axis, const Tensor& index, std::int64_t extent);
/// out[i][j][k] = x[i][index[i][j][k]][k] for axis 1; index has x's rank and at most its extents
/// off the axis.
Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& index);
/// The transpose of gather: zeros of `shape`, to which x's elements are added where gather would
/// read.
Tensor scatter_add(const Tensor& x, std::int64_t axis, const Tensor& index, const Shape& shape);
/// index: [...] -> [..., classes]; 1 at the index, 0 elsewhere.
Tensor one_hot(const Tensor& index, std::int64_t classes, Dtype dtype = float32);

// ---- products ----

/// Matrix product with NumPy's rules for every rank: [n, k] x [k, m], vectors, and batches that
/// broadcast. Throws ShapeError when the inner dimensions differ.
Tensor matmul(const Tensor& a, const Tensor& b);
/// x W^T + b.  x: [..., in], weight: [out, in], bias: [out] or undefined -> [..., out]
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

// ---- softmax and classification ----

/// exp(x) / sum(exp(x)) along axis
Tensor softmax(const Tensor& x, std::int64_t axis = -1);
/// log(softmax(x)) along axis
Tensor log_softmax(const Tensor& x, std::int64_t axis = -1);
/// Mean of -log_softmax(logits)[target].  logits: [n, classes], target: [n] int64 class indices ->
/// 0-d Throws ShapeError, DtypeError, ValueError (class out of range: row and class named).
Tensor cross_entropy(const Tensor& logits, const Tensor& target);

// ---- random ----

/// x * mask / (1 - p) with a mask that is 0 with probability p (Srivastava et al. 2014). p in [0,
/// 1).
Tensor dropout(const Tensor& x, double p, Generator& generator = default_generator());

namespace detail {
/// sum + g, into the elements of `sum` where nobody else sees them. Never recorded.
Tensor add_reusing(Tensor&& sum, const Tensor& g);
/// Casts the weak ones of several operands; throws DtypeError in the name of `op` when their dtypes
/// differ otherwise.
void unify(Tensor& a, Tensor& b, const char* op);
void unify(Tensor* operands, std::size_t count, const char* op);
}  // namespace detail

}  // namespace gradtape
