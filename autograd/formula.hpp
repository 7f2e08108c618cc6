/// Formulas: elementwise functions written once, as generic lambdas, and read in three ways (see
/// docs/how_it_works.md): over SIMD registers forward, over dual numbers of them backward, over
/// tensors for higher orders.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/elementwise/functions.hpp"
#include "gradtape/autograd/elementwise/loop.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

namespace detail {

/// A formula of `count` inputs, as what surrounds its kernels sees it: compiled once and not for
/// every formula.
struct FormulaCode {
  const char* name;
  std::size_t count;
  Elementwise value;     // f(x_0, ...)
  Elementwise products;  // of g, x_0, ...: g df/dx_i for each i
  TensorDual (*dual)(const void* f, const TensorDual* x);
};

/// f(x...), not recorded; casts the literals among x to the dtype of the others.
[[nodiscard]] Tensor formula_value(const FormulaCode& code, Tensor* x);
/// What a formula's lambda is called with; the tensors are counted.
template <class> using Argument = Pack<Counted>;

/// The gradients of <g, f(x)> that are needed, each of the shape that g and x have together.
void formula_vjp(const FormulaCode& code, const Tensor& g, const Tensor* x, const bool* needed,
                 Tensor* gradients);

}  // namespace detail

/// An elementwise function of 1 to 6 tensors that broadcast together; made by `formula`.
///
/// What runs over registers is flattened: in a large file the compiler would rather call than
/// inline the functions that a formula is made of, for half as much time again. In a file compiled
/// for narrower registers than the library (without gradtape::native), a formula that computes exp
/// and the like runs as the ops that it consists of, which are faster there.
template <class F> class Formula {
 public:
  Formula(const char* name, F f) : name_(name), f_(std::move(f)) {}

  /// How many tensors it takes; 0 where its lambda takes none of these numbers.
  static consteval std::size_t inputs() { return inputs_from<1>(); }

  /// Throws ShapeError when the shapes do not broadcast, DtypeError for mixed or non-floating
  /// dtypes.
  template <std::convertible_to<Tensor>... Inputs>
    requires(sizeof...(Inputs) >= 1 && sizeof...(Inputs) <= TensorDual::max_inputs)
  Tensor operator()(const Inputs&... inputs) const {
    constexpr bool fits = std::invocable<const F&, detail::Argument<Inputs>...>;
    static_assert(
        fits,
        "gradtape: a formula is called with as many tensors as its lambda has arguments, "
        "each of them `auto` or `const auto&` and not Tensor: it computes single numbers, "
        "by arithmetic, where() and the functions of gradtape");
    if constexpr (fits)
      return apply<sizeof...(Inputs)>({static_cast<const Tensor&>(inputs)...});
    else
      return {};
  }

 private:
  template <std::size_t... I> static consteval bool takes(std::index_sequence<I...>) {
    return std::invocable<const F&, detail::Argument<std::integral_constant<std::size_t, I>>...>;
  }
  template <std::size_t N> static consteval std::size_t inputs_from() {
    if constexpr (N > TensorDual::max_inputs)
      return 0;
    else if constexpr (takes(std::make_index_sequence<N>()))
      return N;
    else
      return inputs_from<N + 1>();
  }

  template <std::size_t N> [[nodiscard]] Tensor apply(std::array<Tensor, N> x) const {
    if (sizeof(detail::register_of<float>::type) < detail::library_register_bytes &&
        detail::computes_functions<N>(f_))
      return as_ops(x, std::make_index_sequence<N>());
    Tensor y = detail::formula_value(code<N>(), x.data());
    if constexpr (N == 1) {
      return record(name_, std::move(y), {x[0]},
                    {elementwise_vjp{[f = *this, x = x[0]](const Tensor& g) {
                      const bool needed = true;
                      Tensor gradient;
                      detail::formula_vjp(f.template code<1>(), g, &x, &needed, &gradient);
                      return gradient;
                    }}});
    } else {
      return record(name_, {std::move(y)}, std::vector<Tensor>(x.begin(), x.end()),
                    elementwise_vjp{
                        [f = *this, x](std::span<const Tensor> g, const std::vector<bool>& needed) {
                          std::array<bool, N> wanted;
                          for (std::size_t i = 0; i < N; ++i) wanted[i] = needed[i];
                          std::vector<Tensor> gradients(N);
                          detail::formula_vjp(f.template code<N>(), g[0], x.data(), wanted.data(),
                                              gradients.data());
                          return gradients;
                        }})[0];
    }
  }

  template <std::size_t N, std::size_t... I>
  Tensor as_ops(const std::array<Tensor, N>& x, std::index_sequence<I...>) const {
    return static_cast<TensorDual>(f_(TensorDual(x[I])...)).value;
  }

  template <std::size_t N> [[nodiscard]] detail::FormulaCode code() const {
    return {name_,
            N,
            {Code<N>::values, &f_, detail::count_operations<N>(f_)},
            {Code<N>::gradients, &f_, detail::count_operations<N + 1>([this](const auto&... v) {
               return typename Code<N>::Products{f_}(std::array{v...});
             })},
            Code<N>::dual};
  }

  template <std::size_t N, class = std::make_index_sequence<N>> struct Code;
  template <std::size_t N, std::size_t... I> struct Code<N, std::index_sequence<I...>> {
    struct Value {
      const F& f;
      template <class P>
      [[gnu::flatten]] std::array<P, 1> operator()(const std::array<P, N>& x) const {
        return {static_cast<P>(f(x[I]...))};
      }
    };

    struct Products {
      const F& f;
      template <class P>
      [[gnu::flatten]] std::array<P, N> operator()(const std::array<P, N + 1>& v) const {
        const auto fast = products<false>(v);
        const auto sum = (fast[I] + ...);
        if (!any_nan(sum)) return fast;
        // For each element by itself: it must not depend on its neighbours, not even by rounding.
        const auto safe = safe_products(v);
        return {where(sum == sum, fast[I], safe[I])...};
      }
      /// products<true>, out of the loop's way; where operations are counted, it is not needed.
      template <class P>
      [[gnu::noinline, gnu::cold]] std::array<P, N> safe_products(
          const std::array<P, N + 1>& v) const {
        return products<!std::same_as<P, Pack<detail::Counted>>>(v);
      }
      /// g df/dx_i for one register of g, x_0, ..., x_(N-1).
      template <bool safe, class P> std::array<P, N> products(const std::array<P, N + 1>& v) const {
        using D = Dual<P, static_cast<int>(N), safe>;
        const D y = f(D::input(v[I + 1], static_cast<int>(I))...);
        return {(safe ? masked_mul(v[0], y.tangents[I]) : v[0] * y.tangents[I])...};
      }
    };

    static TensorDual dual(const void* f, const TensorDual* x) {
      return (*static_cast<const F*>(f))(x[I]...);
    }
    template <class T, class Function, std::size_t In, std::size_t Out>
    static constexpr detail::Kernel kernel_of() {
      return {[](const void* f, const void* const* in, const std::int64_t* stride, void* const* out,
                 std::int64_t count) {
                detail::map_registers<T, In, Out>(Function{*static_cast<const F*>(f)}, in, stride,
                                                  out, count);
              },
              sizeof(T), sizeof(typename detail::register_of<T>::type)};
    }
    static constexpr detail::Kernel values[] = {
        kernel_of<float, Value, N, 1>(), kernel_of<double, Value, N, 1>(), {}, {}};
    static constexpr detail::Kernel gradients[] = {
        kernel_of<float, Products, N + 1, N>(), kernel_of<double, Products, N + 1, N>(), {}, {}};
  };

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
/// and what functions.hpp lists, not std::exp or `if`; literals are doubles. `name` must be a
/// string literal.
template <class F> [[nodiscard]] Formula<F> formula(const char* name, F f) {
  return Formula<F>(name, std::move(f));
}

}  // namespace gradtape
