/// The functions that formulas are written in, of packs and of dual numbers; on tensors they are
/// the ops of the same name. What each computes is in unary.hpp, binary.hpp and special.hpp.
#pragma once

#include "gradtape/autograd/elementwise/dual.hpp"
#include "gradtape/autograd/elementwise/special.hpp"

namespace gradtape {

#define GRADTAPE_FUNCTION(function, Primitive)                                               \
  template <detail::FormulaValue T> T function(const T& x) {                                 \
    return detail::lift<primitive::Primitive>(x, [](const auto& v) { return function(v); }); \
  }
GRADTAPE_PRIMITIVES(GRADTAPE_FUNCTION)
// Primitives whose ops have options, or are activations.
GRADTAPE_FUNCTION(round, Round)
GRADTAPE_FUNCTION(sigmoid, Sigmoid)
GRADTAPE_FUNCTION(softplus, Softplus)
GRADTAPE_FUNCTION(relu, Relu)
GRADTAPE_FUNCTION(tanhshrink, Tanhshrink)
GRADTAPE_FUNCTION(softsign, Softsign)
#undef GRADTAPE_FUNCTION

#define GRADTAPE_FUNCTION_OF_TWO(function, Primitive)                             \
  template <class A, class B>                                                     \
    requires(detail::FormulaValue<A> || detail::FormulaValue<B>)                  \
  auto function(const A& a, const B& b) {                                         \
    using T = detail::common<A, B>;                                               \
    return detail::lift<primitive::Primitive>(                                    \
        T(a), T(b), [](const auto& v, const auto& w) { return function(v, w); }); \
  }
GRADTAPE_FUNCTION_OF_TWO(pow, Pow)
GRADTAPE_FUNCTION_OF_TWO(maximum, Maximum)
GRADTAPE_FUNCTION_OF_TWO(minimum, Minimum)
GRADTAPE_FUNCTION_OF_TWO(fmax, Fmax)
GRADTAPE_FUNCTION_OF_TWO(fmin, Fmin)
GRADTAPE_FUNCTION_OF_TWO(atan2, Atan2)
GRADTAPE_FUNCTION_OF_TWO(hypot, Hypot)
GRADTAPE_FUNCTION_OF_TWO(copysign, Copysign)
GRADTAPE_FUNCTION_OF_TWO(fmod, Fmod)
GRADTAPE_FUNCTION_OF_TWO(remainder, Remainder)
GRADTAPE_FUNCTION_OF_TWO(floor_divide, FloorDivide)
GRADTAPE_FUNCTION_OF_TWO(logaddexp, Logaddexp)
GRADTAPE_FUNCTION_OF_TWO(xlogy, Xlogy)
#undef GRADTAPE_FUNCTION_OF_TWO

// What C++ calls them; of tensors, max(x, axis) is a reduction.
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto max(const A& a, const B& b) {
  return maximum(a, b);
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto min(const A& a, const B& b) {
  return minimum(a, b);
}

namespace detail {
/// d/dx x^n = n x^(n - 1), and 0 for n = 0, also at x = 0.
template <class T> auto power_slope(const T& x, double n) {
  return n == 0 ? 0.0 * unit_step(x) : n * pow(x, n - 1);
}
}  // namespace detail

/// x^n for a literal exponent: small whole ones by products, and no logarithm for the slope.
template <detail::FormulaValue T> T pow(const T& x, double n) {
  if constexpr (detail::is_dual<T>) {
    return x.scaled(pow(x.value, n), detail::power_slope(x.value, n));
  } else {
    if (n != std::nearbyint(n) || n < -8 || n > 8) return detail::apply<primitive::Pow>(x, T(n));
    if constexpr (std::same_as<T, Pack<detail::Counted>>)
      return detail::counted(x);
    else
      return math::whole_power(x.v, static_cast<int>(n));
  }
}
/// g d, and 0 where g is 0 whatever d is: a weight, mask or target of 0 takes away what it meets.
template <detail::FormulaValue T>
  requires detail::is_dual<T>
T masked_mul(const T& g, const T& d) {
  return T::combined(masked_mul(g.value, d.value), d.value, g, g.value, d);
}
/// min(max(x, low), high); the slope at the bounds is 1.
template <detail::FormulaValue T> T clamp(const T& x, double low, double high) {
  return where(x < low, T(low), where(x > high, T(high), x));
}
/// The n-th derivative of digamma.
template <detail::FormulaValue T> T polygamma(int n, const T& x) {
  if constexpr (detail::is_dual<T>) {
    return x.scaled(polygamma(n, x.value), polygamma(n + 1, x.value));
  } else if constexpr (std::same_as<T, Pack<detail::Counted>>) {
    return detail::counted(x);
  } else {
    return primitive::each(
        [n](auto e) { return static_cast<decltype(e)>(detail::polygamma(n, e)); }, x.v);
  }
}

}  // namespace gradtape
