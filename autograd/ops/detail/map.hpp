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

/// f over tensors of dtype T that broadcast together, in one pass.
template <class T, class F, class... Inputs>
Tensor map_values(const char* op, const F& f, const Inputs&... x) {
  constexpr std::size_t count = sizeof...(x);
  const std::array<const Tensor*, count> in{&x...};
  const auto each = [&](const auto& v) {
    using P = std::remove_cvref_t<decltype(v[0])>;
    return std::apply([&](const auto&... p) { return std::array<P, 1>{P(f(p...))}; }, v);
  };
  if ((... && (x.ndim() == 0))) {
    count_work(count_operations<count>(each), (count + 1) * sizeof(T));
    return make_scalar<T>(Pack<T>(f(Pack<T>(*static_cast<const T*>(x.raw()))...)).v);
  }
  Shape shape = in[0]->shape();
  for (std::size_t i = 1; i < count; ++i) shape = broadcast(shape, in[i]->shape(), op);
  const Tensor y = empty(shape, dtype_of<T>);
  map<T, count, 1>(shape, in, {y}, each);
  return y;
}

/// The same with the dtype found at run time: float32 or float64.
template <class F, class... Inputs>
Tensor map_floating(const char* op, const F& f, const Tensor& x, const Inputs&... more) {
  return visit_floating(x.dtype(), op,
                        [&](auto zero) { return map_values<decltype(zero)>(op, f, x, more...); });
}

/// The same for int64 too.
template <class F, class... Inputs>
Tensor map_numeric(const char* op, const F& f, const Tensor& x, const Inputs&... more) {
  if (x.dtype() == int64) return map_values<std::int64_t>(op, f, x, more...);
  if (x.dtype() == bool_)
    fail<DtypeError>(op,
                     "does not take bool; convert with to(float32) or to(int64), or use "
                     "logical_and, logical_or, where");
  return map_floating(op, f, x, more...);
}

/// chain(g, slope(x...)): in one pass, or by public ops while the backward pass is itself recorded.
template <class F, class... Inputs>
Tensor chain_slope(const Tensor& g, const F& slope, const Inputs&... x) {
  if (recording()) return chain(g, slope(x...));
  return map_floating(
      "chain",
      [&](const auto& c, const auto&... p) {
        using P = std::remove_cvref_t<decltype(c)>;
        return chain(c, P(slope(p...)));
      },
      g, x...);
}

/// Primitive `P` as a recorded op.
template <class P> Tensor unary(const Tensor& x) {
  Tensor y = map_floating(
      P::name, [](const auto& p) { return apply<P>(p); }, x);
  if constexpr (primitive::FromOutput<P>)
    return record(P::name, std::move(y), {x},
                  {elementwise_vjp{[](const Tensor& g, const Tensor& y) {
                    return chain_slope(
                        g, [](const auto& p) { return P::of_output(p); }, y);
                  }}});
  else
    return record(P::name, std::move(y), {x}, {elementwise_vjp{[x](const Tensor& g) {
                    return chain_slope(
                        g, [](const auto& p) { return P::of_input(p); }, x);
                  }}});
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
