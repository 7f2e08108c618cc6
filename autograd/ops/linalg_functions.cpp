// Pseudo-inverse, least squares, norms, powers and the exponential of matrices.

#include "gradtape/autograd/ops/linalg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gradtape/autograd/kernels/linalg/exponential.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/detail/matrix.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/matmul.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

Tensor t(const Tensor& x) { return transpose(x); }

double epsilon(Dtype dtype) {
  return dtype == float32 ? std::numeric_limits<float>::epsilon()
                          : std::numeric_limits<double>::epsilon();
}

/// The share of the largest singular value up to which others count as 0.
double checked_rtol(const char* op, const Tensor& a, std::optional<double> rtol) {
  if (rtol && !(*rtol >= 0))
    fail<ValueError>(op, fmt::format("rtol must be at least 0, got {}", *rtol));
  return rtol.value_or(static_cast<double>(std::max(a.size(-1), a.size(-2))) * epsilon(a.dtype()));
}

/// v diag(1 / s) u^T over the singular values that count.
Tensor pinv_value(const Tensor& a, double rtol) {
  if (a.numel() == 0) return zeros(matrices(batch_shape(a), a.size(-1), a.size(-2)), a.dtype());
  const auto inside = RecordingScope::inside_op();
  const auto [u, s, vh] = svd(a.detach());
  const Tensor ignored = s <= rtol * amax(s, -1, {.keepdim = true});  // NaN counts
  const Tensor inverse = where(ignored, 0.0, 1.0 / where(ignored, 1.0, s));
  return matmul(t(vh) * unsqueeze(inverse, -2), t(u));
}

/// -p^T g p^T + (I - a p) g^T p p^T + p^T p g^T (I - p a), of matrices of the size of 1, for two
/// factors p may overflow.
Tensor pinv_gradient(const Tensor& given, const Tensor& given_g, const Tensor& inverse) {
  const Tensor size = size_of_matrix(given);
  const Tensor a = given / size, g = given_g / size, p = inverse * size;
  // Of [m, n] [n, m] [m, n], the product that is small comes first.
  const auto product = [tall = a.size(-2) > a.size(-1)](const Tensor& x, const Tensor& y,
                                                        const Tensor& z) {
    return tall ? matmul(x, matmul(y, z)) : matmul(matmul(x, y), z);
  };
  const Tensor left = product(t(g), p, t(p)), right = product(t(p), p, t(g));
  return (left - product(a, p, left) + (right - product(right, p, a)) - product(t(p), g, t(p))) /
         size;
}

/// The order of axes that puts two of them last, and its inverse.
std::vector<std::int64_t> axes_last(int ndim, int row, int column) {
  std::vector<std::int64_t> order;
  for (int axis = 0; axis < ndim; ++axis)
    if (axis != row && axis != column) order.push_back(axis);
  order.push_back(row);
  order.push_back(column);
  return order;
}

/// of(x) for x with the rows and columns as the last two axes, which it reduces.
template <class Norm> Tensor reduced(const Tensor& a, MatrixNormOptions options, Norm of) {
  need_matrices("matrix_norm", a);
  const Shape shape = a.shape();
  const int row = shape.axis(options.row_axis, "matrix_norm"),
            column = shape.axis(options.column_axis, "matrix_norm");
  if (row == column)
    fail<ShapeError>("matrix_norm", fmt::format("the axis {} of {} cannot be both rows and columns",
                                                options.row_axis, describe(a)));
  const bool in_place = row == a.ndim() - 2 && column == a.ndim() - 1;
  const Tensor y = of(in_place ? a : permute(a, axes_last(a.ndim(), row, column)));
  if (!options.keepdim) return y;
  return unsqueeze(unsqueeze(y, std::min(row, column)), std::max(row, column));
}

/// sqrt(sum x^2) of each matrix, without overflow; slope 0 at 0.
Tensor frobenius(const Tensor& x) {
  if (x.numel() == 0) return sqrt(sum(x, {-2, -1}));
  const Tensor largest = amax(abs(x.detach()), {-2, -1}, {.keepdim = true});
  const Tensor plain =
      logical_or(largest == 0.0, largest == std::numeric_limits<double>::infinity());
  const Tensor scale = where(plain, 1.0, largest), y = x / scale;
  const Tensor squares = sum(y * y, {-2, -1}), none = squares == 0.0;
  const Tensor root = where(none, 0.0, sqrt(where(none, 1.0, squares)));
  return root * reshape(scale, root.shape());
}

void need_some(const Tensor& x) {
  if (x.size(-1) == 0 || x.size(-2) == 0)
    fail<ShapeError>("matrix_norm", fmt::format("{} has no elements to choose from", describe(x)));
}

