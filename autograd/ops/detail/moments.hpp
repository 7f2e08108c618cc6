/// Means and variances of groups of elements, which reductions and normalisations share; for
/// ops/*.cpp only.
#pragma once

#include <type_traits>

#include "gradtape/autograd/kernels/standardise.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape::detail {

/// The moments of each group of x, [groups.n] each. Nothing is recorded.
class Moments {
 public:
  /// Throws DtypeError in the name of `op` unless x is floating. Each group has an element.
  Moments(const char* op, const Tensor& x, AxisView groups);

  /// Room for those of a kernel that finds them.
  Moments(Dtype dtype, std::int64_t groups);

  /// For the kernels.
  template <class T> kernels::Frame<T> frame() const {
    T* const first = mutable_data<std::remove_const_t<T>>(rows_);
    const auto n = rows_.size(1);
    return {first, first + n, first + 2 * n, first + 3 * n};
  }
  Tensor mean() const;
  /// The variance times `factor`.
  Tensor var(double factor = 1) const;
  /// The root of the variance times `factor`, without overflow.
  Tensor deviation(double factor) const;

 private:
  template <class F> Tensor each(F f) const;

  Tensor rows_;  // those of a Frame: [4, groups]
};

}  // namespace gradtape::detail
