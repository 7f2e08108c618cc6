// Systems of linear equations, inverses and determinants.

#include "gradtape/autograd/ops/linalg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "gradtape/autograd/kernels/lapack.hpp"
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

template <class T> const T* elements(const Tensor& x) { return static_cast<const T*>(x.raw()); }

[[noreturn]] void singular(const char* op, const Tensor& a, std::int64_t i, int pivot) {
  fail<LinalgError>(
      op, fmt::format("{} is singular (pivot {} is 0)", describe_matrix(a, i), pivot - 1));
}

/// Throws for the first matrix with a pivot that is 0.
void need_regular(const char* op, const Tensor& a, const std::vector<int>& zero_pivots) {
  for (std::size_t i = 0; i < zero_pivots.size(); ++i)
    if (zero_pivots[i]) singular(op, a, static_cast<std::int64_t>(i), zero_pivots[i]);
}

/// What a singular matrix leads to.
enum class Singular { raises, gives_nan };

Tensor inverse(const Tensor& a, Singular policy) {
  need_square("inv", a);
  const auto n = a.size(-1), count = batch_shape(a).numel();
  const Tensor y = empty(a.shape(), a.dtype());
  std::vector<int> zero_pivots(static_cast<std::size_t>(count));
  visit_floating(a.dtype(), "inv", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(a);
    T* const to = mutable_data<T>(y);
    for_each_matrix(count, n, [&](std::int64_t i) {
      const kernels::Lu<T> factors(from + i * n * n, n);
      if ((zero_pivots[static_cast<std::size_t>(i)] = factors.zero_pivot()))
        std::fill_n(to + i * n * n, n * n, std::numeric_limits<T>::quiet_NaN());
      else
        factors.inverse(to + i * n * n);
    });
  });
  if (policy == Singular::raises) need_regular("inv", a, zero_pivots);
  return record("inv", y, {a}, {[](const Tensor& g, const Tensor& y) {
                  const Tensor t = transpose(y);
                  return -matmul(matmul(t, g), t);
                }});
}

/// b and the result: [..., n, k]
Tensor solve_matrix(const Tensor& a, const Tensor& b) {
  const auto n = a.size(-1), k = b.size(-1);
  const Shape batch = broadcast(batch_shape(a), batch_shape(b), "solve");
  const Tensor x = empty(matrices(batch, n, k), a.dtype());
  std::vector<int> zero_pivots(static_cast<std::size_t>(batch_shape(a).numel()));
  visit_floating(a.dtype(), "solve", [&](auto zero) {
    using T = decltype(zero);
    const auto a_at = batch_offsets(batch_shape(a), batch),
               b_at = batch_offsets(batch_shape(b), batch);
    const T *const matrix = elements<T>(a), *const right = elements<T>(b);
    T* const to = mutable_data<T>(x);
    const auto solve_one = [&](const kernels::Lu<T>& factors, std::int64_t i) {
      const auto at = static_cast<std::size_t>(i);
      zero_pivots[static_cast<std::size_t>(a_at[at])] = factors.zero_pivot();
      factors.solve(right + b_at[at] * n * k, to + i * n * k, k);
    };
    if (a.ndim() == 2 && batch.numel() > 0) {  // one factorization for all
      const kernels::Lu<T> factors(matrix, n);
      for_each_matrix(batch.numel(), n, [&](std::int64_t i) { solve_one(factors, i); });
    } else {
      for_each_matrix(batch.numel(), n, [&](std::int64_t i) {
        solve_one(kernels::Lu<T>(matrix + a_at[static_cast<std::size_t>(i)] * n * n, n), i);
      });
    }
  });
  need_regular("solve", a, zero_pivots);
  return record("solve", x, {a, b},
                {[a](const Tensor& g, const Tensor& x) {
                   return -matmul(solve(transpose(a), g), transpose(x));
                 },
                 [a](const Tensor& g) { return solve(transpose(a), g); }});
}

/// The matrix of cofactors by way of the SVD, which singular matrices have too.
Tensor cofactors(const Tensor& a) {
  const auto [u, s, vh] = svd(a);
  const Tensor orientation = det(u.detach()) * det(vh.detach());
  const auto n = a.size(-1);
  const Tensor others = prod(where(eye(n, n, bool_), 1.0, unsqueeze(s, -2)), -1);
  return unsqueeze(unsqueeze(orientation, -1), -1) * matmul(u * unsqueeze(others, -2), vh);
}

}  // namespace

Tensor inv(const Tensor& a) { return inverse(a, Singular::raises); }

Tensor solve(const Tensor& given_a, const Tensor& given_b) {
  Tensor a = given_a, b = given_b;
  promote_literals(a, b, "solve");
  need_square("solve", a);
  const bool vector = b.ndim() > 0 && is_vector_side(a, b);
  if (b.ndim() == 0 || (vector ? b.size(-1) : b.size(-2)) != a.size(-1))
    fail<ShapeError>("solve", fmt::format("the right side {} does not fit the matrix {}",
                                          describe(b), describe(a)));
  if (!vector) return solve_matrix(a, b);
  return squeeze(solve_matrix(a, unsqueeze(b, -1)), -1);
}

