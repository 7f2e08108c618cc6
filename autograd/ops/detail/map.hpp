/// What the elementwise ops are made of; for ops/*.cpp only.
#pragma once

#include "gradtape/autograd/elementwise/functions.hpp"
#include "gradtape/autograd/elementwise/loop.hpp"
#include "gradtape/autograd/ops/activation.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
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

/// The function chain(g, slope(x...)) of packs.
template <class F> struct ChainedSlope {
  F slope;
  template <class P> P operator()(const P& g, const auto&... x) const {
    return chain(g, P(slope(x...)));
  }
};

/// chain(g, slope(x...)): in one pass, or by public ops while the backward pass is itself recorded.
template <class F, class... Inputs>
Tensor chain_slope(const Tensor& g, const F& slope, const Inputs&... x) {
  if (recording()) return chain(g, slope(x...));
  return map_floating("chain", ChainedSlope<F>{slope}, g, x...);
}

/// A primitive of one input: its value, and its vjp in one pass and by public ops.
struct UnaryOp {
  const char* name;
  const Kernel* value;    // P(x)
  const Kernel* chained;  // of g and x, or g and P(x): chain(g, slope)
  int chained_operations;
  bool from_output;                // the slope is a function of P(x)
  Tensor (*slope)(const Tensor&);  // of x or P(x)
};
/// The op as it is recorded.
Tensor unary(const UnaryOp& op, const Tensor& x);

/// Primitive `P` as a recorded op.
template <class P> Tensor unary(const Tensor& x) {
  using Value = decltype([](const auto& p) { return apply<P>(p); });
  using Slope = decltype([](const auto& p) {
    if constexpr (primitive::FromOutput<P>)
      return P::of_output(p);
    else
      return P::of_input(p);
  });
  static const UnaryOp op = {P::name,
                             floating_kernels<1, Value>,
                             floating_kernels<2, ChainedSlope<Slope>>,
                             count_operations<2>(ChainedSlope<Slope>()),
                             primitive::FromOutput<P>,
                             [](const Tensor& p) -> Tensor { return Slope()(p); }};
  return unary(op, x);
}

/// f(a, b) with the literal among the two cast to the other's dtype.
template <class F> Tensor with_one_dtype(const char* op, const F& f, Tensor a, Tensor b) {
  unify(a, b, op);
  return f(a, b);
}

/// The primitive `P` of two inputs as a recorded op.
template <class P> Tensor binary(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype()) return with_one_dtype(P::name, binary<P>, a, b);
  const auto value = [](const auto& p, const auto& q) { return apply<P>(p, q); };
  return record(P::name, map_floating(P::name, value, a, b), {a, b},
                {elementwise_vjp{[a, b](const Tensor& g, const Tensor& y) {
                   return chain_slope(
                       g, [](const auto&... p) { return P::slope_a(p...); }, a, b, y);
                 }},
                 elementwise_vjp{[a, b](const Tensor& g, const Tensor& y) {
                   return chain_slope(
                       g, [](const auto&... p) { return P::slope_b(p...); }, a, b, y);
                 }}});
}

}  // namespace gradtape::detail
