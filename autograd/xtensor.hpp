/// Opt-in: tensors from xtensor expressions and back.
#pragma once

#if __has_include(<xtensor/containers/xarray.hpp>)  // xtensor 0.26 and later
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#endif

#include <algorithm>
#include <type_traits>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Copies an xtensor expression: containers of either layout, strided views, lazy arithmetic.
/// float, double and bool keep their type, integers become int64. Throws ShapeError past 8 axes.
template <class E> [[nodiscard]] Tensor from_xtensor(const xt::xexpression<E>& expression) {
  const auto& e = expression.derived_cast();
  using Element = std::remove_cv_t<typename E::value_type>;
  constexpr bool integer = std::is_integral_v<Element> && !std::is_same_v<Element, bool>;
  using T = std::conditional_t<integer, std::int64_t, Element>;
  Shape shape;
  for (const auto extent : e.shape()) shape.push_back(static_cast<std::int64_t>(extent));
  const Tensor x = detail::empty(shape, dtype_of<T>);
  std::copy(e.template begin<xt::layout_type::row_major>(),
            e.template end<xt::layout_type::row_major>(), detail::mutable_data<T>(x));
  return x;
}

/// The elements of `x` as a constant xtensor adaptor, without a copy. It reads the tensor's memory:
/// keep `x`, or a copy of it, which shares the elements, as long as the adaptor. Throws DtypeError
/// unless `T` is the type of the dtype.
template <class T> auto view(const Tensor& x) {
  const auto elements = x.data<T>();
  const Shape shape = x.shape();
  return xt::adapt(elements.data(), elements.size(), xt::no_ownership(),
                   std::vector<std::size_t>(shape.begin(), shape.end()));
}
template <class T> auto view(Tensor&&) = delete;

/// A copy of the elements as an xt::xarray. Throws DtypeError unless `T` is the type of the dtype.
template <class T> [[nodiscard]] xt::xarray<T> to_xarray(const Tensor& x) { return view<T>(x); }

}  // namespace gradtape