Tensor solve_triangular(const Tensor& given_a, const Tensor& given_b, TriangularOptions options) {
  Tensor a = given_a, b = given_b;
  promote_literals(a, b, "solve_triangular");
  need_square("solve_triangular", a);
  const auto n = a.size(-1);
  if (b.ndim() < 2 || b.size(options.left ? -2 : -1) != n)
    fail<ShapeError>("solve_triangular",
                     fmt::format("the right side {} does not fit the matrix {}{}", describe(b),
                                 describe(a), options.left ? "" : " from the right"));
  need_matrices("solve_triangular", b);
  const Shape batch = broadcast(batch_shape(a), batch_shape(b), "solve_triangular");
  const auto rows = b.size(-2), cols = b.size(-1);
  const Tensor x = empty(matrices(batch, rows, cols), a.dtype());
  visit_floating(a.dtype(), "solve_triangular", [&](auto zero) {
    using T = decltype(zero);
    const auto a_at = batch_offsets(batch_shape(a), batch),
               b_at = batch_offsets(batch_shape(b), batch);
    const T *const matrix = elements<T>(a), *const right = elements<T>(b);
    T* const to = mutable_data<T>(x);
    for_each_matrix(batch.numel(), n, [&](std::int64_t i) {
      const auto at = static_cast<std::size_t>(i);
      std::copy_n(right + b_at[at] * rows * cols, rows * cols, to + i * rows * cols);
      kernels::solve_triangular(matrix + a_at[at] * n * n, n, to + i * rows * cols,
                                options.left ? cols : rows,
                                {options.upper, options.left, options.unitriangular});
    });
  });
  const auto for_b = [a, options](const Tensor& g) {
    auto transposed = options;
    transposed.upper = !options.upper;
    return solve_triangular(transpose(a), g, transposed);
  };
  const auto for_a = [for_b, options](const Tensor& g, const Tensor& x) {
    const Tensor h = for_b(g);
    const Tensor y = options.left ? matmul(h, transpose(x)) : matmul(transpose(x), h);
    const int skip = options.unitriangular ? 1 : 0;
    return -(options.upper ? upper(y, skip) : lower(y, -skip));
  };
  return record("solve_triangular", x, {a, b}, {for_a, for_b});
}

Tensor cholesky_solve(const Tensor& given_b, const Tensor& given_l, bool upper) {
  Tensor b = given_b, l = given_l;
  promote_literals(b, l, "cholesky_solve");
  need_square("cholesky_solve", l);
  if (upper) return solve_triangular(l, solve_triangular(transpose(l), b), {.upper = true});
  return solve_triangular(transpose(l), solve_triangular(l, b), {.upper = true});
}

Tensor det(const Tensor& a) {
  need_square("det", a);
  const Shape batch = batch_shape(a);
  const auto n = a.size(-1), count = batch.numel();
  const Tensor y = empty(batch, a.dtype());
  std::vector<char> near_singular(static_cast<std::size_t>(count));
  visit_floating(a.dtype(), "det", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(a);
    T* const to = mutable_data<T>(y);
    for_each_matrix(count, n, [&](std::int64_t i) {
      const kernels::Lu<T> factors(from + i * n * n, n);
      to[i] = factors.determinant();
      near_singular[static_cast<std::size_t>(i)] = factors.near_singular();
    });
  });
  const bool regular = std::none_of(near_singular.begin(), near_singular.end(), std::identity());
  return record(
      "det", y, {a}, {[a, regular](const Tensor& g, const Tensor& y) {
        const auto to_matrix = [](const Tensor& x) { return unsqueeze(unsqueeze(x, -1), -1); };
        if (!regular) return masked_mul(to_matrix(g), cofactors(a));
        return masked_mul(to_matrix(masked_mul(g, y)), transpose(inverse(a, Singular::gives_nan)));
      }});
}

Slogdet slogdet(const Tensor& a) {
  need_square("slogdet", a);
  const Shape batch = batch_shape(a);
  const auto n = a.size(-1);
  const Tensor sign = empty(batch, a.dtype()), magnitude = empty(batch, a.dtype());
  visit_floating(a.dtype(), "slogdet", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(a);
    T *const signs = mutable_data<T>(sign), *const logs = mutable_data<T>(magnitude);
    for_each_matrix(batch.numel(), n, [&](std::int64_t i) {
      kernels::Lu<T>(from + i * n * n, n).determinant(signs[i], logs[i]);
    });
  });
  return {sign, record("slogdet", magnitude, {a}, {[a](const Tensor& g) {
                         return masked_mul(unsqueeze(unsqueeze(g, -1), -1),
                                           transpose(inverse(a, Singular::gives_nan)));
                       }})};
}

}  // namespace gradtape
