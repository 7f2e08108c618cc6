/// Opt-in: tensors from Eigen's matrices, arrays, maps and expressions, and back. Needs
/// <Eigen/Core> (Debian: libeigen3-dev).
#pragma once

#include <Eigen/Core>

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "gradtape/autograd/tensor/strided.hpp"

namespace gradtape {

namespace detail {

/// Row-major matrices of whatever size.
template <class T>
using EigenRows = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class D> Shape eigen_shape(const Eigen::DenseBase<D>& e) {
  if constexpr (D::IsVectorAtCompileTime)
    return {e.size()};
  else
    return {e.rows(), e.cols()};
}

/// How the elements of a matrix, array, map, reference or block lie.
template <class D> Strided eigen_layout(const Eigen::DenseBase<D>& e) {
  constexpr auto element = static_cast<std::int64_t>(sizeof(typename D::Scalar));
  Strided layout;
  layout.data = e.derived().data();
  if constexpr (D::IsVectorAtCompileTime) {
    layout.push_back(e.size(), e.derived().innerStride() * element);
  } else {
    layout.push_back(e.rows(), e.derived().rowStride() * element);
    layout.push_back(e.cols(), e.derived().colStride() * element);
  }
  return layout;
}

/// Whether M is a matrix or array with elements of its own on the heap, which a move leaves there.
template <class M> inline constexpr bool is_eigen_heap = false;
template <class T, int... Sizes>
inline constexpr bool is_eigen_heap<Eigen::Matrix<T, Sizes...>> =
    Eigen::Matrix<T, Sizes...>::MaxSizeAtCompileTime == Eigen::Dynamic;
template <class T, int... Sizes>
inline constexpr bool is_eigen_heap<Eigen::Array<T, Sizes...>> =
    Eigen::Array<T, Sizes...>::MaxSizeAtCompileTime == Eigen::Dynamic;

}  // namespace detail

/// A copy of an Eigen expression: matrices and arrays of either order, maps, blocks, arithmetic.
/// What is a vector by its type becomes [n], all else [rows, columns]. float, double and bool keep
/// their type, integers become int64.
template <class D> [[nodiscard]] Tensor from_eigen(const Eigen::DenseBase<D>& e) {
  using T = detail::Element<typename D::Scalar>;
  const Tensor x = detail::empty(detail::eigen_shape(e), dtype_of<T>, "from_eigen");
  Eigen::Map<Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> to(
      detail::mutable_data<T>(x), e.rows(), e.cols());
  if constexpr (std::is_same_v<typename Eigen::internal::traits<D>::XprKind, Eigen::MatrixXpr>)
    to = e.derived().array().template cast<T>();
  else
    to = e.derived().template cast<T>();
  return x;
}

/// A tensor over the elements of a matrix, array, map or block, without a copy where they lie side
/// by side: in row-major order, or column-major as a transpose. Others, such as most blocks, are
/// copied. `owner` keeps them alive, as in borrow(data, shape, owner); a map's is that of what it
/// maps. Scalars: float, double, std::int64_t, bool.
template <class D, class Owner>
[[nodiscard]] Tensor borrow(const Eigen::DenseBase<D>& e, Owner&& owner) {
  static_assert(
      bool(D::Flags & Eigen::DirectAccessBit),
      "gradtape: this Eigen expression has no elements in memory; copy it, from_eigen(e)");
  (void)dtype_of<typename D::Scalar>;  // refuses scalars that tensors do not hold
  return detail::borrow_strided<typename D::Scalar>(detail::eigen_layout(e),
                                                    std::forward<Owner>(owner), "borrow");
}

/// Takes a matrix or array over, without a copy: `from_eigen(std::move(m))`. Its size must be
/// dynamic; a column-major matrix becomes a transpose.
template <class D>
  requires(detail::is_eigen_heap<D> &&
           detail::is_one_of<typename D::Scalar, float, double, bool, std::int64_t>)
[[nodiscard]] Tensor from_eigen(D&& e) {
  const auto owner = std::make_shared<const D>(std::move(e));
  return borrow(*owner, owner);
}

/// The elements of `x` as a constant Eigen map [rows, columns], without a copy; of a tensor [n] as
/// a column, of one number as a 1 x 1 matrix. It reads the tensor's memory: keep `x`, or a copy of
/// it, as long as the map. Throws DtypeError unless `T` is the type of the dtype, ShapeError for
/// more than 2 axes.
template <class T> [[nodiscard]] auto eigen_view(const Tensor& x) {
  const auto elements = x.data<T>();
  if (x.ndim() > 2)
    fail<ShapeError>("eigen_view", "a matrix has 2 axes, the tensor is " + x.shape().str() +
                                       "; reshape it, or take a part");
  const Eigen::Index rows = x.ndim() ? x.size(0) : 1, columns = x.ndim() == 2 ? x.size(1) : 1;
  return Eigen::Map<const detail::EigenRows<T>>(elements.data(), rows, columns);
}
template <class T> auto eigen_view(Tensor&&) = delete;

/// A copy as any of Eigen's matrices and arrays: `to_eigen<Eigen::MatrixXd>(x)`. A tensor [n] fits
/// vectors of both kinds. Throws as eigen_view, and ShapeError where M has a fixed size that is not
/// the tensor's.
template <class M> [[nodiscard]] M to_eigen(const Tensor& x) {
  const auto view = eigen_view<typename M::Scalar>(x);
  const bool turn = x.ndim() < 2 && int(M::RowsAtCompileTime) == 1;
  const auto rows = turn ? view.cols() : view.rows(), columns = turn ? view.rows() : view.cols();
  const auto fits = [](int fixed, Eigen::Index extent) {
    return fixed == Eigen::Dynamic || fixed == extent;
  };
  if (!fits(M::RowsAtCompileTime, rows) || !fits(M::ColsAtCompileTime, columns))
    fail<ShapeError>("to_eigen",
                     "the tensor " + x.shape().str() + " does not fit the matrix type, " +
                         std::to_string(int(M::RowsAtCompileTime)) + " x " +
                         std::to_string(int(M::ColsAtCompileTime)) + ", where -1 is any");
  M m(rows, columns);
  if (turn)
    m = view.transpose();
  else
    m = view;
  return m;
}

}  // namespace gradtape
