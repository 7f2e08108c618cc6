// Systems of linear equations, inverses and determinants.

#include "gradtape/autograd/ops/linalg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

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

/// [...] -> [..., 1, 1]
Tensor to_matrix(const Tensor& x) { return unsqueeze(unsqueeze(x, -1), -1); }

/// f(factors, i) with the LU factorization of every matrix of a: [..., n, n].
template <class F> void for_each_lu(const char* op, const Tensor& a, F f) {
  const auto n = a.size(-1);
  visit_floating(a.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(batch_shape(a).numel(), n, [&, from = elements<T>(a)](std::int64_t i) {
      f(kernels::Lu<T>(from + i * n * n, n), i);
    });
  });
}

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
  const auto size = a.size(-1) * a.size(-1), count = batch_shape(a).numel();
  const Tensor y = empty(a.shape(), a.dtype());
  std::vector<int> zero_pivots(static_cast<std::size_t>(count));
  for_each_lu("inv", a, [&]<class T>(const kernels::Lu<T>& factors, std::int64_t i) {
    T* const to = mutable_data<T>(y) + i * size;
    if ((zero_pivots[static_cast<std::size_t>(i)] = factors.zero_pivot()))
      std::fill_n(to, size, std::numeric_limits<T>::quiet_NaN());
    else
      factors.inverse(to);
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

/// The determinants of a batch, not recorded, and whether all matrices are far from singular.
struct Determinants {
  Tensor values;
  bool regular;
};
Determinants determinants(const Tensor& a) {
  const Shape batch = batch_shape(a);
  const Tensor y = empty(batch, a.dtype());
  std::vector<char> near_singular(static_cast<std::size_t>(batch.numel()));
  for_each_lu("det", a, [&]<class T>(const kernels::Lu<T>& factors, std::int64_t i) {
    mutable_data<T>(y)[i] = factors.determinant();
    near_singular[static_cast<std::size_t>(i)] = factors.near_singular();
  });
  return {y, std::none_of(near_singular.begin(), near_singular.end(), std::identity())};
}

/// Cofactors by way of the SVD, which singular matrices have too.
Tensor cofactors_by_svd(const Tensor& a) {
  const auto [u, s, vh] = svd(a);
  const Tensor orientation = det(u.detach()) * det(vh.detach());
  const auto n = a.size(-1);
  const Tensor others = prod(where(eye(n, n, bool_), 1.0, unsqueeze(s, -2)), -1);
  return to_matrix(orientation) * matmul(u * unsqueeze(others, -2), vh);
}

/// Powers of two by which rows and columns are multiplied so that every one has its largest element
/// near 1, and by which cofactors of the result must be, to be those of the original.
struct Equilibration {
  Tensor scale, of_cofactors;  // [..., n, n]
};
Equilibration equilibrate(const Tensor& a) {
  const auto n = a.size(-1), count = batch_shape(a).numel();
  const Equilibration result{empty(a.shape(), a.dtype()), empty(a.shape(), a.dtype())};
  visit_floating(a.dtype(), "det", [&](auto zero) {
    using T = decltype(zero);
    T *const scale = mutable_data<T>(result.scale), *const of_cofactors =
                                                        mutable_data<T>(result.of_cofactors);
    std::vector<int> row(static_cast<std::size_t>(n)), column(row);
    for (std::int64_t m = 0; m < count; ++m) {
      const T* const x = elements<T>(a) + m * n * n;
      const auto exponent = [](T largest) {
        return largest > 0 && std::isfinite(largest) ? std::ilogb(largest) : 0;
      };
      int all = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        T largest = 0;
        for (std::int64_t j = 0; j < n; ++j) largest = std::max(largest, std::abs(x[i * n + j]));
        all += row[static_cast<std::size_t>(i)] = exponent(largest);
      }
      for (std::int64_t j = 0; j < n; ++j) {
        T largest = 0;
        for (std::int64_t i = 0; i < n; ++i)
          largest = std::max(largest,
                             std::ldexp(std::abs(x[i * n + j]), -row[static_cast<std::size_t>(i)]));
        all += column[static_cast<std::size_t>(j)] = exponent(largest);
      }
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t j = 0; j < n; ++j) {
          const int own = row[static_cast<std::size_t>(i)] + column[static_cast<std::size_t>(j)];
          scale[(m * n + i) * n + j] = std::ldexp(T(1), -own);
          of_cofactors[(m * n + i) * n + j] = std::ldexp(T(1), all - own);
        }
    }
  });
  return result;
}

/// The matrix of cofactors, the gradient of the determinant, where that is close to 0 or far
/// from 1.
Tensor cofactors(const Tensor& a) {
  const auto [scale, of_cofactors] = equilibrate(a);
  const Tensor b = a * scale;
  const Tensor own = determinants(b.detach()).regular
                         ? to_matrix(det(b)) * transpose(inverse(b, Singular::gives_nan))
                         : cofactors_by_svd(b);
  return masked_mul(own, of_cofactors);
}

/// Whether determinants are so far from the bounds of the dtype that det(a) a^-1 is right.
bool in_range(const Tensor& determinants) {
  const bool narrow = determinants.dtype() == float32;
  const Tensor size = abs(determinants.detach());
  const double small = narrow ? 1e-18 : 1e-150, large = narrow ? 1e18 : 1e150;
  return all(logical_and(size > small, size < large)).item<bool>();
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
  const Determinants found = determinants(a);
  return record(
      "det", found.values, {a}, {[a, regular = found.regular](const Tensor& g, const Tensor& y) {
        if (!regular || !in_range(y)) return masked_mul(to_matrix(g), cofactors(a));
        return masked_mul(to_matrix(masked_mul(g, y)), transpose(inverse(a, Singular::gives_nan)));
      }});
}

Slogdet slogdet(const Tensor& a) {
  need_square("slogdet", a);
  const Shape batch = batch_shape(a);
  const Tensor sign = empty(batch, a.dtype()), magnitude = empty(batch, a.dtype());
  for_each_lu("slogdet", a, [&]<class T>(const kernels::Lu<T>& factors, std::int64_t i) {
    factors.determinant(mutable_data<T>(sign)[i], mutable_data<T>(magnitude)[i]);
  });
  return {sign, record("slogdet", magnitude, {a}, {[a](const Tensor& g) {
                         return masked_mul(to_matrix(g),
                                           transpose(inverse(a, Singular::gives_nan)));
                       }})};
}

}  // namespace gradtape
