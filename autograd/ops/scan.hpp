/// Scans: results that accumulate along one axis.
#pragma once

#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// y_i = x_0 + ... + x_i along axis; bools count as int64, which wraps modulo 2^64
[[nodiscard]] Tensor cumsum(const Tensor& x, std::int64_t axis);
/// y_i = x_0 ... x_i along axis; bools count as int64. Right to any order where elements are 0.
[[nodiscard]] Tensor cumprod(const Tensor& x, std::int64_t axis);
/// y_i = log(exp(x_0) + ... + exp(x_i)) along axis, without overflow; floating only.
[[nodiscard]] Tensor logcumsumexp(const Tensor& x, std::int64_t axis);
/// The largest of x_0 ... x_i along axis, and where it is: the last of equal ones, which gets the
/// gradient. NaN wins. Throws DtypeError for bool.
[[nodiscard]] WithIndices cummax(const Tensor& x, std::int64_t axis);
/// The smallest of x_0 ... x_i along axis, as cummax.
[[nodiscard]] WithIndices cummin(const Tensor& x, std::int64_t axis);
/// x_(i+1) - x_i along axis, n times over. Throws ValueError for a negative n.
[[nodiscard]] Tensor diff(const Tensor& x, std::int64_t axis = -1, std::int64_t n = 1);

}  // namespace gradtape
