#include "gradtape/autograd/ops/detail/matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "gradtape/autograd/kernels/matmul/gemm.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::detail {

Shape batch_shape(const Tensor& x) {
  const Shape shape = x.shape();
  return Shape(std::span<const std::int64_t>(shape.begin(), shape.end() - 2));
}

Shape matrices(Shape batch, std::int64_t rows, std::int64_t cols) {
  batch.push_back(rows);
  batch.push_back(cols);
  return batch;
}

std::vector<std::int64_t> batch_offsets(const Shape& own, const Shape& batch) {
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(batch.numel()), 0);
  if (own == batch) {
    std::iota(offsets.begin(), offsets.end(), std::int64_t{0});
    return offsets;
  }
  std::int64_t stride = 1, repeat = 1;
  for (int axis = batch.ndim() - 1, mine = own.ndim() - 1; axis >= 0; --axis, --mine) {
    const auto extent = mine >= 0 ? own[mine] : 1;
    for (std::size_t i = 0; extent > 1 && i < offsets.size(); ++i)
      offsets[i] += static_cast<std::int64_t>(i) / repeat % batch[axis] * stride;
    repeat *= batch[axis];
    stride *= extent;
  }
  return offsets;
}

std::string describe_matrix(const Tensor& a, std::int64_t i) {
  return a.ndim() == 2 ? fmt::format("the matrix {}", describe(a))
                       : fmt::format("matrix {} of the batch {}", i, describe(a));
}

void need_matrices(const char* op, const Tensor& a) {
  need_defined(op, a, "a");
  if (!is_floating(a.dtype())) visit_floating(a.dtype(), op, [](auto) {});
  if (a.ndim() < 2)
    fail<ShapeError>(op, fmt::format("needs matrices, [..., rows, columns], got {}", describe(a)));
  if (!kernels::fits_blas(a.size(-2), a.size(-1), 1))
    fail<ShapeError>(op, fmt::format("extents over 2^31 - 1 are not supported: {}", describe(a)));
}

void need_square(const char* op, const Tensor& a) {
  need_matrices(op, a);
  if (a.size(-2) != a.size(-1))
    fail<ShapeError>(op, fmt::format("needs square matrices, got {}", describe(a)));
}

Stored stored(const Tensor& x) {
  const auto& value = *x.value_ref();
  if (!value.data.load(std::memory_order_acquire) && value.transposed_from)
    return {Tensor(value.transposed_from, {}).raw(), true};
  return {x.raw(), false};
}

Tensor as_diagonal(const Tensor& x) {
  const auto n = x.size(-1);
  return where(eye(n, n, bool_), unsqueeze(x, -1), 0.0);
}

Tensor symmetric(const Tensor& x) { return 0.5 * (x + transpose(x)); }

Tensor size_of_matrix(const Tensor& x) {
  const auto batch = batch_shape(x);
  const auto count = batch.numel(), n = x.size(-1) * x.size(-2);
  const Tensor y = empty(matrices(batch, 1, 1), x.dtype());
  visit_floating(x.dtype(), "size_of_matrix", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = static_cast<const T*>(x.raw());
    constexpr int limit = std::numeric_limits<T>::max_exponent - 3;  // the inverse is a number too
    for (std::int64_t i = 0; i < count; ++i) {
      T largest = 0;
      for (const T* p = from + i * n; p != from + (i + 1) * n; ++p)
        largest = std::max(largest, std::abs(*p));
      const bool plain = largest > 0 && std::isfinite(largest);
      mutable_data<T>(y)[i] =
          plain ? std::ldexp(T(1), std::clamp(std::ilogb(largest), -limit, limit)) : T(1);
    }
  });
  return y;
}

bool is_vector_side(const Tensor& a, const Tensor& b) {
  if (b.ndim() == 1) return true;
  Shape vectors = batch_shape(a);
  vectors.push_back(a.size(-2));
  return b.ndim() == a.ndim() - 1 && b.shape() == vectors;
}

}  // namespace gradtape::detail