/// Whether the singular values of every triangular r are certainly above rtol times the largest: as
/// |r| is at least the largest, and |r^-1| the inverse of the smallest.
bool has_full_rank(const Tensor& r, double rtol) {
  const NoGrad no_grad;
  const Tensor inverse = solve_triangular(r, eye(r.size(-1), r.dtype()), {.upper = true});
  return all(frobenius(r) * frobenius(inverse) * rtol < 1.0).item<bool>();
}

// ---- the exponential ----

Tensor exp_value(const Tensor& a) {
  const auto n = a.size(-1);
  const Tensor y = empty(a.shape(), a.dtype());
  visit_floating(a.dtype(), "matrix_exp", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = static_cast<const T*>(a.raw());
    T* const to = mutable_data<T>(y);
    for_each_matrix(batch_shape(a).numel(), 4 * n, [&](std::int64_t i) {
      kernels::exponential(from + i * n * n, n, to + i * n * n);
    });
  });
  return y;
}

/// The derivative of e^a along g, transposed: the upper right block of exp([[a^T, g], [0, a^T]]). g
/// is scaled to the size of 1, that it may not govern the number of squarings.
Tensor exp_gradient(const Tensor& a, const Tensor& g) {
  const auto n = a.size(-1);
  const Tensor scale = size_of_matrix(g);
  const Tensor top = concat({t(a), g / scale}, -1), bottom = concat({zeros_like(a), t(a)}, -1);
  const Tensor whole = matrix_exp(concat({top, bottom}, -2));
  return slice(slice(whole, -2, 0, n), -1, n) * scale;
}

}  // namespace

Tensor pinv(const Tensor& a, std::optional<double> rtol) {
  need_matrices("pinv", a);
  return record("pinv", pinv_value(a, checked_rtol("pinv", a, rtol)), {a},
                {[a](const Tensor& g, const Tensor& p) { return pinv_gradient(a, g, p); }});
}

Tensor lstsq(const Tensor& given_a, const Tensor& given_b, std::optional<double> rtol) {
  Tensor a = given_a, b = given_b;
  promote_literals(a, b, "lstsq");
  need_matrices("lstsq", a);
  const bool vector = b.ndim() > 0 && is_vector_side(a, b);
  if (b.ndim() == 0 || (vector ? b.size(-1) : b.size(-2)) != a.size(-2))
    fail<ShapeError>("lstsq", fmt::format("the right side {} does not fit the matrix {}",
                                          describe(b), describe(a)));
  if (vector) return squeeze(lstsq(a, unsqueeze(b, -1), rtol), -1);
  const double least = checked_rtol("lstsq", a, rtol);
  const bool tall = a.size(-2) >= a.size(-1);
  if (a.numel() > 0) {
    const auto [q, r] = qr(tall ? a : t(a));
    if (has_full_rank(r.detach(), least))
      return tall ? solve_triangular(r, matmul(t(q), b), {.upper = true})
                  : matmul(q, solve_triangular(t(r), b));
  }
  return matmul(pinv(a, rtol), b);
}

Tensor matrix_norm(const Tensor& a, std::string_view kind, MatrixNormOptions options) {
  if (kind == "fro") return reduced(a, options, frobenius);
  if (kind == "nuc")
    return reduced(a, options, [](const Tensor& x) { return sum(svdvals(x), -1); });
  fail<ValueError>("matrix_norm",
                   fmt::format("knows \"fro\", \"nuc\" and the orders 1, -1, 2, -2, inf and -inf, "
                               "not \"{}\"",
                               kind));
}

Tensor matrix_norm(const Tensor& a, double order, MatrixNormOptions options) {
  const double magnitude = std::abs(order);
  if (magnitude != 1 && magnitude != 2 && !std::isinf(magnitude))
    fail<ValueError>("matrix_norm",
                     fmt::format("knows \"fro\", \"nuc\" and the orders 1, -1, 2, -2, inf and "
                                 "-inf, not {}",
                                 order));
  return reduced(a, options, [&](const Tensor& x) {
    need_some(x);
    const Tensor sizes = magnitude == 2 ? svdvals(x) : sum(abs(x), magnitude == 1 ? -2 : -1);
    return order > 0 ? amax(sizes, -1) : amin(sizes, -1);
  });
}

Tensor matrix_power(const Tensor& a, std::int64_t n) {
  need_square("matrix_power", a);
  if (n == 0) return expand(eye(a.size(-1), -1, a.dtype()), a.shape());
  Tensor square = n < 0 ? inv(a) : a, power;
  for (auto rest = n < 0 ? -static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);;) {
    if (rest & 1) power = power.defined() ? matmul(power, square) : square;
    if ((rest >>= 1) == 0) return power;
    square = matmul(square, square);
  }
}

Tensor matrix_exp(const Tensor& a) {
  need_square("matrix_exp", a);
  const Tensor y = a.numel() ? exp_value(a) : a.detach();
  return record("matrix_exp", y, {a},
                {[a](const Tensor& g) { return a.numel() ? exp_gradient(a, g) : g; }});
}

}  // namespace gradtape
