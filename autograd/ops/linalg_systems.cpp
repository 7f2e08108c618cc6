// Systems of linear equations, inverses and determinants.

#include "gradtape/autograd/ops/linalg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "gradtape/autograd/kernels/linalg/factor.hpp"
#include "gradtape/autograd/kernels/matmul/triangular.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/arrange.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/detail/matrix.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/matmul.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// [...] -> [..., 1, 1]
Tensor to_matrix(const Tensor& x) { return unsqueeze(unsqueeze(x, -1), -1); }

using Needed = std::vector<bool>;

/// The LU factorization of every matrix of a: [..., n, n], kept for the backward pass.
class Factors {
 public:
  Factors(const char* op, const Tensor& a)
      : values_(empty(a.shape(), a.dtype())),
        swaps_(std::make_shared<std::vector<int>>(
            static_cast<std::size_t>(a.numel() ? a.numel() / a.size(-1) : 0))) {
    const auto n = a.size(-1), size = n * n;
    visit_floating(a.dtype(), op, [&](auto zero) {
      using T = decltype(zero);
      const T* const from = elements<T>(a);
      T* const to = mutable_data<T>(values_);
      for_each_matrix(batch_shape(a).numel(), n, [&](std::int64_t i) {
        std::copy_n(from + i * size, size, to + i * size);
        kernels::Lu<T>::factor(to + i * size, swaps_->data() + i * n, n);
      });
    });
  }

  /// Those of matrix i.
  template <class T> kernels::Lu<T> at(std::int64_t i) const {
    const auto n = values_.size(-1);
    return {elements<T>(values_) + i * n * n, swaps_->data() + i * n, n};
  }
  /// f(factors, i) for every matrix.
  template <class F> void for_each(const char* op, F f) const {
    visit_floating(values_.dtype(), op, [&](auto zero) {
      for_each_matrix(batch_shape(values_).numel(), values_.size(-1),
                      [&](std::int64_t i) { f(at<decltype(zero)>(i), i); });
    });
  }

 private:
  Tensor values_;
  std::shared_ptr<std::vector<int>> swaps_;
};

/// Throws for the first matrix with a pivot that is 0.
void need_regular(const char* op, const Tensor& a, const Factors& factors) {
  visit_floating(a.dtype(), op, [&](auto zero) {
    for (std::int64_t i = 0, count = batch_shape(a).numel(); i < count; ++i)
      if (const int pivot = factors.at<decltype(zero)>(i).zero_pivot())
        fail<LinalgError>(
            op, fmt::format("{} is singular (pivot {} is 0)", describe_matrix(a, i), pivot - 1));
  });
}

/// a^-1 by the factors of a; NaN for a singular matrix.
Tensor inverse(const Tensor& a, const Factors& factors) {
  const auto size = a.size(-1) * a.size(-1);
  const Tensor y = empty(a.shape(), a.dtype());
  factors.for_each("inv", [&]<class T>(const kernels::Lu<T>& lu, std::int64_t i) {
    T* const to = mutable_data<T>(y) + i * size;
    if (lu.zero_pivot())
      std::fill_n(to, size, std::numeric_limits<T>::quiet_NaN());
    else
      lu.inverse(to);
  });
  return record("inv", y, {a}, {[](const Tensor& g, const Tensor& y) {
                  const Tensor t = transpose(y);
                  return -matmul(matmul(t, g), t);
                }});
}

/// a^-1 b, or a^-T b if `transposed`, by the factors of a; b and the result: [..., n, k].
Tensor solve_by(const Factors& factors, const Tensor& a, const Tensor& b, bool transposed) {
  const auto n = a.size(-1), k = b.size(-1);
  const Shape batch = broadcast(batch_shape(a), batch_shape(b), "solve");
  const Tensor x = empty(matrices(batch, n, k), a.dtype());
  visit_floating(a.dtype(), "solve", [&](auto zero) {
    using T = decltype(zero);
    const auto a_at = batch_offsets(batch_shape(a), batch),
               b_at = batch_offsets(batch_shape(b), batch);
    const T* const from = elements<T>(b);
    T* const to = mutable_data<T>(x);
    parallel_items(batch.numel(), elementwise_grain / (n * n * k + 64) + 1, [&](std::int64_t i) {
      const auto at = static_cast<std::size_t>(i);
      std::copy_n(from + b_at[at] * n * k, n * k, to + i * n * k);
      factors.at<T>(a_at[at]).solve(to + i * n * k, k, transposed);
    });
  });
  return record("solve", {x}, {a, b},
                [=](std::span<const Tensor> g, const Needed& needed, std::span<const Tensor> x) {
                  const Tensor h = solve_by(factors, a, g[0], !transposed);
                  if (!needed[0]) return std::vector{Tensor(), h};
                  return std::vector{
                      transposed ? matmul(x[0], transpose(-h)) : matmul(-h, transpose(x[0])), h};
                })[0];
}

