/// What the elementwise ops are made of; for ops/*.cpp only.
#pragma once

#include <array>
#include <initializer_list>
#include <utility>

#include "gradtape/autograd/elementwise/functions.hpp"
#include "gradtape/autograd/elementwise/loop.hpp"
#include "gradtape/autograd/ops/activation.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/detail/integer.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape::detail {

/// f over tensors of one dtype, float32 or float64, that broadcast together, in one pass.
template <class F, class... Inputs>
Tensor map_floating(const char* op, const F& f, const Inputs&... x) {
  constexpr std::size_t count = sizeof...(x);
  const Tensor* const in[] = {&x...};
  return map_tensors(op, {floating_kernels<count, F>, &f, count_operations<count>(f)}, in, count);
}

/// As map_floating, and for int64 too.
template <class F, class... Inputs>
Tensor map_numeric(const char* op, const F& f, const Inputs&... x) {
  constexpr std::size_t count = sizeof...(x);
  const Tensor* const in[] = {&x...};
  return map_tensors(op, {numeric_kernels<count, F>, &f, count_operations<count>(f)}, in, count);
}

/// The function masked_mul(g, slope(x...)) of packs.
template <class F> struct TimesSlope {
  F slope;
  template <class P> P operator()(const P& g, const auto&... x) const {
    return masked_mul(g, P(slope(x...)));
  }
};

/// masked_mul(g, slope(x...)): in one pass, or by public ops while the backward pass is itself
/// recorded.
template <class F, class... Inputs>
Tensor times_slope(const Tensor& g, const F& slope, const Inputs&... x) {
  if (recording()) return masked_mul(g, slope(x...));
  return map_floating("masked_mul", TimesSlope<F>{slope}, g, x...);
}

// Primitives as function objects of packs and tensors.
template <class P> struct ValueOf {
  auto operator()(const auto&... p) const { return apply<P>(p...); }
};
template <class P> struct SlopeOf {
  auto operator()(const auto& p) const {
    if constexpr (primitive::FromOutput<P>)
      return P::grad_from_output(p);
    else
      return P::grad_from_input(p);
  }
};
template <class P> struct SlopeA {
  auto operator()(const auto&... p) const { return P::slope_a(p...); }
};
template <class P> struct SlopeB {
  auto operator()(const auto&... p) const { return P::slope_b(p...); }
};

/// A slope of a primitive: masked_mul(g, slope(x...)) in one pass, and slope(x...) by public ops.
struct SlopeCode {
  const Kernel* product;
  int operations;
  Tensor (*by_ops)(const Tensor* const* x);
};
template <class F, std::size_t... I> SlopeCode slope_code(std::index_sequence<I...>) {
  constexpr std::size_t in = 1 + sizeof...(I);
  return {floating_kernels<in, TimesSlope<F>>, count_operations<in>(TimesSlope<F>()),
          [](const Tensor* const* x) -> Tensor { return F()(*x[I]...); }};
}
/// masked_mul(g, slope(x...))
Tensor times_slope(const SlopeCode& slope, const Tensor& g, std::initializer_list<const Tensor*> x);

/// A primitive of one input as a recorded op; `from_output` where its slope takes the result.
Tensor unary(const char* name, const Kernel* value, const SlopeCode& slope, bool from_output,
             const Tensor& x);
template <class P> Tensor unary(const Tensor& x) {
  if constexpr (HasIntegers<P>)
    if (x.defined() && x.dtype() == int64) return map_integers<P>(x);
  static const SlopeCode slope = slope_code<SlopeOf<P>>(std::make_index_sequence<1>());
  return unary(P::name, floating_kernels<1, ValueOf<P>>, slope, primitive::FromOutput<P>, x);
}

/// f(a, b) with the literal among the two cast to the other's dtype.
template <class F> Tensor with_one_dtype(const char* op, const F& f, Tensor a, Tensor b) {
  promote_literals(a, b, op);
  return f(a, b);
}

/// The primitive `P` of two inputs as a recorded op.
template <class P> Tensor binary(const Tensor& a, const Tensor& b) {
  if (differ(a, b)) return with_one_dtype(P::name, binary<P>, a, b);
  if constexpr (HasIntegers<P>)
    if (a.dtype() == int64) return map_integers<P>(a, b);
  static const SlopeCode slope_a = slope_code<SlopeA<P>>(std::make_index_sequence<3>()),
                         slope_b = slope_code<SlopeB<P>>(std::make_index_sequence<3>());
  return record_lazily(P::name, map_floating(P::name, ValueOf<P>(), a, b), {a, b}, [&] {
    std::array<Vjp, 2> vjps;
    if (a.is_tracked())
      vjps[0] = elementwise_vjp{[a, b](const Tensor& g, const Tensor& y) {
        return times_slope(slope_a, g, {&a, &b, &y});
      }};
    if (b.is_tracked())
      vjps[1] = elementwise_vjp{[a, b](const Tensor& g, const Tensor& y) {
        return times_slope(slope_b, g, {&a, &b, &y});
      }};
    return vjps;
  });
}

}  // namespace gradtape::detail
