/// Opt-in: tensors from mdspans, and std::mdspan over tensors where the standard library has it
/// (C++23).
#pragma once

#include <version>
#if __has_include(<mdspan>)
#include <mdspan>
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "gradtape/autograd/tensor/strided.hpp"

namespace gradtape {

namespace detail {

/// std::mdspan with strides, or what has its members, such as Kokkos::mdspan.
template <class M>
concept Mdspan = requires(const M& m) {
  typename M::element_type;
  typename M::extents_type;
  m.data_handle();
  m.extent(0);
  m.stride(0);
  M::rank();
} && std::is_pointer_v<typename M::data_handle_type>;

template <class M> Strided mdspan_layout(const M& m) {
  Strided layout;
  layout.data = m.data_handle();
  if constexpr (M::rank() > 0)
    for (typename M::rank_type axis = 0; axis < M::rank(); ++axis)
      layout.push_back(
          to_int64(m.extent(axis)),
          to_int64(m.stride(axis)) * static_cast<std::int64_t>(sizeof(typename M::element_type)));
  return layout;
}

}  // namespace detail

/// A copy of an mdspan with whatever layout has strides: layout_right, layout_left, layout_stride.
/// float, double and bool keep their type, integers become int64. Throws ShapeError past 8 axes.
template <detail::Mdspan M> [[nodiscard]] Tensor from_mdspan(const M& m) {
  return detail::copy_strided<std::remove_cv_t<typename M::element_type>>(detail::mdspan_layout(m),
                                                                          "from_mdspan");
}

/// A tensor over the elements of an mdspan, without a copy where they lie side by side: row-major
/// (layout_right), or with the last two axes swapped (layout_left of two axes) as a transpose.
/// Others are copied. `owner` keeps them alive, as in borrow(data, shape, owner). Elements: float,
/// double, std::int64_t, bool.
template <detail::Mdspan M, class Owner> [[nodiscard]] Tensor borrow(const M& m, Owner&& owner) {
  using T = std::remove_cv_t<typename M::element_type>;
  (void)dtype_of<T>;  // refuses elements that tensors do not hold
  return detail::borrow_strided<T>(detail::mdspan_layout(m), std::forward<Owner>(owner), "borrow");
}

#ifdef __cpp_lib_mdspan
/// The elements of `x` as a constant std::mdspan, without a copy: `mdspan_view<float, 2>(x)`. It
/// reads the tensor's memory: keep `x`, or a copy of it, as long as the mdspan. Throws DtypeError
/// unless `T` is the type of the dtype, ShapeError unless x has `Rank` axes.
template <class T, std::size_t Rank> [[nodiscard]] auto mdspan_view(const Tensor& x) {
  using Extents = std::dextents<std::int64_t, Rank>;
  const auto elements = x.data<T>();
  const Shape shape = x.shape();
  if (shape.ndim() != static_cast<int>(Rank))
    fail<ShapeError>("mdspan_view",
                     "asked for " + std::to_string(Rank) + " axes, the tensor is " + shape.str());
  std::array<std::int64_t, Rank> extents;
  for (std::size_t axis = 0; axis < Rank; ++axis) extents[axis] = shape[static_cast<int>(axis)];
  return std::mdspan<const T, Extents>(elements.data(), Extents(extents));
}
template <class T, std::size_t Rank> auto mdspan_view(Tensor&&) = delete;
#endif

}  // namespace gradtape