/// The determinants of a batch, not recorded, and whether all matrices are far from singular.
struct Determinants {
  Tensor values;
  bool regular;
};
Determinants determinants(const Tensor& a, const Factors& factors) {
  const Shape batch = batch_shape(a);
  const Tensor y = empty(batch, a.dtype());
  std::vector<char> near_singular(static_cast<std::size_t>(batch.numel()));
  factors.for_each("det", [&]<class T>(const kernels::Lu<T>& lu, std::int64_t i) {
    mutable_data<T>(y)[i] = lu.determinant();
    near_singular[static_cast<std::size_t>(i)] = lu.near_singular();
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
  const Factors factors("det", b);
  const Tensor own = determinants(b, factors).regular
                         ? to_matrix(det(b)) * transpose(inverse(b, factors))
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

Tensor inv(const Tensor& a) {
  need_square("inv", a);
  const Factors factors("inv", a);
  need_regular("inv", a, factors);
  return inverse(a, factors);
}

Tensor solve(const Tensor& given_a, const Tensor& given_b) {
  Tensor a = given_a, b = given_b;
  promote_literals(a, b, "solve");
  need_square("solve", a);
  const bool vector = b.ndim() > 0 && is_vector_side(a, b);
  if (b.ndim() == 0 || (vector ? b.size(-1) : b.size(-2)) != a.size(-1))
    fail<ShapeError>("solve", fmt::format("the right side {} does not fit the matrix {}",
                                          describe(b), describe(a)));
  const Factors factors("solve", a);
  need_regular("solve", a, factors);
  if (!vector) return solve_by(factors, a, b, false);
  return squeeze(solve_by(factors, a, unsqueeze(b, -1), false), -1);
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
  const Stored in_memory = stored(a);
  const kernels::Triangular how{.upper = options.upper != in_memory.transposed,
                                .left = options.left,
                                .unit = options.unitriangular,
                                .transposed = in_memory.transposed};
  visit_floating(a.dtype(), "solve_triangular", [&](auto zero) {
    using T = decltype(zero);
    const auto a_at = batch_offsets(batch_shape(a), batch),
               b_at = batch_offsets(batch_shape(b), batch);
    const auto* const matrix = static_cast<const T*>(in_memory.data);
    const T* const right = elements<T>(b);
    T* const to = mutable_data<T>(x);
    parallel_items(
        batch.numel(), elementwise_grain / (n * rows * cols + 64) + 1, [&](std::int64_t i) {
          const auto at = static_cast<std::size_t>(i);
          std::copy_n(right + b_at[at] * rows * cols, rows * cols, to + i * rows * cols);
          count_work(n * rows * cols,
                     static_cast<std::int64_t>(sizeof(T)) * (n * n / 2 + 2 * rows * cols));
          kernels::solve_triangular<T>({matrix + a_at[at] * n * n, n}, n,
                                       {to + i * rows * cols, cols}, options.left ? cols : rows,
                                       how);
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
    return -(options.upper ? triu(y, skip) : tril(y, -skip));
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
  const Factors factors("det", a);
  const Determinants found = determinants(a, factors);
  return record("det", found.values, {a},
                {[a, factors, regular = found.regular](const Tensor& g, const Tensor& y) {
                  if (!regular || !in_range(y)) return masked_mul(to_matrix(g), cofactors(a));
                  return masked_mul(to_matrix(masked_mul(g, y)), transpose(inverse(a, factors)));
                }});
}

Slogdet slogdet(const Tensor& a) {
  need_square("slogdet", a);
  const Shape batch = batch_shape(a);
  const Tensor sign = empty(batch, a.dtype()), magnitude = empty(batch, a.dtype());
  const Factors factors("slogdet", a);
  factors.for_each("slogdet", [&]<class T>(const kernels::Lu<T>& lu, std::int64_t i) {
    lu.determinant(mutable_data<T>(sign)[i], mutable_data<T>(magnitude)[i]);
  });
  return {sign, record("slogdet", magnitude, {a}, {[a, factors](const Tensor& g) {
                         return masked_mul(to_matrix(g), transpose(inverse(a, factors)));
                       }})};
}

}  // namespace gradtape
