/// Formulas: elementwise functions written once, as generic lambdas, and read in three ways (see
/// docs/how_it_works.md): over SIMD registers forward, over dual numbers of them backward, over
/// tensors for higher orders.
#pragma once

#include <array>
#include <concepts>
#include <utility>
#include <vector>

#include "gradtape/autograd/elementwise/functions.hpp"
#include "gradtape/autograd/elementwise/loop.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

/// An elementwise function of 1 to 6 tensors that broadcast together; made by `formula`.
///
/// What runs over registers is flattened: in a large file the compiler would rather call than
/// inline the functions that a formula is made of, for half as much time again.
template <class F> class Formula {
 public:
  Formula(const char* name, F f) : name_(name), f_(std::move(f)) {}

  /// Throws ShapeError when the shapes do not broadcast, DtypeError for mixed or non-floating
  /// dtypes.
  template <std::convertible_to<Tensor>... Inputs>
    requires(sizeof...(Inputs) >= 1 && sizeof...(Inputs) <= 6)
  Tensor operator()(const Inputs&... inputs) const {
    return apply<sizeof...(Inputs)>({static_cast<const Tensor&>(inputs)...});
  }

 private:
  template <std::size_t N> Tensor apply(std::array<Tensor, N> x) const {
    detail::unify(x.data(), N, name_);
    Shape shape = x[0].shape();
    for (std::size_t i = 1; i < N; ++i) shape = broadcast(shape, x[i].shape(), name_);
    Tensor y = detail::visit_floating(x[0].dtype(), name_, [&](auto zero) {
      return forward<decltype(zero)>(shape, x, std::make_index_sequence<N>());
    });
    if constexpr (N == 1) {
      return record(name_, std::move(y), {x[0]},
                    {elementwise_vjp{[f = *this, x = x[0]](const Tensor& g) {
                      return f.vjp(g, std::array{x}, {true})[0];
                    }}});
    } else {
      return record(name_, {std::move(y)}, std::vector<Tensor>(x.begin(), x.end()),
                    elementwise_vjp{
                        [f = *this, x](std::span<const Tensor> g, const std::vector<bool>& needed) {
                          std::array<bool, N> wanted;
                          for (std::size_t i = 0; i < N; ++i) wanted[i] = needed[i];
                          auto gradients = f.vjp(g[0], x, wanted);
                          return std::vector<Tensor>(gradients.begin(), gradients.end());
                        }})[0];
    }
  }

  template <class T, std::size_t... I>
  Tensor forward(const Shape& shape, const std::array<Tensor, sizeof...(I)>& x,
                 std::index_sequence<I...>) const {
    const Tensor y = detail::empty(shape, dtype_of<T>);
    detail::map<T, sizeof...(I), 1>(
        shape, {&x[I]...}, {y}, [&](const auto& v) __attribute__((flatten)) {
          return std::array{static_cast<std::remove_cvref_t<decltype(v[0])>>(f_(v[I]...))};
        });
    return y;
  }

  /// The gradients of <g, f(x)>, each of the shape that g and x have together.
  template <std::size_t N>
  std::array<Tensor, N> vjp(const Tensor& g, const std::array<Tensor, N>& x,
                            const std::array<bool, N>& needed) const {
    constexpr auto indices = std::make_index_sequence<N>();
    if (recording()) return traced(g, x, needed, indices);
    Shape shape = g.shape();
    for (const auto& input : x) shape = broadcast(shape, input.shape(), name_);
    std::array<Tensor, N> gradients;
    for (std::size_t i = 0; i < N; ++i)
      if (needed[i]) gradients[i] = detail::empty(shape, g.dtype());
    detail::visit_floating(g.dtype(), name_, [&](auto zero) {
      backward<decltype(zero)>(shape, g, x, gradients, indices);
    });
    return gradients;
  }

  template <class T, std::size_t N, std::size_t... I>
  void backward(const Shape& shape, const Tensor& g, const std::array<Tensor, N>& x,
                const std::array<Tensor, N>& gradients, std::index_sequence<I...>) const {
    detail::map<T, N + 1, N>(
        shape, {&g, &x[I]...}, gradients, [&](const auto& v) __attribute__((flatten)) {
          const auto fast = products<false>(v, std::index_sequence<I...>());
          return any_nan((fast[I] + ...)) ? safe_products(v, std::index_sequence<I...>()) : fast;
        });
  }

  /// products<true>, out of the loop's way.
  template <class P, std::size_t... I>
  [[gnu::noinline, gnu::cold]] std::array<P, sizeof...(I)> safe_products(
      const std::array<P, sizeof...(I) + 1>& v, std::index_sequence<I...> inputs) const {
    return products<true>(v, inputs);
  }

  /// g df/dx_i for one register (or element) of g, x_0, ..., x_(N-1).
  template <bool safe, class P, std::size_t... I>
  std::array<P, sizeof...(I)> products(const std::array<P, sizeof...(I) + 1>& v,
                                       std::index_sequence<I...>) const {
    using D = Dual<P, static_cast<int>(sizeof...(I)), safe>;
    const D y = f_(D::input(v[I + 1], static_cast<int>(I))...);
    return {(safe ? chain(v[0], y.tangents[I]) : v[0] * y.tangents[I])...};
  }

  /// The same through public ops, so that the result can be differentiated again.
  template <std::size_t N, std::size_t... I>
  std::array<Tensor, N> traced(const Tensor& g, const std::array<Tensor, N>& x,
                               const std::array<bool, N>& needed, std::index_sequence<I...>) const {
    using D = Dual<Tensor, static_cast<int>(N)>;
    const D y = f_((needed[I] ? D::input(x[I], static_cast<int>(I)) : D(x[I]))...);
    return {(y.tangents[I].defined() ? chain(g, y.tangents[I]) : Tensor())...};
  }

  const char* name_;
  F f_;
};

/// Makes an elementwise op of a generic lambda: one fused pass forward, one fused pass backward,
/// any order.
///
///     const auto swish = formula("swish", [](auto x) { return x / (1.0 + exp(-x)); });
///     Tensor y = swish(x);
///
/// The lambda takes 1 to 6 arguments of one generic type and uses arithmetic, comparisons, `where`
/// and what functions.hpp lists; literals are doubles. `name` must be a string literal.
template <class F> Formula<F> formula(const char* name, F f) {
  return Formula<F>(name, std::move(f));
}

}  // namespace gradtape
